// Overview of a run
// description: What a run holds, by pairing: how many edges between how many heads, and how strong they
//   are. `share_kept` says how much of what was scored is here; where the run kept the strongest
//   pairs alone, the quartiles are those of the strongest.
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
MATCH (r:Run {name: $run})
MATCH (a:Head {run: $run})-[e]->(b:Head)
RETURN type(e) AS pairing, count(e) AS edges, toInteger(round(sum(e.share))) AS pairs,
       count(DISTINCT a) AS sources, count(DISTINCT b) AS targets,
       min(e.pk) AS pk_min, percentileCont(e.pk, 0.5) AS pk_median, max(e.pk) AS pk_max,
       percentileCont(e.z, 0.5) AS z_median, max(e.z) AS z_max,
       toFloat(r.pairs) / r.pairs_scored AS share_kept
ORDER BY edges DESC, pairing
