// Hubs that read
// description: Heads that read much of what earlier heads write: the inlet score of a head is the sum
//   of z over the edges that enter it. It grows with what the run kept and with the number of
//   earlier heads; `hubs_by_layer` corrects for the latter.
// params:
//   run (run): the run to ask about
//   pairings (list of pairing) = ["OQ", "OK", "OV"]: edges that count
//   limit (count) = 20: heads at most
// returns: graph; may be empty where the run has no edge of these pairings
//   head (head): the head that reads
//   inlet (float): sum of z over the edges that enter
//   edges_in (integer): how many enter
//   strongest (float): greatest Projection Kernel among them
//   roles (list of role): known roles
//   paths (graph): its five strongest edges in
// example: limit=8
MATCH (h:Head {run: $run})<-[e]-() WHERE type(e) IN $pairings
WITH h, toFloat(sum(e.z)) AS inlet, count(e) AS edges_in, max(e.pk) AS strongest
ORDER BY inlet DESC, h.layer, h.head
LIMIT toInteger($limit)
RETURN h.name AS head, inlet, edges_in, strongest,
       COLLECT { MATCH (h)-[:HAS_ROLE]->(r:Role) RETURN DISTINCT r.name ORDER BY r.name } AS roles,
       COLLECT {
         MATCH path = (h)<-[e]-(:Head) WHERE type(e) IN $pairings
         RETURN path ORDER BY e.pk DESC, e.pk_rank LIMIT 5
       } AS paths
ORDER BY inlet DESC, h.layer, h.head
