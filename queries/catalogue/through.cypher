// Paths through a head
// description: Inlet head, hub, outlet head: what one head writes, the hub reads and what the hub
//   writes, another reads. With an identity head such as GPT-2's L4H7 as the hub these are the
//   identity-head paths. A path is as strong as its weaker edge; among equals the product decides.
// params:
//   run (run): the run to ask about
//   head (head): the hub
//   limit (count) = 20: paths at most
// returns: graph; may be empty where no edge enters the head or none leaves it
//   inlet (head): the head that writes what the hub reads
//   in_pairing (pairing): how the hub reads it
//   in_pk (float): Projection Kernel of the first edge
//   hub (head): the head in the middle
//   out_pairing (pairing): how the outlet reads what the hub writes
//   out_pk (float): Projection Kernel of the second edge
//   outlet (head): the head that reads what the hub writes
//   weakest (float): the smaller of the two Projection Kernels
//   product (float): product of the two normalised Projection Kernels, 0 to 1
//   path (graph): three heads and two edges
MATCH (h:Head {run: $run, name: $head})
MATCH path = (a:Head {run: $run})-[i:OQ|OK|OV]->(h)-[o:OQ|OK|OV]->(b:Head {run: $run})
WITH path, a, i, h, o, b,
     CASE WHEN i.pk < o.pk THEN i.pk ELSE o.pk END AS weakest,
     i.pk_normalized * o.pk_normalized AS product
ORDER BY weakest DESC, product DESC, a.layer, a.head, type(i), type(o), b.layer, b.head
LIMIT toInteger($limit)
RETURN a.name AS inlet, type(i) AS in_pairing, i.pk AS in_pk, h.name AS hub,
       type(o) AS out_pairing, o.pk AS out_pk, b.name AS outlet, weakest, product, path
ORDER BY weakest DESC, product DESC, a.layer, a.head, in_pairing, out_pairing, b.layer, b.head
