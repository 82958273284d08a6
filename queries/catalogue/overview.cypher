// Overview of a run
// description: The contents of a run by pairing: the number of edges and of heads, and how strong the
//   edges are. `share_kept` is the share of all scored pairs that the run kept, over all pairings
//   together. Where the run kept only the strongest pairs, minimum, median and maximum are theirs.
// params:
//   run (run): the run to ask about
// returns: rows
//   pairing (pairing): the source's role, then the target's
//   edges (integer): edges between heads
//   pairs (integer): scored pairs behind these edges; fewer than edges in grouped-query attention
//   sources (integer): heads that at least one of these edges leaves
//   targets (integer): heads that at least one of these edges enters
//   pk_min (float): lowest Projection Kernel
//   pk_median (float): median Projection Kernel
//   pk_max (float): greatest Projection Kernel
//   z_median (float): median z, against the random reference
//   z_max (float): greatest z
//   share_kept (float): edges of the run, as scored pairs, out of all pairs scored in all pairings
// requires: sums
MATCH (r:Run {name: $run})
// a load writes these figures on the Run: a list for each figure, with an item for each pairing
UNWIND range(0, size(r.kept_pairings) - 1) AS i
WITH r, i, r.kept_pairings[i] AS pairing
RETURN pairing, r.kept_edges[i] AS edges, r.kept_pairs[i] AS pairs,
       COUNT { MATCH (h:Head {run: $run}) WHERE h["outlet_" + pairing] IS NOT NULL } AS sources,
       COUNT { MATCH (h:Head {run: $run}) WHERE h["inlet_" + pairing] IS NOT NULL } AS targets,
       r.kept_pk_min[i] AS pk_min, r.kept_pk_median[i] AS pk_median, r.kept_pk_max[i] AS pk_max,
       r.kept_z_median[i] AS z_median, r.kept_z_max[i] AS z_max,
       toFloat(r.pairs) / r.pairs_scored AS share_kept
ORDER BY edges DESC, pairing
