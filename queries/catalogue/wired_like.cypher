// Heads wired alike
// description: Heads that share inlets or outlets with one head. An inlet is a head and the pairing
//   by which it is read; an outlet is a head and the pairing by which it reads. The Jaccard index
//   divides the inlets (or outlets) that two heads share by those that either has: 1 means the
//   same, 0 none in common. It counts kept edges, not their strength, and says little about heads
//   with few edges. Query heads that share a key/value head have the same OK and OV inlets by
//   construction.
// params:
//   run (run): the run to ask about
//   head (head): the head to compare with
//   side (inlets or outlets) = "outlets": what to compare
//   pairings (list of pairing) = ["OQ", "OK", "OV"]: edges that count
//   limit (count) = 20: heads at most
// returns: graph; may be empty where no other head shares one of them
//   other (head): the other head
//   jaccard (float): shared, divided by those that either has
//   shared (integer): inlets (or outlets) that both have
//   own (integer): those of the head
//   others (integer): those of the other head
//   roles (list of role): known roles of the other head; "(derived)" marks those that follow from
//     the weights alone
//   nodes (graph): the two heads and those that they share
//   links (graph): the edges to what they share
// example: head=L9H9 side=inlets limit=8
MATCH (h:Head {run: $run, name: $head})
CALL (h) {
  MATCH (h)<-[e]-(o) WHERE $side = "inlets" AND type(e) IN $pairings AND o <> h
  RETURN e, o
UNION ALL
  MATCH (h)-[e]->(o) WHERE $side = "outlets" AND type(e) IN $pairings AND o <> h
  RETURN e, o
}
WITH h, collect({e: e, o: o}) AS ties, count(e) AS own
UNWIND ties AS tie
WITH h, own, tie.o AS o, tie.e AS e
CALL (h, o, e) {
  MATCH (twin)<-[f]-(o) WHERE $side = "inlets" AND type(f) = type(e) AND twin <> h AND twin <> o
  RETURN twin, f
UNION ALL
  MATCH (twin)-[f]->(o) WHERE $side = "outlets" AND type(f) = type(e) AND twin <> h AND twin <> o
  RETURN twin, f
}
WITH h, own, twin, count(*) AS shared, collect(DISTINCT o) AS heads,
     collect(e) + collect(f) AS links
WITH h, own, twin, shared, heads, links, CASE $side
       WHEN "inlets" THEN COUNT { (twin)<-[g]-(x) WHERE type(g) IN $pairings AND x <> twin }
       ELSE COUNT { (twin)-[g]->(x) WHERE type(g) IN $pairings AND x <> twin } END AS others
WITH *, toFloat(shared) / (own + others - shared) AS jaccard
ORDER BY jaccard DESC, shared DESC, twin.layer, twin.head
LIMIT toInteger($limit)
RETURN twin.name AS other, jaccard, shared, own, others,
       COLLECT {
         MATCH (twin)-[has:HAS_ROLE]->(r:Role)
         RETURN DISTINCT CASE has.circuit WHEN "weights" THEN r.name + " (derived)" ELSE r.name END AS role
         ORDER BY role
       } AS roles,
       [h, twin] + heads AS nodes, links
ORDER BY jaccard DESC, shared DESC, twin.layer, twin.head
