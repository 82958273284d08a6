// Identity heads as hubs
// description: Whether heads of one kind are hubs: each head with a role, or with a measured
//   behaviour (`headgraph annotate`) of at least a threshold, with its hub scores (as in `hubs`) and
//   its place among all heads of the run, as they are and corrected for the layer (as in
//   `hubs_by_layer`). By default identity heads, which attend to their own position; any role or
//   behaviour will do.
// params:
//   run (run): the run to ask about
//   kind (kind) = "identity": a role, or previous_token, duplicate_token, induction, identity
//   threshold (float) = 0.5: the least measured score that counts
//   pairings (list of pairing) = ["OQ", "OK", "OV"]: edges that count
// returns: graph; may be empty where no head has this role or behaviour
//   head (head): the head; the greatest hub first
//   score (float): what was measured, if it was
//   labelled (boolean): whether it has the role
//   inlet (float): sum of z over the edges that enter
//   outlet (float): sum of z times share over the edges that leave
//   both (float): square root of inlet times outlet
//   place (integer): among all heads by `both`; 1 is the greatest hub, ties share a place
//   place_by_layer (integer): the same for what each possible partner gives
//   heads (integer): heads of the run
//   hub (graph): the head
// requires: sums
MATCH (r:Run {name: $run})
MATCH (h:Head {run: $run})
// a load writes both sums on the head, by pairing, where it has such an edge
WITH r, h,
     reduce(total = 0.0, p IN $pairings | total + coalesce(h["inlet_" + p], 0.0)) AS inlet,
     reduce(total = 0.0, p IN $pairings | total + coalesce(h["outlet_" + p], 0.0)) AS outlet
WITH r, h, inlet, outlet,
     CASE WHEN inlet > 0 AND outlet > 0 THEN sqrt(inlet * outlet) ELSE 0.0 END AS both,
     CASE r.layer_order WHEN "all" THEN r.heads ELSE r.n_heads END AS around,
     CASE r.layer_order WHEN "all" THEN h.layer * r.n_heads ELSE 0 END + h.head AS place,
     // how many stand together where heads meet once in one role, as in hubs_by_layer
     reduce(least = r.n_heads, p IN [p IN $pairings WHERE p IN r.pairings] |
       CASE WHEN left(p, 1) <> right(p, 1) THEN 0
            WHEN least > 1 AND p IN ["KK", "VV"] AND r.kv = "native" THEN r.n_heads / r.n_kv_heads
            WHEN least > 1 THEN 1
            ELSE least END) AS together
WITH h, inlet, outlet, r.heads AS heads, both,
     CASE WHEN r.layer_order = "forward"
            THEN h.layer * (r.n_layers - 1 - h.layer) * r.n_heads * r.n_heads
          WHEN together = 0 THEN around * around
          ELSE (place - place % together) * (around - together - (place - place % together))
          END AS partners
WITH h, inlet, outlet, heads, both,
     CASE WHEN partners > 0 THEN both / sqrt(partners) ELSE 0.0 END AS each
WITH collect({h: h, inlet: inlet, outlet: outlet, heads: heads, both: both, each: each}) AS rows
UNWIND rows AS row
// other properties of a head, such as its layer, are no behaviours
WITH rows, row, row.h AS h,
     CASE WHEN $kind IN ["previous_token", "duplicate_token", "induction", "identity"]
          THEN row.h[$kind] END AS score
WHERE EXISTS { (h)-[:HAS_ROLE]->(:Role {name: $kind}) } OR score >= $threshold
RETURN h.name AS head, score,
       EXISTS { (h)-[:HAS_ROLE]->(:Role {name: $kind}) } AS labelled,
       row.inlet AS inlet, row.outlet AS outlet, row.both AS both,
       1 + size([other IN rows WHERE other.both > row.both | 1]) AS place,
       1 + size([other IN rows WHERE other.each > row.each | 1]) AS place_by_layer,
       row.heads AS heads,
       h AS hub
ORDER BY both DESC, row.inlet + row.outlet DESC, h.layer, h.head
