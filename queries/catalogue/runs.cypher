// Runs and where they come from
// description: The contents of the database. A run is a table of scores, or a selection of it, under a
//   name, with its model and the options of the computation.
// params:
//   run (run) = null: one run; all runs by default
// returns: rows; may be empty where nothing was loaded yet
//   run (run): name of the run
//   model (string): hub id or folder
//   revision (string): revision of the model, if it has one
//   heads (integer): heads of the model
//   edges (integer): edges in the graph
//   pairings (list of pairing): pairings that were scored
//   selection (string): which of the scored pairs the run kept
//   pairs_scored (integer): scored pairs before the selection
//   kv (string): native or expand, for grouped-query attention
//   series (string): the training run that the model is a checkpoint of
//   step (float): its training step
//   fingerprint (string): fingerprint of the weights
//   table_sha256 (string): SHA-256 of the table of scores
//   version (string): version of the headgraph that computed it
// example: run=gpt2-small
MATCH (r:Run {status: "complete"})
WHERE $run IS NULL OR r.name = $run
RETURN r.name AS run, r.model AS model, r.revision AS revision, r.heads AS heads,
       r.edges AS edges, r.pairings AS pairings, r.selection AS selection,
       r.pairs_scored AS pairs_scored, r.kv AS kv, r.series AS series, r.step AS step,
       r.fingerprint AS fingerprint, r.table_sha256 AS table_sha256, r.version AS version
ORDER BY run
