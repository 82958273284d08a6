// Induction motifs
// description: K-composition, as an induction head needs it: a head of a later layer reads as its
//   key what a head that attends to the previous token writes. Each row is a kept OK edge from a head
//   of the first role to a head of the second. `place` 1 out of `keys_in` means that no head has a
//   stronger OK edge into the reader. `between_roles` counts such edges and how many depth explains.
// params:
//   run (run): the run to ask about
//   writer (role) = "previous_token": role of the heads that write
//   reader (role) = "induction": role of the heads that read
// returns: graph; may be empty where no such heads are known or none share a kept OK edge
//   writer_head (head): the head that writes
//   reader_head (head): the head that reads it as its key
//   pk (float): Projection Kernel
//   z (float): z, against the random reference
//   pk_rank (integer): place among all scored OK pairs
//   place (integer): place among the OK edges that enter the reader
//   keys_in (integer): OK edges that enter the reader
//   decoy_q (float): smallest share of decoys at any threshold that keeps the edge; empty where the
//     table has no decoys
//   path (graph): writer, edge and reader
MATCH (h:Head {run: $run})
// a plan from the role would read the heads of every run; this list holds the run's heads alone
WITH collect(h) AS all
UNWIND all AS b
WITH b WHERE EXISTS { (b)-[:HAS_ROLE]->(r) WHERE r.name = $reader }
MATCH (b)<-[e:OK]-(a:Head)
WITH b, e, a ORDER BY e.pk DESC, e.pk_rank, a.layer, a.head
WITH b, collect({e: e, a: a}) AS keys
UNWIND range(0, size(keys) - 1) AS place
WITH b, place, size(keys) AS keys_in, keys[place].a AS a, keys[place].e AS e
WHERE EXISTS { (a)-[:HAS_ROLE]->(r) WHERE r.name = $writer }
MATCH path = (a)-[e]->(b)
RETURN a.name AS writer_head, b.name AS reader_head, e.pk AS pk, e.z AS z, e.pk_rank AS pk_rank,
       place + 1 AS place, keys_in,
       e.decoy_q AS decoy_q, path
ORDER BY pk DESC, pk_rank, a.layer, a.head, b.layer, b.head
