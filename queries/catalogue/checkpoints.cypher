// Checkpoints of a model
// description: The runs of one series of checkpoints, by training step, each with its strongest edge.
//   `headgraph query NAME --series SERIES` asks any stored question of all of them.
// params:
//   run (run): one of the checkpoints
// returns: graph; may be empty where the run is no checkpoint of a series
//   step (float): training step
//   checkpoint (run): name of the run
//   edges (integer): edges in the graph
//   mean_z (float): their mean against the random reference
//   pairing (pairing): pairing of the strongest edge, by z
//   source (head): the head that writes
//   target (head): the head that reads
//   z (float): the strongest edge against the random reference
//   path (graph): the strongest edge
// example: run=induction-2l
MATCH (one:Run {name: $run})
MATCH (r:Run {series: one.series, status: "complete"})
CALL (r) {
  MATCH (:Head {run: r.name})-[e]->(:Head)
  RETURN count(e) AS edges, avg(e.z) AS mean_z, max(e.z) AS z
}
CALL (r, z) {
  MATCH path = (a:Head {run: r.name})-[e]->(b:Head) WHERE e.z = z
  RETURN path ORDER BY type(e), a.layer, a.head, b.layer, b.head LIMIT 1
}
WITH r, edges, mean_z, path, relationships(path)[0] AS e
RETURN r.step AS step, r.name AS checkpoint, edges, mean_z, type(e) AS pairing,
       startNode(e).name AS source, endNode(e).name AS target, e.z AS z, path
ORDER BY step, checkpoint
