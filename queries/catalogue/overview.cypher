// Overview of a run
// description: The contents of a run by pairing: the number of edges and of heads, and how strong
//   the edges are. `share_kept` is the share of all scored pairs that the run kept, over all pairings
//   together. Where the run kept only the strongest pairs, minimum, median and maximum are theirs.
//   `decoy_share` estimates how many of the kept pairs mean nothing. It counts pairs that run
//   backward, from a later layer to an earlier one, which cannot carry anything. It assumes that
//   meaningless overlap is as common forward as backward. Heads of neighbouring layers can share more
//   in both directions, so the share of their pairs and that of the other pairs stand apart.
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
//   chance (float): mean Projection Kernel of two unrelated random subspaces of full rank, of the
//     widest heads and residual stream where these differ
//   decoy_share (float): backward pairs at least as strong as the weakest kept pair, plus 1, divided
//     by the kept pairs; empty where the table has no decoys, and where the run keeps all pairs: it
//     is about 1 there for any model
//   decoy_neighbours (float): the same share for pairs between neighbouring layers, forward and
//     backward; empty where the table was made by an older headgraph
//   decoy_further (float): the same share for all other pairs
//   decoy_scored (integer): backward pairs scored
//   share_kept (float): edges of the run, as scored pairs, out of all pairs scored in all pairings
// requires: sums
MATCH (r:Run {name: $run})
// a load writes these figures on the Run: a list for each figure, with an item for each pairing
UNWIND range(0, size(r.kept_pairings) - 1) AS i
WITH r, i, r.kept_pairings[i] AS pairing
// `scored` is JSON: the number that follows the name of the pairing
WITH r, i, pairing, r.kept_pairs[i] <
       toInteger(trim(split(split(split(r.scored, '"' + pairing + '":')[1], ",")[0], "}")[0])) AS cut
RETURN pairing, r.kept_edges[i] AS edges, r.kept_pairs[i] AS pairs,
       COUNT { MATCH (h:Head {run: $run}) WHERE h["outlet_" + pairing] IS NOT NULL } AS sources,
       COUNT { MATCH (h:Head {run: $run}) WHERE h["inlet_" + pairing] IS NOT NULL } AS targets,
       r.kept_pk_min[i] AS pk_min, r.kept_pk_median[i] AS pk_median, r.kept_pk_max[i] AS pk_max,
       r.kept_z_median[i] AS z_median, r.kept_z_max[i] AS z_max,
       coalesce(r["chance_" + pairing],
                CASE WHEN r.d_head < r.d_model THEN toFloat(r.d_head) * r.d_head / r.d_model
                     ELSE toFloat(r.d_model) END) AS chance,
       CASE WHEN cut THEN r["decoy_share_" + pairing] END AS decoy_share,
       CASE WHEN cut THEN r["decoy_share_neighbours_" + pairing] END AS decoy_neighbours,
       CASE WHEN cut THEN r["decoy_share_further_" + pairing] END AS decoy_further,
       r["decoy_scored_" + pairing] AS decoy_scored,
       toFloat(r.pairs) / r.pairs_scored AS share_kept
ORDER BY edges DESC, pairing
