// Paths through a head
// description: Paths of an inlet head, a hub and an outlet head: the hub reads what the inlet writes,
//   and the outlet reads what the hub writes. With an identity head as the hub, such as GPT-2's L4H7,
//   these are the identity-head paths. A path is as strong as its weaker edge; between equals, the
//   product of the two decides. Paths come strongest first. A path is skipped if the list has its
//   inlet or its outlet `per_head` times already, because one strong inlet could fill the list alone.
// params:
//   run (run): the run to ask about
//   head (head): the hub
//   limit (count) = 20: paths at most
//   per_head (count) = 2: paths at most with the same inlet, and with the same outlet
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
// Each side is read once, up to the last edge that the list can reach. Before the list takes a path, it
// has seen all paths with the same second edge and a stronger first edge. Fewer than `per_head` of them
// are in the list, since the outlet still has room. It skipped the others because their inlets are in it
// `per_head` times already: at most (limit - 1) / per_head heads with three edges each. The same holds
// for outlets.
// Edges stay within a run. Without labels a plan can only start at the hub, whatever the statistics say.
WITH h, COLLECT {
  MATCH (a)-[i:OQ|OK|OV]->(h)
  RETURN i ORDER BY i.pk DESC, a.layer, a.head, type(i)
  LIMIT toInteger(CASE WHEN $per_head < $limit THEN $per_head ELSE $limit END
                  + 3 * (($limit - 1) / $per_head))
} AS ins, COLLECT {
  MATCH (h)-[o:OQ|OK|OV]->(b)
  RETURN o ORDER BY o.pk DESC, type(o), b.layer, b.head
  LIMIT toInteger(CASE WHEN $per_head < $limit THEN $per_head ELSE $limit END
                  + 3 * (($limit - 1) / $per_head))
} AS outs
UNWIND ins AS i
UNWIND outs AS o
WITH h, startNode(i) AS a, i, o, endNode(o) AS b,
     CASE WHEN i.pk < o.pk THEN i.pk ELSE o.pk END AS weakest
ORDER BY weakest DESC, i.pk * o.pk DESC, a.layer, a.head, type(i), type(o), b.layer, b.head
WITH h, collect({a: a, i: i, o: o, b: b, weakest: weakest}) AS all
WITH h, reduce(kept = [], p IN all |
       CASE WHEN size(kept) < $limit
             AND size([k IN kept WHERE k.a = p.a]) < $per_head
             AND size([k IN kept WHERE k.b = p.b]) < $per_head
            THEN kept + p ELSE kept END) AS kept
UNWIND range(0, size(kept) - 1) AS place
WITH place, kept[place].a AS a, kept[place].i AS i, h, kept[place].o AS o,
     kept[place].b AS b, kept[place].weakest AS weakest
MATCH path = (a)-[i]->(h)-[o]->(b)
RETURN a.name AS inlet, type(i) AS in_pairing, i.pk AS in_pk, h.name AS hub,
       type(o) AS out_pairing, o.pk AS out_pk, b.name AS outlet, weakest,
       i.pk_normalized * o.pk_normalized AS product, path
ORDER BY place
