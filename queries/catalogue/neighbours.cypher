// Neighbours of a head
// description: The edges that enter a head and the edges that leave it, strongest first in each
//   direction.
// params:
//   run (run): the run to ask about
//   head (head): the head to ask about
//   limit (count) = 20: edges at most in each direction
// returns: graph; may be empty where no edge of the head was kept
//   direction (string): in where the head reads, out where it writes
//   edges (integer): edges of the head in this direction, shown or not
//   pairing (pairing): the source's role, then the target's
//   neighbour (head): the head at the other end
//   pk (float): Projection Kernel
//   z (float): z, against the random reference
//   pk_rank (integer): place among all scored pairs of the pairing
//   decoy_q (float): smallest share of decoys at any threshold that keeps the edge; empty where the
//     table has no decoys
//   roles (list of role): known roles of the neighbour; "(derived)" marks those that follow from
//     the weights alone
//   path (graph): source, edge and target
// example: head=L4H7 limit=5
MATCH (h:Head {run: $run, name: $head})
WITH h, COUNT { (h)<--(:Head) } AS entering, COUNT { (h)-->(:Head) } AS leaving
CALL (h) {
  MATCH path = (o:Head)-[e]->(h)
  RETURN "in" AS direction, o, e, path
  ORDER BY e.pk DESC, e.pk_rank, type(e), o.layer, o.head LIMIT toInteger($limit)
UNION ALL
  MATCH path = (h)-[e]->(o:Head)
  RETURN "out" AS direction, o, e, path
  ORDER BY e.pk DESC, e.pk_rank, type(e), o.layer, o.head LIMIT toInteger($limit)
}
RETURN direction, CASE direction WHEN "in" THEN entering ELSE leaving END AS edges,
       type(e) AS pairing, o.name AS neighbour, e.pk AS pk, e.z AS z,
       e.pk_rank AS pk_rank, e.decoy_q AS decoy_q,
       COLLECT {
         MATCH (o)-[has:HAS_ROLE]->(r:Role)
         RETURN DISTINCT CASE has.circuit WHEN "weights" THEN r.name + " (derived)" ELSE r.name END AS role
         ORDER BY role
       } AS roles,
       path
ORDER BY direction, pk DESC, pk_rank, pairing, o.layer, o.head
