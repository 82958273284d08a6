// Hubs that read
// description: Heads that read much of what earlier heads write: the inlet score of a head is the
//   sum of z over the edges that enter it. It grows with the number of edges that the run kept and
//   with the number of earlier heads; `hubs_by_layer` compares within a layer.
// params:
//   run (run): the run to ask about
//   pairings (list of pairing) = ["OQ", "OK", "OV"]: edges that count
//   limit (count) = 20: heads at most
// returns: graph; may be empty where the run has no edge of these pairings
//   head (head): the head that reads
//   inlet (float): sum of z over the edges that enter
//   edges_in (integer): edges that enter
//   strongest (float): greatest Projection Kernel among them
//   roles (list of role): known roles; "(derived)" marks those that follow from the weights alone
//   paths (graph): the five strongest edges that enter it
// requires: sums
// example: limit=8
MATCH (h:Head {run: $run})
// a load writes this sum on the head for each pairing of which it has an edge
WHERE any(p IN $pairings WHERE h["inlet_" + p] IS NOT NULL)
WITH h, reduce(total = 0.0, p IN $pairings | total + coalesce(h["inlet_" + p], 0.0)) AS inlet
ORDER BY inlet DESC, h.layer, h.head
LIMIT toInteger($limit)
CALL (h) {
  MATCH (h)<-[e]-(:Head) WHERE type(e) IN $pairings
  RETURN count(e) AS edges_in, max(e.pk) AS strongest
}
RETURN h.name AS head, inlet, edges_in, strongest,
       COLLECT {
         MATCH (h)-[has:HAS_ROLE]->(r:Role)
         RETURN DISTINCT CASE has.circuit WHEN "weights" THEN r.name + " (derived)" ELSE r.name END AS role
         ORDER BY role
       } AS roles,
       COLLECT {
         MATCH path = (h)<-[e]-(o:Head) WHERE type(e) IN $pairings
         RETURN path ORDER BY e.pk DESC, e.pk_rank, type(e), o.layer, o.head LIMIT 5
       } AS paths
ORDER BY inlet DESC, h.layer, h.head
