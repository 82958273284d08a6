// Candidates for a circuit
// description: Heads without a known role that have the strongest edges with heads of a circuit. A
//   candidate is a question for an experiment: a head can be tied to a circuit and do nothing in
//   it. Hubs are tied to every circuit, and so are heads near its layers: compare `edges` with
//   `expected` and `share` with `share_expected`. With few edges, a share is noise. Derived roles,
//   which follow from the weights alone, do not count as known.
// params:
//   run (run): the run to ask about
//   circuit (circuit) = "ioi": the circuit
//   by (strength or share) = "strength": order of the rows
//   limit (count) = 20: heads at most
// returns: graph; may be empty where no head without a role shares a kept edge with the circuit
//   head (head): the candidate
//   edges (integer): its kept edges of OQ, OK and OV with heads of the circuit
//   expected (float): the same if each of its edges led to a random head of the layer that it leads to
//   edges_all (integer): its kept edges with any head
//   strength (float): inlet plus outlet, as in `hubs`, over the edges with the circuit
//   share (float): the same sum, divided by the sum over all its edges
//   share_expected (float): the same if each of its edges led to a random head of the layer that it
//     leads to
//   reads (list of role): roles in the circuit of the heads that it reads; "(derived)" marks those
//     that follow from the weights alone
//   read_by (list of role): roles in the circuit of the heads that read it
//   strongest (float): greatest Projection Kernel of these edges
//   nearest (head): the head of the circuit at the other end of the strongest
//   copying (float): 1 where it writes what it reads, -1 where it writes the negative; 0 where it
//     rotates or mixes
//   self_overlap (float): share of what it writes that lies in what it reads, 0 to 1
//   nodes (graph): the head and the heads of the circuit that it is tied to
//   links (graph): its edges with the circuit
// requires: even
// example: limit=8
MATCH (h:Head {run: $run})
// a plan from the roles would read the heads of every run; these lists hold the run's heads alone
WITH collect(h) AS all
WITH all, COLLECT {
       UNWIND all AS h WITH h WHERE EXISTS { (h)-[:HAS_ROLE {circuit: $circuit}]->() } RETURN h
     } AS members
// of each layer, the share of its heads in the circuit
WITH all, members, COLLECT {
       UNWIND all AS h
       WITH h.layer AS layer, count(h) AS heads, sum(CASE WHEN h IN members THEN 1 ELSE 0 END) AS own
       RETURN {layer: layer, heads: heads, own: own}
     } AS layers
UNWIND all AS h
WITH members, layers, h
WHERE NOT h IN members
  AND NOT EXISTS { (h)-[has:HAS_ROLE]->() WHERE coalesce(has.circuit, "") <> "weights" }
CALL (h, members, layers) {
  MATCH (h)-[e:OQ|OK|OV]-(o) WHERE o <> h
  // of its own layer, the head itself, which is not in the circuit, is no other end
  WITH e, o, o IN members AS inside,
       head([l IN layers WHERE l.layer = o.layer |
             toFloat(l.own) / (l.heads - CASE WHEN o.layer = h.layer THEN 1 ELSE 0 END)]) AS part,
       e.z * CASE WHEN endNode(e) = h THEN 1.0 ELSE e.share END AS strength
  ORDER BY e.pk DESC, e.pk_rank, type(e), o.layer, o.head
  RETURN count(e) AS edges_all, sum(strength) AS strength_all,
         sum(CASE WHEN inside THEN 1 ELSE 0 END) AS edges,
         sum(CASE WHEN inside THEN strength ELSE 0.0 END) AS strength,
         sum(part) AS expected, sum(strength * part) AS strength_expected,
         collect(CASE WHEN inside THEN e END) AS links,
         collect(CASE WHEN inside THEN o.name END)[0] AS nearest
}
WITH h, edges, expected, edges_all, strength, links, nearest,
     CASE WHEN strength_all > 0 THEN strength / strength_all END AS share,
     CASE WHEN strength_all > 0 THEN strength_expected / strength_all END AS share_expected
WHERE edges > 0
WITH *
ORDER BY CASE $by WHEN "share" THEN coalesce(share, 0.0) ELSE strength END DESC, strength DESC,
         h.layer, h.head
LIMIT toInteger($limit)
WITH *, CASE $circuit WHEN "weights" THEN " (derived)" ELSE "" END AS mark
RETURN h.name AS head, edges, expected, edges_all, strength, share, share_expected,
       COLLECT {
         UNWIND links AS e
         WITH e WHERE endNode(e) = h
         MATCH (o)-[e]->()
         MATCH (o)-[:HAS_ROLE {circuit: $circuit}]->(r:Role)
         RETURN DISTINCT r.name + mark AS role ORDER BY role
       } AS reads,
       COLLECT {
         UNWIND links AS e
         WITH e WHERE startNode(e) = h
         MATCH ()-[e]->(o)
         MATCH (o)-[:HAS_ROLE {circuit: $circuit}]->(r:Role)
         RETURN DISTINCT r.name + mark AS role ORDER BY role
       } AS read_by,
       links[0].pk AS strongest, nearest, h.copying AS copying, h.self_overlap AS self_overlap,
       [h] + [e IN links | CASE WHEN startNode(e) = h THEN endNode(e) ELSE startNode(e) END] AS nodes,
       links
ORDER BY CASE $by WHEN "share" THEN coalesce(share, 0.0) ELSE strength END DESC, strength DESC,
         h.layer, h.head
