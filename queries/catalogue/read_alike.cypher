// Heads that read alike
// description: Pairs of heads whose queries, keys or values read from overlapping subspaces (pairings
//   QQ, KK and VV): such heads may do the same work. A high z alone is no likeness, since heads that
//   read the same stream exceed random subspaces in general: in GPT-2, the mean QQ pair does by far.
// params:
//   run (run): the run to ask about
//   per_pairing (count) = 20: scored pairs of each pairing
// returns: graph; may be empty where the run has no such pairings (headgraph compute --pairings all)
//   pairing (pairing): QQ, KK or VV
//   first (head): the head of the earlier layer
//   second (head): the head of the later layer
//   pk (float): Projection Kernel
//   z (float): z, against the random reference
//   pk_rank (integer): place among all scored pairs of the pairing
//   path (graph): the two heads and their edge
// example: run=induction-2l per_pairing=4
CALL () {
  MATCH (:Head {run: $run})-[e:QQ]->(:Head {run: $run}) WHERE e.pk_rank > 0
  WITH e.pk_rank AS pk_rank, collect(e) AS edges ORDER BY pk_rank LIMIT toInteger($per_pairing)
  RETURN 1 AS place, edges
UNION ALL
  MATCH (:Head {run: $run})-[e:KK]->(:Head {run: $run}) WHERE e.pk_rank > 0
  WITH e.pk_rank AS pk_rank, collect(e) AS edges ORDER BY pk_rank LIMIT toInteger($per_pairing)
  RETURN 2 AS place, edges
UNION ALL
  MATCH (:Head {run: $run})-[e:VV]->(:Head {run: $run}) WHERE e.pk_rank > 0
  WITH e.pk_rank AS pk_rank, collect(e) AS edges ORDER BY pk_rank LIMIT toInteger($per_pairing)
  RETURN 3 AS place, edges
}
UNWIND edges AS e
MATCH path = (a)-[e]->(b)
RETURN type(e) AS pairing, a.name AS first, b.name AS second, e.pk AS pk, e.z AS z,
       e.pk_rank AS pk_rank, path
ORDER BY place, pk_rank, a.layer, a.head, b.layer, b.head
