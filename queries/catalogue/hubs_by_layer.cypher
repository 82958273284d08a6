// Hubs, compared within their layer
// description: Heads that read more, and are read more, than the other heads of their layer. A head
//   of the first layer reads no head, and all later heads can read it; for a head of the last layer
//   it is the other way round. Layers also differ in how strongly their heads are tied. So inlet and
//   outlet are divided by the number of heads that could take part, and then compared with the mean
//   of the same layer. In a layer where few heads have an edge, one edge would give a large ratio. So
//   the mean over all layers is added to both the head and its layer's mean, as if each head had an
//   average amount besides its own. Every layer still has a mean ratio of 1 on each side, so no ratio
//   grows with depth. `both` is the geometric mean of the two ratios; heads that only read or only
//   write have none and come last. Pairings of one role (such as QQ) count each pair of heads once: the
//   later head reads the earlier one.
// params:
//   run (run): the run to ask about
//   pairings (list of pairing) = ["OQ", "OK", "OV"]: edges that count
//   limit (count) = 20: heads at most
// returns: graph; may be empty where the run has no edge of these pairings
//   head (head): the hub; the greatest `both` first
//   layer (integer): its layer
//   sources (integer): heads that it could read
//   targets (integer): heads that could read it
//   inlet_each (float): sum of z over the edges that enter, for each head that it could read
//   outlet_each (float): sum of z times share over the edges that leave, for each head that could
//     read it
//   edges_in (integer): edges that enter it
//   edges_out (integer): edges that leave it
//   inlet_ratio (float): `inlet_each` plus c, divided by the mean of its layer plus c, where c is the
//     mean over all layers; empty where the mean of its layer is not positive
//   outlet_ratio (float): the same for `outlet_each`
//   both (float): square root of the product of the two ratios; empty where `inlet_each` or
//     `outlet_each` is not positive
//   roles (list of role): known roles; "(derived)" marks those that follow from the weights alone
//   hub (graph): the head
// requires: sums
// example: limit=8
MATCH (r:Run {name: $run})
MATCH (h:Head {run: $run})
// a load writes both sums on the head for each pairing of which it has an edge; the mean of a layer
// counts heads without edges too
WITH r, h,
     any(p IN $pairings WHERE h["inlet_" + p] IS NOT NULL OR h["outlet_" + p] IS NOT NULL) AS joined,
     reduce(total = 0.0, p IN $pairings | total + coalesce(h["inlet_" + p], 0.0)) AS inlet,
     reduce(total = 0.0, p IN $pairings | total + coalesce(h["outlet_" + p], 0.0)) AS outlet,
     CASE r.layer_order WHEN "all" THEN r.heads ELSE r.n_heads END AS around,
     CASE r.layer_order WHEN "all" THEN coalesce(properties(h).heads_before, h.layer * r.n_heads)
       ELSE 0 END + h.head AS place,
     // in a pairing of one role, two heads meet once, the earlier as the source, and so do two groups
     // of heads that share a key/value head: this is the size of a group; 0 where every head meets
     // every head, itself too
     reduce(least = r.n_heads, p IN [p IN $pairings WHERE p IN r.pairings] |
       CASE WHEN left(p, 1) <> right(p, 1) THEN 0
            WHEN least > 1 AND p IN ["KK", "VV"] AND r.kv = "native" THEN r.n_heads / r.n_kv_heads
            WHEN least > 1 THEN 1
            ELSE least END) AS together
// a key that no head of the database has would draw a warning; a map has it silently
WITH h, joined, inlet, outlet,
     CASE WHEN r.layer_order = "forward" THEN coalesce(properties(h).heads_before, h.layer * r.n_heads)
          WHEN together = 0 THEN around
          ELSE place - place % together END AS sources,
     CASE WHEN r.layer_order = "forward"
          THEN coalesce(properties(h).heads_after, (r.n_layers - 1 - h.layer) * r.n_heads)
          WHEN together = 0 THEN around
          ELSE around - together - (place - place % together) END AS targets
WITH h, joined, sources, targets,
     CASE WHEN sources > 0 THEN inlet / sources ELSE 0.0 END AS inlet_each,
     CASE WHEN targets > 0 THEN outlet / targets ELSE 0.0 END AS outlet_each
WITH h.layer AS layer, avg(inlet_each) AS inlet_mean, avg(outlet_each) AS outlet_mean,
     collect({h: h, joined: joined, sources: sources, targets: targets,
              inlet_each: inlet_each, outlet_each: outlet_each}) AS rows
// z can be negative, and so can a mean
WITH CASE WHEN avg(inlet_mean) > 0 THEN avg(inlet_mean) ELSE 0.0 END AS inlet_all,
     CASE WHEN avg(outlet_mean) > 0 THEN avg(outlet_mean) ELSE 0.0 END AS outlet_all,
     collect({inlet_mean: inlet_mean, outlet_mean: outlet_mean, rows: rows}) AS layers
UNWIND layers AS own
UNWIND own.rows AS row
WITH row, row.h AS h, row.sources AS sources, row.targets AS targets,
     row.inlet_each AS inlet_each, row.outlet_each AS outlet_each,
     CASE WHEN own.inlet_mean > 0
          THEN (row.inlet_each + inlet_all) / (own.inlet_mean + inlet_all) END AS inlet_ratio,
     CASE WHEN own.outlet_mean > 0
          THEN (row.outlet_each + outlet_all) / (own.outlet_mean + outlet_all) END AS outlet_ratio
WHERE row.joined
WITH h, sources, targets, inlet_each, outlet_each, inlet_ratio, outlet_ratio,
     CASE WHEN inlet_each > 0 AND outlet_each > 0 THEN sqrt(inlet_ratio * outlet_ratio) END AS both
// an empty value would come first
ORDER BY coalesce(both, -1.0) DESC, inlet_each + outlet_each DESC, h.layer, h.head
LIMIT toInteger($limit)
RETURN h.name AS head, h.layer AS layer, sources, targets, inlet_each, outlet_each,
       COUNT { (h)<-[e]-(:Head) WHERE type(e) IN $pairings } AS edges_in,
       COUNT { (h)-[e]->(:Head) WHERE type(e) IN $pairings } AS edges_out,
       inlet_ratio, outlet_ratio, both,
       COLLECT {
         MATCH (h)-[has:HAS_ROLE]->(r:Role)
         RETURN DISTINCT CASE has.circuit WHEN "weights" THEN r.name + " (derived)" ELSE r.name END AS role
         ORDER BY role
       } AS roles,
       h AS hub
ORDER BY coalesce(both, -1.0) DESC, inlet_each + outlet_each DESC, h.layer, h.head
