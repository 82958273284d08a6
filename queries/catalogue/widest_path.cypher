// Widest path between two heads
// description: The path whose weakest edge is as strong as possible. Between several such paths,
//   the fewest edges decide, then the greatest product. The search tries widths from the greatest
//   down: first in large steps, then one by one.
// params:
//   run (run): the run to ask about
//   source (head): where the path begins
//   target (head): where it ends; of a later layer
// returns: graph; may be empty where no path of kept edges leads from the one to the other
//   width (float): the smallest Projection Kernel on the path
//   edges (integer): number of edges
//   heads (list of head): the heads on it
//   pairings (list of pairing): how each head after the first reads the one before it
//   product (float): product of the normalised Projection Kernels, 0 to 1
//   decoy_q (float): greatest `decoy_q` of the edges: how doubtful the most doubtful is, as a share of
//     decoys; empty where the table has none
//   path (graph): heads and edges
// example: source=L0H1 target=L11H10
MATCH (source:Head {run: $run, name: $source})
MATCH (target:Head {run: $run, name: $target}) WHERE target <> source
// the width is at least that of the best shortest path, and at most what the two ends allow
CALL (source, target) {
  MATCH path = ALL SHORTEST (source)(()-[:OQ|OK|OV]->(:Head {run: $run}))+(target)
  RETURN max(reduce(least = null, e IN relationships(path) |
    CASE WHEN e.pk >= least THEN least ELSE e.pk END)) AS low
}
WITH source, target, low WHERE low IS NOT NULL // no path, no widths to try
CALL (source, target) {
  MATCH (source)-[e:OQ|OK|OV]->()
  WITH target, max(e.pk) AS leaving
  MATCH ()-[e:OQ|OK|OV]->(target)
  WITH leaving, max(e.pk) AS entering
  RETURN CASE WHEN leaving < entering THEN leaving ELSE entering END AS high
}
CALL (low, high) {
  MATCH (:Head {run: $run})-[e:OQ|OK|OV]->(:Head {run: $run}) WHERE low <= e.pk <= high
  WITH DISTINCT e.pk AS width ORDER BY width DESC
  RETURN collect(width) AS widths
}
WITH source, target, widths, toInteger(ceil(sqrt(size(widths)))) AS step
CALL (source, target, widths, step) {
  UNWIND range(step - 1, size(widths) + step - 2, step) AS place
  WITH source, target, place, coalesce(widths[place], widths[-1]) AS width
  MATCH SHORTEST 1 (source)(()-[e:OQ|OK|OV WHERE e.pk >= width]->(:Head {run: $run}))+(target)
  RETURN place LIMIT 1
}
CALL (source, target, widths, step, place) {
  UNWIND widths[place - step + 1..place + 1] AS width
  MATCH SHORTEST 1 (source)(()-[e:OQ|OK|OV WHERE e.pk >= width]->(:Head {run: $run}))+(target)
  RETURN width LIMIT 1
}
MATCH path = ALL SHORTEST
  (source)(()-[e:OQ|OK|OV WHERE e.pk >= width]->(:Head {run: $run}))+(target)
WITH width, path,
     reduce(product = 1.0, e IN relationships(path) | product * e.pk_normalized) AS product
ORDER BY product DESC, [h IN nodes(path) | h.layer], [h IN nodes(path) | h.head]
LIMIT 1
RETURN width, length(path) AS edges, [h IN nodes(path) | h.name] AS heads,
       [e IN relationships(path) | type(e)] AS pairings, product,
       reduce(most = null, e IN relationships(path) |
         CASE WHEN e.decoy_q <= most THEN most ELSE e.decoy_q END) AS decoy_q, path
