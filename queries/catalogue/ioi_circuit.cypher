// The IOI circuit
// description: The kept edges between heads of the indirect object identification circuit, along
//   the circuit's paths from class to class (Wang et al. 2023, figure 2). It shows only edges of the
//   pairing by which the later class reads the earlier one.
// params:
//   run (run): the run to ask about
// returns: graph; may be empty where the model's IOI heads are not known or share no kept edge
//   source_role (role): class of the head that writes
//   source (head): the head that writes
//   pairing (pairing): how the target reads it
//   target_role (role): class of the head that reads
//   target (head): the head that reads
//   pk (float): Projection Kernel
//   z (float): z, against the random reference
//   pk_rank (integer): place among all scored pairs of the pairing
//   path (graph): source, edge and target
UNWIND [
  {place: 1, source: "previous_token", target: "induction", read_by: ["OK", "OV"]},
  {place: 2, source: "duplicate_token", target: "s_inhibition", read_by: ["OK", "OV"]},
  {place: 3, source: "induction", target: "s_inhibition", read_by: ["OK", "OV"]},
  {place: 4, source: "s_inhibition", target: "name_mover", read_by: ["OQ"]},
  {place: 5, source: "s_inhibition", target: "backup_name_mover", read_by: ["OQ"]},
  {place: 6, source: "s_inhibition", target: "negative_name_mover", read_by: ["OQ"]}
] AS step
MATCH (:Role {name: step.source})<-[:HAS_ROLE {circuit: "ioi"}]-(a:Head {run: $run})
MATCH path = (a)-[e:OQ|OK|OV]->(b:Head {run: $run})
WHERE type(e) IN step.read_by
  AND EXISTS { (b)-[:HAS_ROLE {circuit: "ioi"}]->(:Role {name: step.target}) }
RETURN step.source AS source_role, a.name AS source, type(e) AS pairing,
       step.target AS target_role, b.name AS target,
       e.pk AS pk, e.z AS z, e.pk_rank AS pk_rank, path
ORDER BY step.place, pk DESC, pk_rank, a.layer, a.head, b.layer, b.head
