// Difference of two runs
// description: What changes from one run to another of the same shape: edges that only the other has
//   (gained), edges that it lacks (lost), and edges whose place among all scored pairs is another.
//   Gained and lost edges come strongest first, the others by how far they moved.
// params:
//   run (run): the run to start from
//   other (run): the run to compare it with
//   limit (count) = 10: edges at most of each of the three kinds
// returns: rows; may be empty where the two have the same edges in the same order
//   change (string): gained, lost or moved
//   total (integer): edges that changed so
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
  CALL (source) {
    MATCH (:Head {run: $run, name: source})-[e]->(t:Head)
    RETURN t.name AS target, e AS before, null AS after
  UNION ALL
    MATCH (:Head {run: $other, name: source})-[e]->(t:Head)
    RETURN t.name AS target, null AS before, e AS after
  }
  WITH target, type(coalesce(before, after)) AS pairing,
       head(collect(before)) AS before, head(collect(after)) AS after
  WITH target, pairing, before, after,
       CASE WHEN before IS NULL THEN "gained" WHEN after IS NULL THEN "lost" ELSE "moved"
       END AS change,
       CASE WHEN before IS NULL THEN after.pk_rank WHEN after IS NULL THEN before.pk_rank
         ELSE -abs(after.pk_rank - before.pk_rank) END AS place
  WHERE place <> 0
  WITH * ORDER BY place
  WITH change, count(*) AS here,
       collect({place: place, pairing: pairing, target: target, before: before, after: after})
         [..toInteger($limit)] AS edges
  RETURN change, here, edges
}
WITH change, sum(here) AS total, collect({source: source, edges: edges}) AS parts
CALL (parts) {
  UNWIND parts AS part
  UNWIND part.edges AS edge
  RETURN part.source AS source, edge
  ORDER BY edge.place, edge.pairing, source, edge.target LIMIT toInteger($limit)
}
RETURN change, total, edge.pairing AS pairing, source, edge.target AS target,
       edge.before.pk AS pk_before, edge.after.pk AS pk_after,
       edge.before.pk_rank AS rank_before, edge.after.pk_rank AS rank_after
ORDER BY change, edge.place, pairing, source, target
