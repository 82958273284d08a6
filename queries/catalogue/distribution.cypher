// Distribution of the scores
// description: A histogram of one score by pairing: bins of equal width from the weakest kept edge
//   of the run to the strongest. A bin includes its lower bound; the last bin includes the maximum
//   too. `decoy_q` estimates the share of the edges down to this bin that mean nothing. It counts
//   pairs that run backward, which cannot carry anything.
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
//   decoy_q (float): greatest `decoy_q` of its edges: the share of decoys at the best threshold
//     that keeps them all; empty where the table has no decoys
// example: bins=6
MATCH (:Head {run: $run})-[e]->(:Head)
WITH CASE $score WHEN "pk" THEN e.pk WHEN "z" THEN e.z ELSE e.pk_normalized END AS score
WITH min(score) AS low, max(score) AS high
WITH low, (high - low) / $bins AS width
MATCH (:Head {run: $run})-[e]->(:Head)
WITH type(e) AS pairing, low, width, e.decoy_q AS decoy_q,
     CASE $score WHEN "pk" THEN e.pk WHEN "z" THEN e.z ELSE e.pk_normalized END AS score
WITH pairing, low, width, decoy_q,
     CASE WHEN width > 0 THEN toInteger((score - low) / width) ELSE 0 END AS bin
WITH pairing, low, width, decoy_q,
     CASE WHEN bin < $bins THEN bin ELSE toInteger($bins) - 1 END AS bin
RETURN pairing, bin + 1 AS bin, low + bin * width AS above, low + (bin + 1) * width AS below,
       count(*) AS edges, max(decoy_q) AS decoy_q
ORDER BY pairing, bin
