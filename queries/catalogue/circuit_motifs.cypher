// Motifs of roles in a circuit
// description: The circuit by role: how many edges lead from heads of one role to heads of another,
//   by which pairing, and out of how many pairs of such heads. Compare `density` with the share of
//   all pairs that the run kept (`overview`): a higher density means that the weights favour the
//   connection. Depth alone can be the reason, because some pairs of layers have far more edges
//   than others. The circuit "weights" has the two derived roles, which follow from the weights
//   alone.
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
WITH run.layer_order AS order, collect(h) AS all
UNWIND all AS h
MATCH (h)-[:HAS_ROLE {circuit: $circuit}]->(r:Role)
WITH order, r, collect(DISTINCT h) AS heads
WITH order, collect({name: r.name, heads: heads}) AS roles
UNWIND roles AS s
UNWIND roles AS t
CALL (s, t, order) {
  UNWIND s.heads AS a
  UNWIND t.heads AS b
  WITH collect({a: a, b: b}) AS ends,
       sum(CASE order
         WHEN "forward" THEN toInteger(a.layer < b.layer)
         WHEN "within" THEN toInteger(a.layer = b.layer)
         ELSE 1 END) AS pairs
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
       toFloat(edges) / pairs AS density, mean_z, strongest, sources, targets, paths
ORDER BY edges DESC, density DESC, source_role, target_role, pairing
