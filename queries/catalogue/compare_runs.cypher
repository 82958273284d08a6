// Difference of two runs
// description: What changes from one run to another of the same shape, over the pairings that both
//   scored. Of the pairs that both runs kept, `changed` are those whose Projection Kernel differs by
//   more than rounding explains, by the bound of `headgraph diff`. The rest are the `same`, even if
//   other pairs shift their place. A pair that a run did not keep is not 0 there: it can have any
//   value up to the lowest that the run kept of the pairing, `kept_from`. So a pair that only the
//   other run kept is `gained` only if it is above this limit by more than rounding, or if this run
//   keeps all pairs of the pairing. Pairs that only this run kept are `lost` by the same rule. The
//   other pairs that one run alone kept are `undecided`. Each kind has its total, and a row without
//   heads where it shows no pair. Undecided pairs and the same have no more than the total. Changed
//   pairs come in order of their difference, gained and lost pairs strongest first.
// params:
//   run (run): the run to start from
//   other (run): the run to compare it with
//   by (pk or z or rank) = "pk": measure of difference and of strength
//   limit (count) = 10: pairs at most of each kind
// returns: graph
//   change (string): changed, gained, lost, same or undecided
//   total (integer): pairs of this kind; a scored pair counts once, however many query heads share
//     its key/value head
//   pairing (pairing): the source's role, then the target's
//   source (head): the head that writes
//   target (head): the head that reads; of several that share a key/value head, the first
//   kv_head (integer): that key/value head; empty where heads share none
//   pk_before (float): Projection Kernel in the run
//   pk_after (float): Projection Kernel in the other
//   z_before (float): z in the run
//   z_after (float): z in the other
//   rank_before (integer): place among all scored pairs of the pairing, in the run
//   rank_after (integer): the same in the other
//   kept_from (float): for a gained or lost pair, the lowest Projection Kernel that the run without
//     it kept of this pairing
//   before (graph): the edge in the run
//   after (graph): the edge in the other
// requires: even
// example: run=induction-2l other=induction-2l-folded limit=4
MATCH (run:Run {name: $run})
MATCH (other:Run {name: $other})
WITH run, other, [p IN run.pairings WHERE p IN other.pairings] AS pairings,
     // query heads that share a key/value head have equal edges: the first of them stands for all
     CASE WHEN run.kv = "native" AND other.kv = "native" AND run.n_kv_heads = other.n_kv_heads
          THEN run.n_heads / run.n_kv_heads ELSE 1 END AS together,
     // the rounding of the arithmetic of both runs, and of the table, which stores float32
     run.d_head * (2.0 ^ -23 + sqrt(run.d_model) *
       (CASE run.dtype WHEN "float64" THEN 2.0 ^ -52 ELSE 2.0 ^ -23 END +
        CASE other.dtype WHEN "float64" THEN 2.0 ^ -52 ELSE 2.0 ^ -23 END)) AS noise
// the most that a pair can have that a run did not keep; null where nothing is known
CALL (run, other, pairings) {
  UNWIND pairings AS pairing
  UNWIND [run, other] AS r
  WITH pairing, r,
       head([i IN range(0, coalesce(size(r.kept_pairings), 0) - 1)
             WHERE r.kept_pairings[i] = pairing | i]) AS i,
       // `scored` is JSON: the number that follows the name of the pairing
       toInteger(trim(split(split(split(r.scored, '"' + pairing + '":')[1], ",")[0], "}")[0])) AS scored
  RETURN collect({run: r.name, pairing: pairing, pk: CASE
    WHEN r.pairs >= r.pairs_scored OR r.kept_pairs[i] >= scored THEN 0.0
    ELSE r.kept_pk_min[i] END}) AS limits
}
CALL () {
  MATCH (h:Head) WHERE h.run IN [$run, $other]
  RETURN DISTINCT h.layer AS layer, h.name AS source
}
CALL (source, pairings, together, noise, limits) {
  MATCH (a:Head)-[e]->(t:Head)
  WHERE a.run IN [$run, $other] AND a.name = source AND type(e) IN pairings
    AND (NOT left(type(e), 1) IN ["K", "V"] OR a.head % together = 0)
    AND (NOT right(type(e), 1) IN ["K", "V"] OR t.head % together = 0)
  WITH t.name AS target, type(e) AS pairing,
       collect(CASE a.run WHEN $run THEN e END)[0] AS before,
       collect(CASE a.run WHEN $other THEN e END)[0] AS after
  WITH target, pairing,
       CASE $by WHEN "pk" THEN before.pk WHEN "z" THEN before.z ELSE -before.pk_rank END AS was,
       CASE $by WHEN "pk" THEN after.pk WHEN "z" THEN after.z ELSE -after.pk_rank END AS is,
       CASE WHEN before IS NULL AND after.pk - noise >
              head([l IN limits WHERE l.run = $run AND l.pairing = pairing | l.pk]) THEN "gained"
            WHEN after IS NULL AND before.pk - noise >
              head([l IN limits WHERE l.run = $other AND l.pairing = pairing | l.pk]) THEN "lost"
            WHEN before IS NULL OR after IS NULL THEN "undecided"
            WHEN abs(after.pk - before.pk) > noise THEN "changed"
            ELSE "same" END AS change
  WITH change, target, pairing, coalesce(abs(is - was), is, was) AS far
  ORDER BY far DESC, pairing, target
  // copied, because a slice keeps the whole list in memory
  WITH change, count(*) AS here,
       collect(CASE WHEN NOT change IN ["same", "undecided"] THEN [far, pairing, target] END) AS edges
  RETURN change, here, [edge IN edges[..toInteger($limit)] | edge] AS edges
}
// the strongest of each layer, then of all: the server counts a list again for each row that it sorts,
// until the rows are grouped anew
WITH run, other, layer, change, sum(here) AS here, collect({source: source, edges: edges}) AS parts
CALL (parts) {
  UNWIND parts AS part
  UNWIND part.edges AS edge
  WITH part.source AS source, edge[0] AS far, edge[1] AS pairing, edge[2] AS target
  ORDER BY far DESC, pairing, source, target LIMIT toInteger($limit)
  RETURN collect({source: source, far: far, pairing: pairing, target: target}) AS edges
}
UNWIND [null] + edges AS edge
WITH run, other, change, edge, sum(CASE WHEN edge IS NULL THEN here ELSE 0 END) AS here
ORDER BY edge.far DESC, edge.pairing, edge.source, edge.target
WITH run, other, change, sum(here) AS total, collect(edge) AS edges
WITH run, other, collect({change: change, total: total,
                          edges: [edge IN edges[..toInteger($limit)] | edge]}) AS kinds
UNWIND ["changed", "gained", "lost", "same", "undecided"] AS change
WITH run, other, change, head([k IN kinds WHERE k.change = change]) AS kind
WITH run, other, change, coalesce(kind.total, 0) AS total, coalesce(kind.edges, []) AS edges
UNWIND CASE edges WHEN [] THEN [{}] ELSE edges END AS edge
OPTIONAL MATCH before = (:Head {run: $run, name: edge.source})-[b]->
                        (:Head {run: $run, name: edge.target}) WHERE type(b) = edge.pairing
OPTIONAL MATCH after = (:Head {run: $other, name: edge.source})-[a]->
                       (:Head {run: $other, name: edge.target}) WHERE type(a) = edge.pairing
WITH *, CASE change WHEN "gained" THEN run WHEN "lost" THEN other END AS without
RETURN change, total, edge.pairing AS pairing, edge.source AS source,
       edge.target AS target, coalesce(a.kv_head, b.kv_head) AS kv_head,
       b.pk AS pk_before, a.pk AS pk_after, b.z AS z_before, a.z AS z_after,
       b.pk_rank AS rank_before, a.pk_rank AS rank_after,
       head([i IN range(0, coalesce(size(without.kept_pairings), 0) - 1)
             WHERE without.kept_pairings[i] = edge.pairing | without.kept_pk_min[i]]) AS kept_from,
       before, after
ORDER BY change, edge.far DESC, pairing, source, target
