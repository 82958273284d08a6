// Checkpoints of a model
// description: The runs of one series of checkpoints, by training step, each with its strongest edge.
//   `headgraph query NAME --series SERIES` runs any stored query on all of them.
// params:
//   run (run): one of the checkpoints
// returns: graph; may be empty where the run is not a checkpoint of a series
//   step (float): training step
//   checkpoint (run): name of the run
//   edges (integer): edges in the graph
//   mean_z (float): their mean z, against the random reference
//   pairing (pairing): pairing of the strongest edge, by z
//   source (head): the head that writes
//   target (head): the head that reads
//   z (float): the strongest edge against the random reference
//   path (graph): the strongest edge
// requires: sums
// example: run=induction-2l
MATCH (one:Run {name: $run})
MATCH (r:Run {series: one.series, status: "complete"})
// a load writes on the Run the figures of each pairing, and the three names of its strongest edge
MATCH path = (:Head {run: r.name, name: r.kept_strongest[1]})-[e]->
             (:Head {run: r.name, name: r.kept_strongest[2]})
WHERE type(e) = r.kept_strongest[0]
RETURN r.step AS step, r.name AS checkpoint, r.edges AS edges,
       reduce(total = 0.0, i IN range(0, size(r.kept_edges) - 1) |
         total + r.kept_edges[i] * r.kept_z_mean[i]) / r.edges AS mean_z,
       type(e) AS pairing, startNode(e).name AS source, endNode(e).name AS target, e.z AS z, path
ORDER BY step, checkpoint
