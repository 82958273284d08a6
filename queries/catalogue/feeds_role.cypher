// What feeds the heads of a role
// description: The heads that the heads of one role read; by default, what feeds the name movers.
//   Heads with the greatest sum of z come first. A head that feeds all heads of the role can be a
//   hub that feeds every head: `share` is the part of its own strength that goes to the role. Compare
//   `edges` with `expected`, the edges that as many other heads of the same layers would have.
// params:
//   run (run): the run to ask about
//   role (role) = "name_mover": role of the heads that read
//   pairings (list of pairing) = ["OQ", "OK", "OV"]: edges that count
//   limit (count) = 20: heads at most
// returns: graph; may be empty where no head has this role or none reads another by a kept edge
//   head (head): the head that is read
//   readers (list of head): the heads of the role that read it
//   role_heads (integer): heads of the role
//   edges (integer): edges to them
//   expected (float): edges to the same number of heads chosen at random, each from the layer of a head of
//     the role: for each layer, the head's edges into it times the share of its heads chosen
//   pairings (list of pairing): how they read it
//   strength (float): sum of z times share over these edges
//   share (float): the same sum, divided by the sum over all edges of these pairings that leave the
//     head
//   strongest (float): greatest Projection Kernel
//   roles (list of role): known roles of the head; "(derived)" marks those that follow from the
//     weights alone
//   nodes (graph): the head and its readers
//   links (graph): the edges
// example: limit=8
MATCH (h:Head {run: $run})
// a plan from the role would read the heads of every run; this list holds the run's heads alone
WITH collect(h) AS all
WITH all, [h IN all | h.layer] AS layers
UNWIND all AS b
WITH layers, b WHERE EXISTS { (b)-[:HAS_ROLE]->(r) WHERE r.name = $role }
WITH layers, collect(b) AS members
UNWIND members AS b
MATCH (a)-[e]->(b) WHERE type(e) IN $pairings AND a <> b
WITH layers, members, a, e, b ORDER BY b.layer, b.head, type(e)
WITH layers, members, a, collect(DISTINCT b) AS readers, collect(e) AS links, count(e) AS edges,
     sum(e.z * e.share) AS strength, max(e.pk) AS strongest
ORDER BY strength DESC, a.layer, a.head
LIMIT toInteger($limit)
CALL (a) {
  MATCH (a)-[e]->(b) WHERE type(e) IN $pairings AND a <> b
  RETURN sum(e.z * e.share) AS strength_all
}
// a head of the same layer cannot draw itself
CALL (a, layers, members) {
  MATCH (a)-[e]->(b) WHERE type(e) IN $pairings AND a <> b
  WITH a, layers, members, b.layer AS layer, count(e) AS found
  WITH found, size([m IN members WHERE m.layer = layer AND m <> a]) AS chosen,
       size([l IN layers WHERE l = layer]) - CASE a.layer WHEN layer THEN 1 ELSE 0 END AS heads
  RETURN sum(toFloat(chosen) * found / heads) AS expected
}
RETURN a.name AS head, [b IN readers | b.name] AS readers, size(members) AS role_heads, edges,
       round(expected, 9) AS expected,
       COLLECT { UNWIND links AS e RETURN DISTINCT type(e) AS pairing ORDER BY pairing } AS pairings,
       strength, CASE WHEN strength_all > 0 THEN strength / strength_all END AS share, strongest,
       COLLECT {
         MATCH (a)-[has:HAS_ROLE]->(r:Role)
         RETURN DISTINCT CASE has.circuit WHEN "weights" THEN r.name + " (derived)" ELSE r.name END AS role
         ORDER BY role
       } AS roles,
       [a] + readers AS nodes, links
ORDER BY strength DESC, a.layer, a.head
