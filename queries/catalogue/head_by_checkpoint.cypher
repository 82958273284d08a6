// A head over training
// description: What one head reads and which heads read it, at each checkpoint of a series: inlet
//   and outlet as in `hubs`.
// params:
//   run (run): one of the checkpoints
//   head (head): the head to ask about
// returns: rows; may be empty where the run is not a checkpoint of a series
//   step (float): training step
//   checkpoint (run): name of the run
//   inlet (float): sum of z over the OQ, OK and OV edges that enter
//   outlet (float): sum of z times share over the edges that leave
//   edges_in (integer): edges that enter
//   edges_out (integer): edges that leave
//   strongest (float): greatest z among all of them
// example: run=induction-2l head=L0H7
MATCH (one:Run {name: $run})
MATCH (r:Run {series: one.series, status: "complete"})
MATCH (h:Head {run: r.name, name: $head})
CALL (h) {
  OPTIONAL MATCH (h)<-[e:OQ|OK|OV]-(:Head)
  RETURN toFloat(sum(e.z)) AS inlet, count(e) AS edges_in, max(e.z) AS strongest_in
}
CALL (h) {
  OPTIONAL MATCH (h)-[e:OQ|OK|OV]->(:Head)
  RETURN toFloat(sum(e.z * e.share)) AS outlet, count(e) AS edges_out, max(e.z) AS strongest_out
}
RETURN r.step AS step, r.name AS checkpoint, inlet, outlet, edges_in, edges_out,
       CASE WHEN strongest_in >= strongest_out OR strongest_out IS NULL
            THEN strongest_in ELSE strongest_out END AS strongest
ORDER BY step, checkpoint
