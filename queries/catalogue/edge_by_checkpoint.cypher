// A pair of heads over training
// description: How strongly one head reads another at each checkpoint of a series, by pairing. A
//   checkpoint without a row did not keep the pair.
// params:
//   run (run): one of the checkpoints
//   source (head): the head that writes
//   target (head): the head that reads
// returns: rows; may be empty where the run is not a checkpoint of a series or none kept the pair
//   pairing (pairing): the source's role, then the target's
//   step (float): training step
//   checkpoint (run): name of the run
//   pk (float): Projection Kernel
//   z (float): z, against the random reference
//   pk_rank (integer): place among all scored pairs of the pairing
// example: run=induction-2l source=L0H7 target=L1H2
MATCH (one:Run {name: $run})
MATCH (r:Run {series: one.series, status: "complete"})
MATCH (:Head {run: r.name, name: $source})-[e]->(:Head {run: r.name, name: $target})
RETURN type(e) AS pairing, r.step AS step, r.name AS checkpoint,
       e.pk AS pk, e.z AS z, e.pk_rank AS pk_rank
ORDER BY pairing, step, checkpoint
