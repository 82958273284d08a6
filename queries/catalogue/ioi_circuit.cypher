// The IOI circuit
// description: The kept edges between heads of the indirect object identification circuit, along
//   the circuit's paths from class to class (Wang et al. 2023, figure 2). It shows only edges of the
//   pairing by which the later class reads the earlier one. `step_pairs` says how many pairs of heads
//   a step has, so that `step_edges` can be compared with the share of all pairs that the run kept
//   (`overview`). Some pairs of layers have far more edges than others, so a step can exceed that
//   share by the depth of its heads alone. A step without a kept edge has one row without heads.
// params:
//   run (run): the run to ask about
// returns: graph; may be empty where the model's IOI heads are not known
//   source_role (role): class of the head that writes
//   source (head): the head that writes
//   pairing (pairing): how the target reads it
//   target_role (role): class of the head that reads
//   target (head): the head that reads
//   pk (float): Projection Kernel
//   z (float): z, against the random reference
//   pk_rank (integer): place among all scored pairs of the pairing
//   step_edges (integer): kept edges of this step, by this pairing
//   step_pairs (integer): pairs of such heads that could have an edge; in layer order forward, the
//     first head is in an earlier layer
//   path (graph): source, edge and target
MATCH (run:Run {name: $run})
MATCH (h:Head {run: $run})
// a plan from the roles would read the heads of every run; this list holds the run's heads alone
WITH run, collect(h) AS all
UNWIND all AS h
MATCH (h)-[:HAS_ROLE {circuit: "ioi"}]->(r:Role)
WITH run, r, collect(DISTINCT h) AS heads
WITH run, collect({name: r.name, heads: heads}) AS roles
UNWIND [
  {place: 1, source: "previous_token", target: "induction", read_by: ["OK", "OV"]},
  {place: 2, source: "duplicate_token", target: "s_inhibition", read_by: ["OK", "OV"]},
  {place: 3, source: "induction", target: "s_inhibition", read_by: ["OK", "OV"]},
  {place: 4, source: "s_inhibition", target: "name_mover", read_by: ["OQ"]},
  {place: 5, source: "s_inhibition", target: "backup_name_mover", read_by: ["OQ"]},
  {place: 6, source: "s_inhibition", target: "negative_name_mover", read_by: ["OQ"]}
] AS step
UNWIND [p IN step.read_by WHERE p IN run.pairings] AS pairing
CALL (run, roles, step, pairing) {
  UNWIND [r IN roles WHERE r.name = step.source] AS sources
  UNWIND [r IN roles WHERE r.name = step.target] AS targets
  UNWIND sources.heads AS a
  UNWIND targets.heads AS b
  WITH a, b
  WHERE CASE run.layer_order
    WHEN "forward" THEN a.layer < b.layer
    WHEN "within" THEN a.layer = b.layer
    ELSE true END
  OPTIONAL MATCH (a)-[e:OQ|OK|OV]->(b) WHERE type(e) = pairing
  RETURN count(*) AS step_pairs, collect(e) AS edges
}
WITH step, pairing, step_pairs, edges WHERE step_pairs > 0
UNWIND CASE edges WHEN [] THEN [null] ELSE edges END AS e
OPTIONAL MATCH path = (a)-[e]->(b)
RETURN step.source AS source_role, a.name AS source, pairing, step.target AS target_role,
       b.name AS target, e.pk AS pk, e.z AS z, e.pk_rank AS pk_rank, size(edges) AS step_edges,
       step_pairs, path
ORDER BY step.place, coalesce(pk, 0.0) DESC, pk_rank, a.layer, a.head, b.layer, b.head, pairing
