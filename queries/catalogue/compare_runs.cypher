// Difference of two runs
// description: What changes from one run to another of the same shape: edges that only the other has
//   (gained), edges that it lacks (lost), and edges whose place among all scored pairs changes
//   (moved). Gained and lost edges come strongest first, moved edges by how far they moved.
// params:
//   run (run): the run to start from
//   other (run): the run to compare it with
//   limit (count) = 10: edges at most of each of the three kinds
// returns: rows; may be empty where the two have the same edges in the same order
//   change (string): gained, lost or moved
//   total (integer): edges of this kind of change
//   pairing (pairing): the source's role, then the target's
//   source (head): the head that writes
//   target (head): the head that reads
//   pk_before (float): Projection Kernel in the run
//   pk_after (float): Projection Kernel in the other
//   rank_before (integer): place among all scored pairs of the pairing, in the run
//   rank_after (integer): the same in the other
// example: run=induction-2l other=induction-2l-folded limit=4
MATCH (h:Head) WHERE h.run IN [$run, $other]
WITH DISTINCT h.name AS source
CALL (source) {
  MATCH (a:Head)-[e]->(t:Head) WHERE a.run IN [$run, $other] AND a.name = source
  WITH t.name AS target, type(e) AS pairing,
       max(CASE a.run WHEN $run THEN e.pk_rank END) AS before,
       max(CASE a.run WHEN $other THEN e.pk_rank END) AS after
  WITH target, pairing,
       CASE WHEN before IS NULL THEN "gained" WHEN after IS NULL THEN "lost" ELSE "moved"
       END AS change,
       coalesce(-abs(after - before), after, before) AS place
  WHERE place <> 0
  WITH * ORDER BY place
  // copied, because a slice keeps the whole list in memory
  WITH change, count(*) AS here, collect([place, pairing, target]) AS edges
  RETURN change, here, [edge IN edges[..toInteger($limit)] | edge] AS edges
}
WITH change, sum(here) AS total, collect({source: source, edges: edges}) AS parts
CALL (parts) {
  UNWIND parts AS part
  UNWIND part.edges AS edge
  WITH part.source AS source, edge[0] AS place, edge[1] AS pairing, edge[2] AS target
  RETURN source, place, pairing, target
  ORDER BY place, pairing, source, target LIMIT toInteger($limit)
}
OPTIONAL MATCH (:Head {run: $run, name: source})-[before]->(:Head {run: $run, name: target})
WHERE type(before) = pairing
OPTIONAL MATCH (:Head {run: $other, name: source})-[after]->(:Head {run: $other, name: target})
WHERE type(after) = pairing
RETURN change, total, pairing, source, target, before.pk AS pk_before, after.pk AS pk_after,
       before.pk_rank AS rank_before, after.pk_rank AS rank_after
ORDER BY change, place, pairing, source, target
