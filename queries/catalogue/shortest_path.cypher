// Shortest paths between two heads
// description: The paths from one head to another with the fewest edges, strongest first: by weakest
//   edge, then by product.
// params:
//   run (run): the run to ask about
//   source (head): where the paths begin
//   target (head): where they end; of a later layer
//   limit (count) = 20: paths at most
// returns: graph; may be empty where no path of kept edges leads from the one to the other
//   edges (integer): number of edges
//   heads (list of head): the heads on it
//   pairings (list of pairing): how each head after the first reads the one before it
//   weakest (float): the smallest Projection Kernel
//   product (float): product of the normalised Projection Kernels, 0 to 1
//   decoy_q (float): greatest `decoy_q` of the edges: how doubtful the most doubtful is, as a share of
//     decoys; empty where the table has none
//   path (graph): heads and edges
// example: source=L0H1 target=L11H10 limit=5
MATCH (source:Head {run: $run, name: $source})
MATCH (target:Head {run: $run, name: $target}) WHERE target <> source
MATCH path = ALL SHORTEST (source)(()-[:OQ|OK|OV]->(:Head {run: $run}))+(target)
WITH path, reduce(product = 1.0, e IN relationships(path) | product * e.pk_normalized) AS product,
     reduce(weakest = null, e IN relationships(path) |
       CASE WHEN e.pk >= weakest THEN weakest ELSE e.pk END) AS weakest
ORDER BY weakest DESC, product DESC, [h IN nodes(path) | h.layer], [h IN nodes(path) | h.head]
LIMIT toInteger($limit)
RETURN length(path) AS edges, [h IN nodes(path) | h.name] AS heads,
       [e IN relationships(path) | type(e)] AS pairings, weakest, product,
       reduce(most = null, e IN relationships(path) |
         CASE WHEN e.decoy_q <= most THEN most ELSE e.decoy_q END) AS decoy_q, path
ORDER BY weakest DESC, product DESC, [h IN nodes(path) | h.layer], [h IN nodes(path) | h.head]
