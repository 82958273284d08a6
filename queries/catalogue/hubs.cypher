// Hubs
// description: Heads through which much passes. The inlet score of a head is the sum of z over the
//   edges that enter it, the outlet score the sum over those that leave it, where an edge to one of
//   several heads behind one key/value head counts by its share. `both` is the geometric mean of the
//   two: a head that only reads or only writes has 0. These scores are this project's own; they
//   grow with what the run kept, so compare heads within one run.
// params:
//   run (run): the run to ask about
//   pairings (list of pairing) = ["OQ", "OK", "OV"]: edges that count
//   limit (count) = 20: heads at most
// returns: graph; may be empty where the run has no edge of these pairings
//   head (head): the hub; most in both directions first
//   inlet (float): sum of z over the edges that enter
//   outlet (float): sum of z times share over the edges that leave
//   both (float): square root of inlet times outlet, 0 where either is not positive
//   edges_in (integer): edges that enter
//   edges_out (integer): edges that leave
//   roles (list of role): known roles
//   hub (graph): the head
//   links (graph): its edges to other heads of this list
// example: limit=8
MATCH (h:Head {run: $run})
CALL (h) {
  OPTIONAL MATCH (h)<-[e]-() WHERE type(e) IN $pairings
  RETURN toFloat(sum(e.z)) AS inlet, count(e) AS edges_in
}
CALL (h) {
  OPTIONAL MATCH (h)-[e]->() WHERE type(e) IN $pairings
  RETURN toFloat(sum(e.z * e.share)) AS outlet, count(e) AS edges_out
}
WITH h, inlet, outlet, edges_in, edges_out,
     CASE WHEN inlet > 0 AND outlet > 0 THEN sqrt(inlet * outlet) ELSE 0.0 END AS both
WHERE edges_in + edges_out > 0
ORDER BY both DESC, inlet + outlet DESC, h.layer, h.head
LIMIT toInteger($limit)
WITH collect({h: h, inlet: inlet, outlet: outlet, both: both, in: edges_in, out: edges_out}) AS rows
UNWIND rows AS row
WITH row.h AS h, row, [other IN rows | other.h] AS hubs
RETURN h.name AS head, row.inlet AS inlet, row.outlet AS outlet, row.both AS both,
       row.in AS edges_in, row.out AS edges_out,
       COLLECT { MATCH (h)-[:HAS_ROLE]->(r:Role) RETURN DISTINCT r.name ORDER BY r.name } AS roles,
       h AS hub,
       COLLECT { MATCH (h)-[e]->(o:Head) WHERE type(e) IN $pairings AND o IN hubs RETURN e } AS links
ORDER BY both DESC, inlet + outlet DESC, h.layer, h.head
