// Paths through a head
// description: Paths from an inlet head through a hub to an outlet head: the hub reads what the
//   inlet writes, and the outlet reads what the hub writes. With an identity head as the hub, such
//   as GPT-2's L4H7, these are the identity-head paths. Two kept edges do not show that the hub
//   passes on what it reads: `copying` near -1 with a high `self_overlap` means that it writes the
//   negative, which can erase it. Where `direct_pk` has a value, the outlet also reads the inlet
//   without the hub. A path is as strong as its weaker edge; between equals, the product of the two
//   decides. Paths come strongest first. A path is skipped if the list has its inlet or its outlet
//   `per_head` times already, because one strong inlet could fill the list alone.
// params:
//   run (run): the run to ask about
//   head (head): the hub
//   limit (count) = 20: paths at most
//   per_head (count) = 2: paths at most with the same inlet, and with the same outlet
// returns: graph; may be empty where no edge enters the head or none leaves it
//   inlet (head): the head that writes what the hub reads
//   inlet_roles (list of role): known roles of the inlet; "(derived)" marks those that follow from
//     the weights alone
//   in_pairing (pairing): how the hub reads it
//   in_pk (float): Projection Kernel of the first edge
//   hub (head): the head in the middle
//   copying (float): sign of what the hub writes back into what it reads as its value, 1 the
//     same and -1 the negative; empty where it reads the inlet as query or key, which only decides where it attends
//   self_overlap (float): share of what the hub writes that lies in what it reads as its value, 0 to 1;
//     empty as `copying`
//   out_pairing (pairing): how the outlet reads what the hub writes
//   out_pk (float): Projection Kernel of the second edge
//   outlet (head): the head that reads what the hub writes
//   outlet_roles (list of role): known roles of the outlet
//   weakest (float): the smaller of the two Projection Kernels
//   product (float): product of the two normalised Projection Kernels, 0 to 1
//   decoy_q (float): greatest `decoy_q` of the edges: how doubtful the most doubtful is, as a share of
//     decoys; empty where the table has none
//   direct_pairing (pairing): pairing of the strongest kept edge from the inlet to the outlet
//   direct_pk (float): its Projection Kernel; empty where no such edge was kept
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
  MATCH (a)-[i:OQ|OK|OV]->(h) WHERE a <> h
  RETURN i ORDER BY i.pk DESC, a.layer, a.head, type(i)
  LIMIT toInteger(CASE WHEN $per_head < $limit THEN $per_head ELSE $limit END
                  + 3 * (($limit - 1) / $per_head))
} AS ins, COLLECT {
  MATCH (h)-[o:OQ|OK|OV]->(b) WHERE b <> h
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
WITH *, COLLECT {
  MATCH (a)-[d:OQ|OK|OV]->(b) RETURN d ORDER BY d.pk DESC, type(d) LIMIT 1
}[0] AS direct
RETURN a.name AS inlet,
       COLLECT {
         MATCH (a)-[has:HAS_ROLE]->(r:Role)
         RETURN DISTINCT CASE has.circuit WHEN "weights" THEN r.name + " (derived)" ELSE r.name END AS role
         ORDER BY role
       } AS inlet_roles,
       type(i) AS in_pairing, i.pk AS in_pk, h.name AS hub,
       CASE type(i) WHEN "OV" THEN h.copying END AS copying,
       CASE type(i) WHEN "OV" THEN h.self_overlap END AS self_overlap, type(o) AS out_pairing, o.pk AS out_pk, b.name AS outlet,
       COLLECT {
         MATCH (b)-[has:HAS_ROLE]->(r:Role)
         RETURN DISTINCT CASE has.circuit WHEN "weights" THEN r.name + " (derived)" ELSE r.name END AS role
         ORDER BY role
       } AS outlet_roles,
       weakest, i.pk_normalized * o.pk_normalized AS product,
       CASE WHEN i.decoy_q > o.decoy_q THEN i.decoy_q ELSE o.decoy_q END AS decoy_q, type(direct) AS direct_pairing,
       direct.pk AS direct_pk, path
ORDER BY place
