// Overview of a run
// description: What a run holds, by pairing: how many edges between how many heads, and how strong they
//   are. `share_kept` says how much of what was scored is here, over all pairings together; where the
//   run kept the strongest pairs alone, least, median and greatest are those of the strongest.
// params:
//   run (run): the run to ask about
// returns: rows
//   pairing (pairing): the source's role, then the target's
//   edges (integer): edges between heads
//   pairs (integer): scored pairs that they stand for; fewer than edges under grouped-query attention
//   sources (integer): heads that such an edge leaves
//   targets (integer): heads that such an edge enters
//   pk_min (float): weakest Projection Kernel
//   pk_median (float): median
//   pk_max (float): strongest
//   z_median (float): median against the random reference
//   z_max (float): strongest against the random reference
//   share_kept (float): edges of the run, as scored pairs, out of all pairs scored in all pairings
// requires: sums
MATCH (r:Run {name: $run})
// a load writes what it kept on the Run, a list for each figure with an item per pairing
UNWIND range(0, size(r.kept_pairings) - 1) AS i
WITH r, i, r.kept_pairings[i] AS pairing
RETURN pairing, r.kept_edges[i] AS edges, r.kept_pairs[i] AS pairs,
       COUNT { MATCH (h:Head {run: $run}) WHERE h["outlet_" + pairing] IS NOT NULL } AS sources,
       COUNT { MATCH (h:Head {run: $run}) WHERE h["inlet_" + pairing] IS NOT NULL } AS targets,
       r.kept_pk_min[i] AS pk_min, r.kept_pk_median[i] AS pk_median, r.kept_pk_max[i] AS pk_max,
       r.kept_z_median[i] AS z_median, r.kept_z_max[i] AS z_max,
       toFloat(r.pairs) / r.pairs_scored AS share_kept
ORDER BY edges DESC, pairing
