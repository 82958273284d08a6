// Distribution of the scores
// description: A histogram of one score by pairing: bins of equal width from the weakest kept edge of
//   the run to the strongest. A bin includes its lower bound; the last bin includes the maximum too.
// params:
//   run (run): the run to ask about
//   score (pk or pk_normalized or z) = "pk": the score
//   bins (count) = 10: number of bins
// returns: rows
//   pairing (pairing): the source's role, then the target's
//   bin (integer): number of the bin, from 1
//   above (float): lower bound
//   below (float): upper bound
//   edges (integer): edges in the bin; empty bins have no row
// example: bins=6
MATCH (:Head {run: $run})-[e]->(:Head)
WITH CASE $score WHEN "pk" THEN e.pk WHEN "z" THEN e.z ELSE e.pk_normalized END AS score
WITH min(score) AS low, max(score) AS high
WITH low, (high - low) / $bins AS width
MATCH (:Head {run: $run})-[e]->(:Head)
WITH type(e) AS pairing, low, width,
     CASE $score WHEN "pk" THEN e.pk WHEN "z" THEN e.z ELSE e.pk_normalized END AS score
WITH pairing, low, width,
     CASE WHEN width > 0 THEN toInteger((score - low) / width) ELSE 0 END AS bin
WITH pairing, low, width, CASE WHEN bin < $bins THEN bin ELSE toInteger($bins) - 1 END AS bin
RETURN pairing, bin + 1 AS bin, low + bin * width AS above, low + (bin + 1) * width AS below,
       count(*) AS edges
ORDER BY pairing, bin
