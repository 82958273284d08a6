// Profile of a head
// description: What a head reads and which heads read it, by direction and pairing: the number of
//   edges, their strength and the strongest neighbours.
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
//   roles (list of role): known roles of the head itself
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
       COLLECT { MATCH (h)-[:HAS_ROLE]->(r:Role) RETURN DISTINCT r.name ORDER BY r.name } AS roles,
       paths[..toInteger($neighbours)] AS paths
ORDER BY direction, strength DESC, pairing
