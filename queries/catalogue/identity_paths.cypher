// Paths through heads of one role
// description: Paths from an inlet head through a head of one role to an outlet head. The paths are
//   those of `through`, for all heads of the role at once. The default role is identity: heads that
//   attend to their own position. Two kept edges do not show that the head in the middle passes on
//   what it reads: `copying` near -1 with a high `self_overlap` means that it writes the negative,
//   which can erase it. Where `direct_pk` has a value, the outlet also reads the inlet without it.
//   Heads of one layer differ in how many paths they carry, and any head carries some: compare
//   `hub_paths` with `expected`, which is what a head of the same layer carries on average.
//   A path is as strong as its weaker edge; between equals, the product of the two decides. A path
//   is skipped if the list has its inlet or its outlet `per_head` times already.
// params:
//   run (run): the run to ask about
//   role (role) = "identity": role of the heads in the middle
//   limit (count) = 20: paths at most
//   per_head (count) = 2: paths at most with the same inlet, and with the same outlet
// returns: graph; may be empty where no head of this role has both an edge that enters and one that leaves
//   inlet (head): the head that writes what the middle head reads
//   inlet_roles (list of role): known roles of the inlet; "(derived)" marks those that follow from
//     the weights alone
//   in_pairing (pairing): how the middle head reads it
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
//   hub_paths (integer): all paths of kept edges through the hub: edges that enter it times edges that
//     leave it
//   expected (float): the same for a head chosen at random from the layer of the hub, the mean over
//     all its heads
//   direct_pairing (pairing): pairing of the strongest kept edge from the inlet to the outlet
//   direct_pk (float): its Projection Kernel; empty where no such edge was kept
//   path (graph): three heads and two edges
// example: limit=8
MATCH (h:Head {run: $run})
// a plan from the role would read the heads of every run; this list holds the run's heads alone
WITH collect(h) AS all
UNWIND all AS h
WITH h WHERE EXISTS { (h)-[:HAS_ROLE]->(r) WHERE r.name = $role }
// each side is read up to the last edge that the list can reach, as `through` explains
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
WITH h, startNode(i) AS a, i, o, endNode(o) AS b, CASE WHEN i.pk < o.pk THEN i.pk ELSE o.pk END AS weakest
ORDER BY weakest DESC, i.pk * o.pk DESC, h.layer, h.head, a.layer, a.head, type(i), type(o),
         b.layer, b.head
WITH collect({h: h, a: a, i: i, o: o, b: b, weakest: weakest}) AS all
WITH reduce(kept = [], p IN all |
       CASE WHEN size(kept) < $limit
             AND size([k IN kept WHERE k.a = p.a]) < $per_head
             AND size([k IN kept WHERE k.b = p.b]) < $per_head
            THEN kept + p ELSE kept END) AS kept
UNWIND range(0, size(kept) - 1) AS place
WITH place, kept[place].a AS a, kept[place].i AS i, kept[place].h AS h, kept[place].o AS o,
     kept[place].b AS b, kept[place].weakest AS weakest
MATCH path = (a)-[i]->(h)-[o]->(b)
CALL (h) {
  MATCH (x:Head {run: $run}) WHERE x.layer = h.layer
  WITH h, x, COUNT { (s)-[:OQ|OK|OV]->(x) WHERE s <> x } * COUNT { (x)-[:OQ|OK|OV]->(t) WHERE t <> x }
       AS paths
  RETURN sum(CASE x WHEN h THEN paths ELSE 0 END) AS hub_paths, avg(paths) AS expected
}
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
       CASE WHEN i.decoy_q > o.decoy_q THEN i.decoy_q ELSE o.decoy_q END AS decoy_q, hub_paths, expected,
       type(direct) AS direct_pairing, direct.pk AS direct_pk, path
ORDER BY place
