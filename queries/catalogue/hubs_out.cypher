// Hubs that are read
// description: Heads that many later heads read: the outlet score of a head is the sum of z over
//   the edges that leave it; an edge to one of several query heads that share a key/value head counts
//   by its share. It grows with the number of edges that the run kept and with the number of later
//   heads; `hubs_by_layer` compares within a layer.
// params:
//   run (run): the run to ask about
//   pairings (list of pairing) = ["OQ", "OK", "OV"]: edges that count
//   limit (count) = 20: heads at most
// returns: graph; may be empty where the run has no edge of these pairings
//   head (head): the head that is read
//   outlet (float): sum of z times share over the edges that leave
//   edges_out (integer): edges that leave
//   strongest (float): greatest Projection Kernel among them
//   roles (list of role): known roles; "(derived)" marks those that follow from the weights alone
//   paths (graph): the five strongest edges that leave it
// requires: sums
// example: limit=8
MATCH (h:Head {run: $run})
// a load writes this sum on the head for each pairing of which it has an edge
WHERE any(p IN $pairings WHERE h["outlet_" + p] IS NOT NULL)
WITH h, reduce(total = 0.0, p IN $pairings | total + coalesce(h["outlet_" + p], 0.0)) AS outlet
ORDER BY outlet DESC, h.layer, h.head
LIMIT toInteger($limit)
CALL (h) {
  MATCH (h)-[e]->(:Head) WHERE type(e) IN $pairings
  RETURN count(e) AS edges_out, max(e.pk) AS strongest
}
RETURN h.name AS head, outlet, edges_out, strongest,
       COLLECT {
         MATCH (h)-[has:HAS_ROLE]->(r:Role)
         RETURN DISTINCT CASE has.circuit WHEN "weights" THEN r.name + " (derived)" ELSE r.name END AS role
         ORDER BY role
       } AS roles,
       COLLECT {
         MATCH path = (h)-[e]->(o:Head) WHERE type(e) IN $pairings
         RETURN path ORDER BY e.pk DESC, e.pk_rank, type(e), o.layer, o.head LIMIT 5
       } AS paths
ORDER BY outlet DESC, h.layer, h.head
