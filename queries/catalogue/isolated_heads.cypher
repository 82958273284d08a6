// Isolated heads
// description: Heads without a kept edge of these pairings: none of their pairs is strong enough
//   for the run. This does not mean that they do nothing.
// params:
//   run (run): the run to ask about
//   pairings (list of pairing) = ["OQ", "OK", "OV"]: edges that count
// returns: graph; may be empty where every head has an edge
//   head (head): the head
//   layer (integer): its layer
//   others (integer): its edges of other pairings
//   roles (list of role): known roles; "(derived)" marks those that follow from the weights alone
//   alone (graph): the head
// example: pairings=OK,OV
MATCH (h:Head {run: $run})
WHERE NOT EXISTS { (h)-[e]-(:Head) WHERE type(e) IN $pairings }
RETURN h.name AS head, h.layer AS layer, COUNT { (h)--(:Head) } AS others,
       COLLECT {
         MATCH (h)-[has:HAS_ROLE]->(r:Role)
         RETURN DISTINCT CASE has.circuit WHEN "weights" THEN r.name + " (derived)" ELSE r.name END AS role
         ORDER BY role
       } AS roles,
       h AS alone
ORDER BY layer, h.head
