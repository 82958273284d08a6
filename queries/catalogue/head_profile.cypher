// Profile of a head
// description: What a head reads and which heads read it, by direction and pairing: the number of
//   edges, their strength and the strongest neighbours. `copying` and `self_overlap` belong to the
//   head and are the same in every row; they are empty where the table lacks them.
// params:
//   run (run): the run to ask about
//   head (head): the head to ask about
//   neighbours (count) = 5: neighbours to name in each row
// returns: graph; may be empty where no edge of the head was kept
//   direction (string): in where the head reads, out where it writes
//   pairing (pairing): the source's role, then the target's
//   edges (integer): number of edges
//   strength (float): sum of z; of z times share where the head writes
//   strongest (float): greatest Projection Kernel
//   best_rank (integer): best place among all scored pairs of the pairing
//   nearest (integer): fewest layers between the two
//   farthest (integer): most layers between the two
//   heads (list of head): the strongest neighbours, strongest first
//   copying (float): sign of what it writes back into what it reads as value, 1 the same and
//     -1 the opposite; 0 where it rotates or mixes
//   self_overlap (float): share of what it writes that lies in what it reads, 0 to 1
//   roles (list of role): known roles of the head itself; "(derived)" marks those that follow from
//     the weights alone
//   paths (graph): the edges to these neighbours
// example: head=L4H7 neighbours=3
MATCH (h:Head {run: $run, name: $head})
CALL (h) {
  MATCH path = (h)<-[e]-(o:Head)
  RETURN "in" AS direction, path, e, o, e.z AS strength
UNION ALL
  MATCH path = (h)-[e]->(o:Head)
  RETURN "out" AS direction, path, e, o, e.z * e.share AS strength
}
WITH h, direction, path, e, o, strength, abs(o.layer - h.layer) AS distance
ORDER BY e.pk DESC, e.pk_rank, o.layer, o.head
WITH h, direction, type(e) AS pairing, count(e) AS edges, sum(strength) AS strength,
     max(e.pk) AS strongest, min(e.pk_rank) AS best_rank, min(distance) AS nearest,
     max(distance) AS farthest, collect(o.name) AS heads, collect(path) AS paths
RETURN direction, pairing, edges, strength, strongest, best_rank, nearest, farthest,
       heads[..toInteger($neighbours)] AS heads,
       h.copying AS copying, h.self_overlap AS self_overlap,
       COLLECT {
         MATCH (h)-[has:HAS_ROLE]->(r:Role)
         RETURN DISTINCT CASE has.circuit WHEN "weights" THEN r.name + " (derived)" ELSE r.name END AS role
         ORDER BY role
       } AS roles,
       paths[..toInteger($neighbours)] AS paths
ORDER BY direction, strength DESC, pairing
