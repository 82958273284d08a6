// Strongest edges
// description: The strongest edges of OQ, OK and OV, as in the paper's wiring diagram.
//   `per_pairing` counts scored pairs, strongest first. Where several query heads share a key/value
//   head, each has an edge, so there can be more edges than pairs.
// params:
//   run (run): the run to ask about
//   per_pairing (count) = 20: scored pairs of each pairing
// returns: graph; may be empty where the run has no edge of OQ, OK or OV
//   pairing (pairing): the source's role, then the target's
//   source (head): the head that writes
//   target (head): the head that reads
//   pk (float): Projection Kernel
//   z (float): z, against the random reference
//   pk_rank (integer): place among all scored pairs of the pairing
//   decoy_q (float): smallest share of decoys at any threshold that keeps the edge; empty where the
//     table has no decoys
//   path (graph): source, edge and target
// example: per_pairing=4
CALL () {
  MATCH (:Head {run: $run})-[e:OQ]->(:Head {run: $run}) WHERE e.pk_rank > 0
  WITH e.pk_rank AS pk_rank, collect(e) AS edges ORDER BY pk_rank LIMIT toInteger($per_pairing)
  RETURN 1 AS place, edges
UNION ALL
  MATCH (:Head {run: $run})-[e:OK]->(:Head {run: $run}) WHERE e.pk_rank > 0
  WITH e.pk_rank AS pk_rank, collect(e) AS edges ORDER BY pk_rank LIMIT toInteger($per_pairing)
  RETURN 2 AS place, edges
UNION ALL
  MATCH (:Head {run: $run})-[e:OV]->(:Head {run: $run}) WHERE e.pk_rank > 0
  WITH e.pk_rank AS pk_rank, collect(e) AS edges ORDER BY pk_rank LIMIT toInteger($per_pairing)
  RETURN 3 AS place, edges
}
UNWIND edges AS e
MATCH path = (a)-[e]->(b)
RETURN type(e) AS pairing, a.name AS source, b.name AS target,
       e.pk AS pk, e.z AS z, e.pk_rank AS pk_rank, e.decoy_q AS decoy_q, path
ORDER BY place, pk_rank, a.layer, a.head, b.layer, b.head
