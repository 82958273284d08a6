// Runs and where they come from
// description: What is in the database: a run is one table of scores, or a selection of it, under a
//   name, with the model it was computed from and how.
// params:
//   run (run) = null: one run; all of them where it is not given
// returns: rows; may be empty where nothing was loaded yet
//   run (run): name of the run
//   model (string): hub id or folder
//   revision (string): of the model, where it has one
//   heads (integer): heads of the model
//   edges (integer): edges in the graph
//   pairings (list of pairing): what was scored
//   selection (string): which of the scored pairs are here
//   pairs_scored (integer): scored pairs before the selection
//   kv (string): native or expand, under grouped-query attention
//   series (string): the training run that the model is a checkpoint of
//   step (float): its training step
//   fingerprint (string): of the weights that were read
//   table_sha256 (string): of the table of scores
//   version (string): of the headgraph that computed it
// example: run=gpt2-small
MATCH (r:Run {status: "complete"})
WHERE $run IS NULL OR r.name = $run
RETURN r.name AS run, r.model AS model, r.revision AS revision, r.heads AS heads,
       r.edges AS edges, r.pairings AS pairings, r.selection AS selection,
       r.pairs_scored AS pairs_scored, r.kv AS kv, r.series AS series, r.step AS step,
       r.fingerprint AS fingerprint, r.table_sha256 AS table_sha256, r.version AS version
ORDER BY run
