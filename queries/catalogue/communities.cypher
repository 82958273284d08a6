// Communities
// description: Groups of heads with more strong edges inside than outside. They need no function:
//   GPT-2's backward pairs, which carry nothing, form groups too. `headgraph communities
//   --write` finds them and writes them on the heads of the run.
// params:
//   run (run): the run to ask about
// returns: graph; may be empty where headgraph communities --run RUN --write has not run yet
//   community (integer): its number; 1 is the largest
//   size (integer): heads in it
//   inside (integer): edges of OQ, OK and OV between its heads
//   outside (integer): edges between its heads and others
//   first_layer (integer): lowest layer
//   last_layer (integer): highest layer
//   heads (list of head): its heads
//   roles (list of role): known roles of these heads; "(derived)" marks those that follow from the
//     weights alone
//   nodes (graph): the heads
//   links (graph): the edges inside, at most the 500 strongest of a community
MATCH (h:Head {run: $run}) WHERE h.community IS NOT NULL
WITH h ORDER BY h.layer, h.head
WITH h.community AS community, collect(h) AS heads
CALL (community, heads) {
  UNWIND heads AS h
  MATCH (h)-[e:OQ|OK|OV]->(o:Head)
  RETURN sum(CASE o.community WHEN community THEN 1 ELSE 0 END) AS inside,
         sum(CASE o.community WHEN community THEN 0 ELSE 1 END) AS leaving
}
CALL (community, heads) {
  UNWIND heads AS h
  MATCH (h)<-[e:OQ|OK|OV]-(o:Head)
  // a head without any of the edges that made the groups is in no group
  WHERE o.community IS NULL OR o.community <> community
  RETURN count(e) AS entering
}
RETURN community, size(heads) AS size, inside, leaving + entering AS outside,
       heads[0].layer AS first_layer, heads[-1].layer AS last_layer,
       [h IN heads | h.name] AS heads,
       COLLECT {
         UNWIND heads AS h
         MATCH (h)-[has:HAS_ROLE]->(r:Role)
         RETURN DISTINCT CASE has.circuit WHEN "weights" THEN r.name + " (derived)" ELSE r.name END AS role
         ORDER BY role
       } AS roles,
       heads AS nodes,
       COLLECT {
         UNWIND heads AS h
         MATCH (h)-[e:OQ|OK|OV]->(o:Head) WHERE o.community = community
         RETURN e ORDER BY e.pk_rank, type(e), h.layer, h.head, o.layer, o.head LIMIT 500
       } AS links
ORDER BY community
