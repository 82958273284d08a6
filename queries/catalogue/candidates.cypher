// Candidates for a circuit
// description: Heads without a known role that have the strongest edges with heads of a circuit. A
//   candidate is a question for an experiment: a head can be tied to a circuit and do nothing in
//   it. Hubs are tied to every circuit. So compare `share`, the part of a head's own strength that
//   goes to the circuit, with `share_expected`, the part of the circuit among all heads that it
//   could be tied to. With few edges, a share is noise. Derived roles, which follow from the
//   weights alone, do not count as known.
// params:
//   run (run): the run to ask about
//   circuit (circuit) = "ioi": the circuit
//   by (strength or share) = "strength": order of the rows
//   limit (count) = 20: heads at most
// returns: graph; may be empty where no head without a role shares a kept edge with the circuit
//   head (head): the candidate
//   edges (integer): its kept edges of OQ, OK and OV with heads of the circuit
//   edges_all (integer): its kept edges with any head
//   strength (float): inlet plus outlet, as in `hubs`, over the edges with the circuit
//   share (float): the same sum, divided by the sum over all its edges
//   share_expected (float): heads of the circuit among the heads that it could share an edge with
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
MATCH (run:Run {name: $run})
MATCH (h:Head {run: $run})
// a plan from the roles would read the heads of every run; these lists hold the run's heads alone
WITH run, collect(h) AS all
WITH run, all, COLLECT {
       UNWIND all AS h WITH h WHERE EXISTS { (h)-[:HAS_ROLE {circuit: $circuit}]->() } RETURN h
     } AS members
UNWIND all AS h
WITH run, all, members, h
WHERE NOT h IN members
  AND NOT EXISTS { (h)-[has:HAS_ROLE]->() WHERE coalesce(has.circuit, "") <> "weights" }
CALL (h, members) {
  MATCH (h)-[e:OQ|OK|OV]-(o) WHERE o <> h
  WITH e, o, o IN members AS inside,
       e.z * CASE WHEN endNode(e) = h THEN 1.0 ELSE e.share END AS strength
  ORDER BY e.pk DESC, e.pk_rank, type(e), o.layer, o.head
  RETURN count(e) AS edges_all, sum(strength) AS strength_all,
         sum(CASE WHEN inside THEN 1 ELSE 0 END) AS edges,
         sum(CASE WHEN inside THEN strength ELSE 0.0 END) AS strength,
         collect(CASE WHEN inside THEN e END) AS links,
         collect(CASE WHEN inside THEN o.name END)[0] AS nearest
}
WITH run, all, members, h, edges, edges_all, strength, links, nearest,
     CASE WHEN strength_all > 0 THEN strength / strength_all END AS share
WHERE edges > 0
WITH *
ORDER BY CASE $by WHEN "share" THEN coalesce(share, 0.0) ELSE strength END DESC, strength DESC,
         h.layer, h.head
LIMIT toInteger($limit)
WITH *, [o IN all WHERE o <> h AND CASE run.layer_order
           WHEN "forward" THEN o.layer <> h.layer
           WHEN "within" THEN o.layer = h.layer
           ELSE true END] AS possible,
        CASE $circuit WHEN "weights" THEN " (derived)" ELSE "" END AS mark
RETURN h.name AS head, edges, edges_all, strength, share,
       toFloat(size([o IN possible WHERE o IN members])) / size(possible) AS share_expected,
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
