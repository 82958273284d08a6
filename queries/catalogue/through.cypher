// Paths through a head
// description: Inlet head, hub, outlet head: what one head writes, the hub reads and what the hub
//   writes, another reads. With an identity head such as GPT-2's L4H7 as the hub these are the
//   identity-head paths. A path is as strong as its weaker edge; among equals the product decides.
//   The list is filled from the strongest path on; one whose inlet or outlet stands in it `per_head`
//   times already is passed over, as one strong inlet would otherwise fill the list alone.
// params:
//   run (run): the run to ask about
//   head (head): the hub
//   limit (count) = 20: paths at most
//   per_head (count) = 2: of these, at most so many with the same inlet, and with the same outlet
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
// example: head=L4H7 limit=8
MATCH (h:Head {run: $run, name: $head})
MATCH path = (a:Head {run: $run})-[i:OQ|OK|OV]->(h)-[o:OQ|OK|OV]->(b:Head {run: $run})
WITH path, a, i, h, o, b,
     CASE WHEN i.pk < o.pk THEN i.pk ELSE o.pk END AS weakest,
     i.pk_normalized * o.pk_normalized AS product
ORDER BY weakest DESC, product DESC, a.layer, a.head, type(i), type(o), b.layer, b.head
WITH collect({path: path, a: a, i: i, h: h, o: o, b: b, weakest: weakest, product: product}) AS all
WITH reduce(kept = [], p IN all |
       CASE WHEN size(kept) < $limit
             AND size([k IN kept WHERE k.a = p.a]) < $per_head
             AND size([k IN kept WHERE k.b = p.b]) < $per_head
            THEN kept + p ELSE kept END) AS kept
UNWIND kept AS p
WITH p.path AS path, p.a AS a, p.i AS i, p.h AS h, p.o AS o, p.b AS b,
     p.weakest AS weakest, p.product AS product
RETURN a.name AS inlet, type(i) AS in_pairing, i.pk AS in_pk, h.name AS hub,
       type(o) AS out_pairing, o.pk AS out_pk, b.name AS outlet, weakest, product, path
ORDER BY weakest DESC, product DESC, a.layer, a.head, in_pairing, out_pairing, b.layer, b.head
