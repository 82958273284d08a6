// Identity heads as hubs
// description: Whether heads of one kind are hubs. Each row is a head with a role, or with a
//   measured behaviour (`headgraph annotate`) of at least a threshold. It gives the hub scores (as in
//   `hubs`) and two places among all heads of the run, one of them compared within the layer (as in
//   `hubs_by_layer`). In layer order forward, `both` is 0 for every head of the first and of the last
//   layer, because they have no edge on one side. The default kind is identity heads, which attend to
//   their own position; any role or behaviour is possible. An identity head does not always copy
//   what it reads: see `copying`.
// params:
//   run (run): the run to ask about
//   kind (kind) = "identity": a role, or previous_token, duplicate_token, induction, identity
//   threshold (float) = 0.5: lowest measured score that counts
//   pairings (list of pairing) = ["OQ", "OK", "OV"]: edges that count
// returns: graph; may be empty where no head has this role or behaviour
//   head (head): the head; the greatest hub first
//   score (float): the measured score, if there is one
//   labelled (boolean): whether a label file or the literature gives it the role
//   derived (boolean): whether the role follows from its weights alone (`eraser` and `copier`)
//   copying (float): 1 where it writes what it reads, -1 where it writes the negative, which can
//     erase it
//   self_overlap (float): share of what it writes that lies in what it reads, 0 to 1
//   inlet (float): sum of z over the edges that enter
//   outlet (float): sum of z times share over the edges that leave
//   both (float): square root of inlet times outlet
//   place (integer): place among all heads by `both`; 1 is the greatest hub, ties share a place;
//     empty where `both` is 0
//   place_by_layer (integer): the same by `both` of `hubs_by_layer`, which compares within the
//     layer; empty where that is empty
//   heads (integer): heads of the run
//   hub (graph): the head
// requires: sums
MATCH (r:Run {name: $run})
MATCH (h:Head {run: $run})
// a load writes both sums on the head for each pairing of which it has an edge
WITH r, h,
     reduce(total = 0.0, p IN $pairings | total + coalesce(h["inlet_" + p], 0.0)) AS inlet,
     reduce(total = 0.0, p IN $pairings | total + coalesce(h["outlet_" + p], 0.0)) AS outlet
WITH r, h, inlet, outlet,
     CASE WHEN inlet > 0 AND outlet > 0 THEN sqrt(inlet * outlet) ELSE 0.0 END AS both,
     CASE r.layer_order WHEN "all" THEN r.heads ELSE r.n_heads END AS around,
     CASE r.layer_order WHEN "all" THEN coalesce(properties(h).heads_before, h.layer * r.n_heads)
       ELSE 0 END + h.head AS place,
     // the size of a group of heads in a pairing of one role, as in hubs_by_layer
     reduce(least = r.n_heads, p IN [p IN $pairings WHERE p IN r.pairings] |
       CASE WHEN left(p, 1) <> right(p, 1) THEN 0
            WHEN least > 1 AND p IN ["KK", "VV"] AND r.kv = "native" THEN r.n_heads / r.n_kv_heads
            WHEN least > 1 THEN 1
            ELSE least END) AS together
WITH h, inlet, outlet, r.heads AS heads, both,
     CASE WHEN r.layer_order = "forward" THEN coalesce(properties(h).heads_before, h.layer * r.n_heads)
          WHEN together = 0 THEN around
          ELSE place - place % together END AS sources,
     CASE WHEN r.layer_order = "forward"
          THEN coalesce(properties(h).heads_after, (r.n_layers - 1 - h.layer) * r.n_heads)
          WHEN together = 0 THEN around
          ELSE around - together - (place - place % together) END AS targets
WITH h, inlet, outlet, heads, both,
     CASE WHEN sources > 0 THEN inlet / sources ELSE 0.0 END AS inlet_each,
     CASE WHEN targets > 0 THEN outlet / targets ELSE 0.0 END AS outlet_each
WITH h.layer AS layer, avg(inlet_each) AS inlet_mean, avg(outlet_each) AS outlet_mean,
     collect({h: h, inlet: inlet, outlet: outlet, heads: heads, both: both,
              inlet_each: inlet_each, outlet_each: outlet_each}) AS layer_rows
// as in hubs_by_layer, the mean over all layers is added to a head and to its layer's mean
WITH CASE WHEN avg(inlet_mean) > 0 THEN avg(inlet_mean) ELSE 0.0 END AS inlet_all,
     CASE WHEN avg(outlet_mean) > 0 THEN avg(outlet_mean) ELSE 0.0 END AS outlet_all,
     collect({inlet_mean: inlet_mean, outlet_mean: outlet_mean, rows: layer_rows}) AS layers
UNWIND layers AS own
UNWIND own.rows AS row
WITH collect({h: row.h, inlet: row.inlet, outlet: row.outlet, heads: row.heads, both: row.both,
       each: CASE WHEN row.both > 0 AND own.inlet_mean > 0 AND own.outlet_mean > 0
                  THEN sqrt((row.inlet_each + inlet_all) / (own.inlet_mean + inlet_all) *
                            (row.outlet_each + outlet_all) / (own.outlet_mean + outlet_all))
                  ELSE 0.0 END}) AS rows
UNWIND rows AS row
// other properties of a head, such as its layer, are not behaviours
WITH rows, row, row.h AS h,
     CASE WHEN $kind IN ["previous_token", "duplicate_token", "induction", "identity"]
          THEN row.h[$kind] END AS score
WHERE EXISTS { (h)-[:HAS_ROLE]->(r) WHERE r.name = $kind } OR score >= $threshold
RETURN h.name AS head, score,
       EXISTS { (h)-[has:HAS_ROLE]->(r)
                WHERE r.name = $kind AND coalesce(has.circuit, "") <> "weights" } AS labelled,
       EXISTS { (h)-[:HAS_ROLE {circuit: "weights"}]->(r) WHERE r.name = $kind } AS derived,
       h.copying AS copying, h.self_overlap AS self_overlap,
       row.inlet AS inlet, row.outlet AS outlet, row.both AS both,
       CASE WHEN row.both > 0
            THEN 1 + size([other IN rows WHERE other.both > row.both | 1]) END AS place,
       CASE WHEN row.each > 0
            THEN 1 + size([other IN rows WHERE other.each > row.each | 1]) END AS place_by_layer,
       row.heads AS heads,
       h AS hub
ORDER BY both DESC, row.inlet + row.outlet DESC, h.layer, h.head
