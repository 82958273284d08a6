// Edges between two roles
// description: The kept edges from heads of one role to heads of another, by any pairing, strongest
//   first. An edge shows that the weights allow the connection, not that the model uses it.
//   Compare `edges` with `expected`: some pairs of layers have far more edges than others, whatever the
//   roles. `role_matrix` counts such edges for all roles.
// params:
//   run (run): the run to ask about
//   writer (role): role of the heads that write
//   reader (role): role of the heads that read
//   pairings (list of pairing) = ["OQ", "OK", "OV"]: edges that count
//   limit (count) = 50: edges at most
// returns: graph; may be empty where no two such heads share a kept edge
//   writer_head (head): the head that writes
//   pairing (pairing): the source's role, then the target's
//   reader_head (head): the head that reads
//   pk (float): Projection Kernel
//   z (float): z, against the random reference
//   pk_rank (integer): place among all scored pairs of the pairing
//   decoy_q (float): smallest share of decoys at any threshold that keeps the edge; empty where the
//     table has no decoys
//   edges (integer): kept edges of these pairings between the two roles, shown or not; the same in
//     every row
//   expected (float): for each pair of such heads that could have an edge, the run's edges of these
//     pairings between the same two layers, divided by heads times heads, all together; the same in
//     every row
//   path (graph): writer, edge and reader
// example: writer=previous_token reader=induction limit=8
MATCH (run:Run {name: $run})
MATCH (h:Head {run: $run})
// a plan from the roles would read the heads of every run; these lists hold the run's heads alone
WITH run, collect(h) AS all
WITH run, COLLECT {
       UNWIND all AS h WITH h WHERE EXISTS { (h)-[:HAS_ROLE]->(r) WHERE r.name = $writer } RETURN h
     } AS writers,
     COLLECT {
       UNWIND all AS h WITH h WHERE EXISTS { (h)-[:HAS_ROLE]->(r) WHERE r.name = $reader } RETURN h
     } AS readers
// edges between two layers, which depth alone would give to a pair of their heads
CALL (run) {
  MATCH (a:Head {run: run.name})-[e]->(b:Head) WHERE type(e) IN $pairings
  WITH a.layer AS source, b.layer AS target, count(*) AS edges
  RETURN collect({source: source, target: target, edges: edges}) AS flow
}
CALL (run, flow, writers, readers) {
  UNWIND writers AS a
  UNWIND readers AS b
  WITH a, b
  WHERE CASE run.layer_order
    WHEN "forward" THEN a.layer < b.layer
    WHEN "within" THEN a.layer = b.layer
    ELSE true END
  WITH a.layer AS source, b.layer AS target, count(*) AS here
  RETURN sum(toFloat(here) / run.n_heads ^ 2 * reduce(all = 0, f IN flow |
    CASE WHEN f.source = source AND f.target = target THEN f.edges ELSE all END)) AS expected
}
CALL (writers, readers) {
  UNWIND writers AS a
  MATCH (a)-[e]->(b) WHERE type(e) IN $pairings AND b IN readers
  RETURN count(e) AS edges
}
UNWIND writers AS a
MATCH path = (a)-[e]->(b) WHERE type(e) IN $pairings AND b IN readers
RETURN a.name AS writer_head, type(e) AS pairing, b.name AS reader_head, e.pk AS pk, e.z AS z,
       e.pk_rank AS pk_rank, e.decoy_q AS decoy_q, edges, round(expected, 9) AS expected, path
ORDER BY pk DESC, pk_rank, pairing, a.layer, a.head, b.layer, b.head
LIMIT toInteger($limit)
