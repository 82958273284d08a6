// Heads that two heads both read
// description: Heads that write what both of two heads read, strongest first. The weaker of its two
//   edges decides how strong an inlet is. Some heads are read by nearly every head, so `readers`
//   counts the heads that read each inlet. `wired_like` finds the heads that share most inlets.
// params:
//   run (run): the run to ask about
//   first (head): one of the two heads
//   second (head): the other
//   pairings (list of pairing) = ["OQ", "OK", "OV"]: edges that count
//   limit (count) = 20: heads at most
// returns: graph; may be empty where the two heads share no inlet of kept edges
//   inlet (head): the head that both read
//   first_pairings (list of pairing): how the first head reads it
//   first_pk (float): greatest Projection Kernel of these edges
//   second_pairings (list of pairing): how the second head reads it
//   second_pk (float): greatest Projection Kernel of these edges
//   weaker (float): the smaller of the two
//   readers (integer): heads that read it, by kept edges of these pairings
//   roles (list of role): known roles of the inlet; "(derived)" marks those that follow from the
//     weights alone
//   nodes (graph): the three heads
//   links (graph): the edges
// example: first=L5H5 second=L6H9 limit=8
MATCH (one:Head {run: $run, name: $first})
MATCH (other:Head {run: $run, name: $second}) WHERE other <> one
MATCH (h)-[e]->(one) WHERE type(e) IN $pairings AND h <> one AND h <> other
WITH one, other, h, e ORDER BY e.pk DESC, type(e)
WITH one, other, h, collect(e) AS ones
MATCH (h)-[f]->(other) WHERE type(f) IN $pairings
WITH one, other, h, ones, f ORDER BY f.pk DESC, type(f)
WITH one, other, h, ones, collect(f) AS others
WITH *, CASE WHEN ones[0].pk < others[0].pk THEN ones[0].pk ELSE others[0].pk END AS weaker
ORDER BY weaker DESC, ones[0].pk + others[0].pk DESC, h.layer, h.head
LIMIT toInteger($limit)
RETURN h.name AS inlet, [e IN ones | type(e)] AS first_pairings, ones[0].pk AS first_pk,
       [f IN others | type(f)] AS second_pairings, others[0].pk AS second_pk, weaker,
       COUNT { MATCH (h)-[e]->(o) WHERE type(e) IN $pairings RETURN DISTINCT o } AS readers,
       COLLECT {
         MATCH (h)-[has:HAS_ROLE]->(r:Role)
         RETURN DISTINCT CASE has.circuit WHEN "weights" THEN r.name + " (derived)" ELSE r.name END AS role
         ORDER BY role
       } AS roles,
       [one, h, other] AS nodes, ones + others AS links
ORDER BY weaker DESC, first_pk + second_pk DESC, h.layer, h.head
