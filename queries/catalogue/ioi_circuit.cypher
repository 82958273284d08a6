// The IOI circuit
// description: The kept edges between heads of the indirect object identification circuit, along
//   the circuit's paths from class to class (Wang et al. 2023, figure 2). It shows only edges of the
//   pairing by which the later class reads the earlier one. `step_pairs` says how many pairs of heads
//   a step has. Some pairs of layers have far more edges than others, so compare `step_edges` with
//   `step_expected`, which is what other heads of the same layers have on average. It does not allow
//   for some of the circuit's heads being hubs, which have many edges to any head. A step without a
//   kept edge has one row without heads.
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
//   step_expected (float): for each of these pairs, the run's edges by this pairing between the same
//     two layers, divided by heads times heads, all together
//   path (graph): source, edge and target
// requires: even
MATCH (run:Run {name: $run})
MATCH (h:Head {run: $run})
// a plan from the roles would read the heads of every run; this list holds the run's heads alone
WITH run, collect(h) AS all
UNWIND all AS h
MATCH (h)-[:HAS_ROLE {circuit: "ioi"}]->(r:Role)
WITH run, r, collect(DISTINCT h) AS heads
WITH run, collect({name: r.name, heads: heads}) AS roles
// edges between two layers, which depth alone would give to a pair of their heads
CALL (run) {
  MATCH (a:Head {run: run.name})-[e:OQ|OK|OV]->(b)
  WITH type(e) AS pairing, a.layer AS source, b.layer AS target, count(*) AS edges
  RETURN collect({pairing: pairing, source: source, target: target, edges: edges}) AS flow
}
UNWIND [
  {place: 1, source: "previous_token", target: "induction", read_by: ["OK", "OV"]},
  {place: 2, source: "duplicate_token", target: "s_inhibition", read_by: ["OK", "OV"]},
  {place: 3, source: "induction", target: "s_inhibition", read_by: ["OK", "OV"]},
  {place: 4, source: "s_inhibition", target: "name_mover", read_by: ["OQ"]},
  {place: 5, source: "s_inhibition", target: "backup_name_mover", read_by: ["OQ"]},
  {place: 6, source: "s_inhibition", target: "negative_name_mover", read_by: ["OQ"]}
] AS step
UNWIND [p IN step.read_by WHERE p IN run.pairings] AS pairing
CALL (run, roles, flow, step, pairing) {
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
  WITH a.layer AS source, b.layer AS target, count(*) AS pairs, collect(e) AS found
  WITH pairs, found, toFloat(pairs) / run.n_heads ^ 2 * reduce(all = 0, f IN flow |
    CASE WHEN f.pairing = pairing AND f.source = source AND f.target = target
         THEN f.edges ELSE all END) AS expected
  RETURN sum(pairs) AS step_pairs, sum(expected) AS step_expected,
         reduce(all = [], part IN collect(found) | all + part) AS edges
}
WITH step, pairing, step_pairs, step_expected, edges WHERE step_pairs > 0
UNWIND CASE edges WHEN [] THEN [null] ELSE edges END AS e
OPTIONAL MATCH path = (a)-[e]->(b)
RETURN step.source AS source_role, a.name AS source, pairing, step.target AS target_role,
       b.name AS target, e.pk AS pk, e.z AS z, e.pk_rank AS pk_rank, size(edges) AS step_edges,
       step_pairs, round(step_expected, 9) AS step_expected, path
ORDER BY step.place, coalesce(pk, 0.0) DESC, pk_rank, a.layer, a.head, b.layer, b.head, pairing
