// Edges that skip layers
// description: The strongest edges whose target is many layers after their source. Every head reads
//   the sum of all earlier layers, so an edge can skip any number of them. Decoys are not counted by
//   distance, so no edge has a share of decoys here: of GPT-2's pairs 8 or more layers apart that are
//   as strong as its edges, more run backward, which carry nothing, than forward.
// params:
//   run (run): the run to ask about
//   layers (count) = 6: layers from the source to the target, at least
//   pairings (list of pairing) = ["OQ", "OK", "OV"]: edges that count
//   limit (count) = 20: edges at most
// returns: graph; may be empty where no such edge was kept
//   pairing (pairing): the source's role, then the target's
//   source (head): the head that writes
//   target (head): the head that reads
//   layers (integer): layers from the source to the target
//   pk (float): Projection Kernel
//   z (float): z, against the random reference
//   pk_rank (integer): place among all scored pairs of the pairing
//   path (graph): source, edge and target
// example: layers=8 limit=8
MATCH path = (a:Head {run: $run})-[e]->(b:Head)
WHERE type(e) IN $pairings AND abs(b.layer - a.layer) >= $layers
WITH path, a, e, b ORDER BY e.pk DESC, e.pk_rank, type(e), a.layer, a.head, b.layer, b.head
LIMIT toInteger($limit)
RETURN type(e) AS pairing, a.name AS source, b.name AS target, abs(b.layer - a.layer) AS layers,
       e.pk AS pk, e.z AS z, e.pk_rank AS pk_rank, path
ORDER BY pk DESC, pk_rank, pairing, a.layer, a.head, b.layer, b.head
