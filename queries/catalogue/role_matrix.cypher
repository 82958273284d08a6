// Roles by roles
// description: How many kept edges lead from the heads of each role to the heads of each other
//   role. All known roles of the run count, whatever their circuit; a head with several roles counts
//   for each. Compare `density` with the share of all pairs that the run kept (`overview`), because
//   large roles have more edges by chance. Some pairs of layers have far more edges than others, so
//   depth alone can make a density high: compare `edges` with `expected`. One hub can make up a row:
//   see `sources` and `targets`. `circuit_motifs` divides one circuit by pairing.
// params:
//   run (run): the run to ask about
// returns: graph; may be empty where no two heads with known roles share a kept edge
//   source_role (role): role of the heads that write; "(derived)" marks those that follow from the
//     weights alone
//   target_role (role): role of the heads that read
//   pairs (integer): pairs of such heads that could have an edge; in layer order forward, the first
//     head is in an earlier layer
//   edges (integer): kept edges of OQ, OK and OV
//   oq (integer): those of OQ
//   ok (integer): those of OK
//   ov (integer): those of OV
//   density (float): edges divided by pairs and by the number of these pairings that the run has
//   expected (float): for each of these pairs, the run's edges of these pairings between the same two
//     layers, divided by heads times heads, all together
//   strength (float): sum of z times share over these edges
//   strongest (float): greatest Projection Kernel
//   sources (integer): heads that at least one of these edges leaves
//   targets (integer): heads that at least one of these edges enters
//   nodes (graph): the heads with such an edge
//   links (graph): the edges
// requires: even
MATCH (run:Run {name: $run})
MATCH (h:Head {run: $run})
// a plan from the roles would read the heads of every run; this list holds the run's heads alone
WITH run, collect(h) AS all
UNWIND all AS h
MATCH (h)-[has:HAS_ROLE]->(r:Role)
WITH run, h, CASE has.circuit WHEN "weights" THEN r.name + " (derived)" ELSE r.name END AS role
WITH run, role, collect(DISTINCT h) AS heads
WITH run, collect({name: role, heads: heads}) AS roles
// edges between two layers, which depth alone would give to a pair of their heads
CALL (run) {
  MATCH (a:Head {run: run.name})-[e:OQ|OK|OV]->(b)
  WITH a.layer AS source, b.layer AS target, count(*) AS edges
  RETURN collect({source: source, target: target, edges: edges}) AS flow
}
UNWIND roles AS s
UNWIND roles AS t
CALL (run, flow, s, t) {
  UNWIND s.heads AS a
  UNWIND t.heads AS b
  WITH a, b
  WHERE CASE run.layer_order
    WHEN "forward" THEN a.layer < b.layer
    WHEN "within" THEN a.layer = b.layer
    ELSE true END
  WITH a.layer AS source, b.layer AS target, count(*) AS here
  RETURN sum(here) AS pairs, sum(toFloat(here) / run.n_heads ^ 2 * reduce(all = 0, f IN flow |
    CASE WHEN f.source = source AND f.target = target THEN f.edges ELSE all END)) AS expected
}
CALL (s, t) {
  UNWIND s.heads AS a
  MATCH (a)-[e:OQ|OK|OV]->(b) WHERE b IN t.heads
  RETURN count(e) AS edges, sum(e.z * e.share) AS strength, max(e.pk) AS strongest,
         count(DISTINCT a) AS sources, count(DISTINCT b) AS targets,
         sum(CASE type(e) WHEN "OQ" THEN 1 ELSE 0 END) AS oq,
         sum(CASE type(e) WHEN "OK" THEN 1 ELSE 0 END) AS ok,
         sum(CASE type(e) WHEN "OV" THEN 1 ELSE 0 END) AS ov, collect(e) AS links
}
WITH * WHERE edges > 0
RETURN s.name AS source_role, t.name AS target_role, pairs, edges, oq, ok, ov,
       toFloat(edges) / pairs / size([p IN run.pairings WHERE p IN ["OQ", "OK", "OV"]]) AS density,
       round(expected, 9) AS expected, strength, strongest,
       sources, targets, [e IN links | startNode(e)] + [e IN links | endNode(e)] AS nodes, links
ORDER BY strength DESC, source_role, target_role
