// Motifs of roles in a circuit
// description: The circuit by role: how many edges lead from heads of one role to heads of another,
//   by which pairing, and out of how many pairs of such heads. Some pairs of layers have far more
//   edges than others, so compare `edges` with `expected`, which is what heads of the same layers
//   have on average. Few edges are noise, and one hub can make up a whole row: see `sources` and
//   `targets`. The circuit "weights" has the two derived roles, which follow from the weights alone.
// params:
//   run (run): the run to ask about
//   circuit (circuit) = "ioi": the circuit
// returns: graph; may be empty where no two heads of the circuit share an edge
//   source_role (role): role of the heads that write; "(derived)" marks one that follows from the
//     weights alone
//   pairing (pairing): how it is read
//   target_role (role): role of the heads that read
//   edges (integer): edges
//   pairs (integer): scored pairs of such heads; in layer order forward, the first head is in an
//     earlier layer
//   density (float): edges divided by pairs
//   expected (float): for each of these pairs, the run's edges by this pairing between the same two
//     layers, divided by heads times heads, all together
//   mean_z (float): mean z, against the random reference
//   strongest (float): greatest Projection Kernel
//   sources (list of head): the heads that write
//   targets (list of head): the heads that read
//   paths (graph): the edges
// requires: even
// example: circuit=ioi
MATCH (run:Run {name: $run})
MATCH (h:Head {run: $run})
// a plan from the roles would read the heads of every run; these lists hold the run's heads alone
WITH run, collect(h) AS all
UNWIND all AS h
MATCH (h)-[:HAS_ROLE {circuit: $circuit}]->(r:Role)
WITH run, r, collect(DISTINCT h) AS heads
WITH run, collect({name: r.name, heads: heads}) AS roles
// edges between two layers, which depth alone would give to a pair of their heads
CALL (run) {
  MATCH (a:Head {run: run.name})-[e:OQ|OK|OV]->(b)
  WITH type(e) AS pairing, a.layer AS source, b.layer AS target, count(*) AS edges
  RETURN collect({pairing: pairing, source: source, target: target, edges: edges}) AS flow
}
UNWIND roles AS s
UNWIND roles AS t
CALL (run, s, t) {
  UNWIND s.heads AS a
  UNWIND t.heads AS b
  WITH a, b
  WHERE CASE run.layer_order
    WHEN "forward" THEN a.layer < b.layer
    WHEN "within" THEN a.layer = b.layer
    ELSE true END
  WITH a.layer AS source, b.layer AS target, collect({a: a, b: b}) AS here
  RETURN collect({source: source, target: target, pairs: size(here)}) AS blocks,
         reduce(all = [], part IN collect(here) | all + part) AS ends
}
CALL (blocks, ends) {
  WITH ends, reduce(all = 0, block IN blocks | all + block.pairs) AS pairs
  UNWIND ends AS end
  WITH end.a AS a, end.b AS b, pairs
  MATCH path = (a)-[e:OQ|OK|OV]->(b)
  WITH pairs, type(e) AS pairing, count(e) AS edges, avg(e.z) AS mean_z, max(e.pk) AS strongest,
       collect(a) AS sources, collect(b) AS targets, collect(path) AS paths
  RETURN pairs, pairing, edges, mean_z, strongest, paths,
         COLLECT {
           UNWIND sources AS h WITH DISTINCT h RETURN h.name ORDER BY h.layer, h.head
         } AS sources,
         COLLECT {
           UNWIND targets AS h WITH DISTINCT h RETURN h.name ORDER BY h.layer, h.head
         } AS targets
}
WITH *, CASE $circuit WHEN "weights" THEN " (derived)" ELSE "" END AS mark
RETURN s.name + mark AS source_role, pairing, t.name + mark AS target_role, edges, pairs,
       toFloat(edges) / pairs AS density,
       reduce(all = 0.0, block IN blocks | all + toFloat(block.pairs) / run.n_heads ^ 2 *
         reduce(found = 0, f IN flow | CASE WHEN f.pairing = pairing AND f.source = block.source
                                             AND f.target = block.target
                                            THEN f.edges ELSE found END)) AS expected,
       mean_z, strongest, sources, targets, paths
ORDER BY edges DESC, density DESC, source_role, target_role, pairing
