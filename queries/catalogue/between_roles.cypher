// Edges between two roles
// description: The kept edges from heads of one role to heads of another, by any pairing, strongest
//   first. An edge shows that the weights allow the connection, not that the model uses it.
//   `role_matrix` counts such edges for all roles.
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
//   path (graph): writer, edge and reader
// example: writer=previous_token reader=induction limit=8
MATCH (h:Head {run: $run})
// a plan from the roles would read the heads of every run; these lists hold the run's heads alone
WITH collect(h) AS all
WITH COLLECT {
       UNWIND all AS h WITH h WHERE EXISTS { (h)-[:HAS_ROLE]->(r) WHERE r.name = $writer } RETURN h
     } AS writers,
     COLLECT {
       UNWIND all AS h WITH h WHERE EXISTS { (h)-[:HAS_ROLE]->(r) WHERE r.name = $reader } RETURN h
     } AS readers
UNWIND writers AS a
MATCH path = (a)-[e]->(b) WHERE type(e) IN $pairings AND b IN readers
RETURN a.name AS writer_head, type(e) AS pairing, b.name AS reader_head, e.pk AS pk, e.z AS z,
       e.pk_rank AS pk_rank, e.decoy_q AS decoy_q, path
ORDER BY pk DESC, pk_rank, pairing, a.layer, a.head, b.layer, b.head
LIMIT toInteger($limit)
