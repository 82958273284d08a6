// Heads that write alike
// description: Pairs of heads that write into overlapping subspaces (pairing OO): a head that reads
//   what they share reads both. A high z alone is no likeness: see `read_alike`.
// params:
//   run (run): the run to ask about
//   limit (count) = 20: scored pairs
// returns: graph; may be empty where the run has no OO (headgraph compute --pairings all)
//   first (head): the head of the earlier layer
//   second (head): the head of the later layer
//   pk (float): Projection Kernel
//   z (float): z, against the random reference
//   pk_rank (integer): place among all scored OO pairs
//   roles_first (list of role): known roles of the first; "(derived)" marks those that follow from
//     the weights alone
//   roles_second (list of role): known roles of the second; "(derived)" marks those that follow
//     from the weights alone
//   path (graph): the two heads and their edge
// example: run=induction-2l limit=8
MATCH (:Head {run: $run})-[e:OO]->(:Head {run: $run}) WHERE e.pk_rank > 0
WITH e ORDER BY e.pk_rank LIMIT toInteger($limit)
MATCH path = (a)-[e]->(b)
RETURN a.name AS first, b.name AS second, e.pk AS pk, e.z AS z, e.pk_rank AS pk_rank,
       COLLECT {
         MATCH (a)-[has:HAS_ROLE]->(r:Role)
         RETURN DISTINCT CASE has.circuit WHEN "weights" THEN r.name + " (derived)" ELSE r.name END AS role
         ORDER BY role
       } AS roles_first,
       COLLECT {
         MATCH (b)-[has:HAS_ROLE]->(r:Role)
         RETURN DISTINCT CASE has.circuit WHEN "weights" THEN r.name + " (derived)" ELSE r.name END AS role
         ORDER BY role
       } AS roles_second,
       path
ORDER BY pk_rank, a.layer, a.head, b.layer, b.head
