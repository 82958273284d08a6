// Pairs that are best for both heads
// description: Edges that are the strongest for both of their heads: the source has no stronger
//   edge of the pairing that leaves it, and the target none that enters it. Equal edges share the
//   place, such as those of query heads that share a key/value head. A head with a single kept edge
//   has no other to compare with: see `source_edges` and `target_edges`.
// params:
//   run (run): the run to ask about
//   pairings (list of pairing) = ["OQ", "OK", "OV"]: edges that count, each pairing by itself
//   limit (count) = 20: edges at most
// returns: graph; may be empty where the run has no edge of these pairings
//   pairing (pairing): the source's role, then the target's
//   source (head): the head that writes
//   target (head): the head that reads
//   pk (float): Projection Kernel
//   z (float): z, against the random reference
//   pk_rank (integer): place among all scored pairs of the pairing
//   source_edges (integer): edges of the pairing that leave the source
//   target_edges (integer): edges of the pairing that enter the target
//   decoy_q (float): smallest share of decoys at any threshold that keeps the edge; empty where the
//     table has no decoys
//   path (graph): source, edge and target
// example: limit=8
MATCH (a:Head {run: $run})-[e]->(b:Head)
// edges of a head to itself, if the run has any, are left out
WHERE type(e) IN $pairings AND a <> b
WITH a, type(e) AS pairing, max(e.pk) AS best, count(e) AS source_edges, collect(e) AS edges
UNWIND [e IN edges WHERE e.pk = best] AS e
WITH e, endNode(e) AS b, pairing, source_edges
CALL (b, pairing) {
  MATCH (b)<-[f]-(c) WHERE type(f) = pairing AND c <> b
  RETURN max(f.pk) AS best, count(f) AS target_edges
}
WITH e, pairing, source_edges, target_edges WHERE e.pk = best
MATCH path = (a)-[e]->(b)
WITH * ORDER BY e.pk DESC, e.pk_rank, pairing, a.layer, a.head, b.layer, b.head
LIMIT toInteger($limit)
RETURN pairing, a.name AS source, b.name AS target, e.pk AS pk, e.z AS z, e.pk_rank AS pk_rank,
       source_edges, target_edges, e.decoy_q AS decoy_q, path
ORDER BY pk DESC, pk_rank, pairing, a.layer, a.head, b.layer, b.head
