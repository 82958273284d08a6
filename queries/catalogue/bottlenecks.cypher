// Bottlenecks
// description: Heads that others cannot do without: pairs of heads that no edge joins and a chain of two
//   edges does are shared out evenly among the heads in the middle of such chains. This is
//   betweenness over distances of two; where `only` is high, the head is the one way between many
//   pairs.
// params:
//   run (run): the run to ask about
//   limit (count) = 20: heads at most
//   strongest (count) = 1000: edges of each pairing that count, strongest first
// returns: graph; may be empty where the run has no such pair
//   head (head): the head in the middle
//   share (float): pairs that go through it, each divided by the heads in the middle
//   pairs (integer): pairs that go through it
//   only (integer): pairs that go through it and through no other head
//   roles (list of role): known roles
//   bottleneck (graph): the head
// example: limit=8
MATCH (a:Head {run: $run})-[e:OQ|OK|OV]->(h:Head {run: $run})-[f:OQ|OK|OV]->(c:Head {run: $run})
WHERE e.pk_rank <= $strongest AND f.pk_rank <= $strongest
WITH a, c, collect(DISTINCT h) AS middle
WHERE a <> c AND NOT EXISTS { (a)-[g:OQ|OK|OV]->(c) WHERE g.pk_rank <= $strongest }
UNWIND middle AS h
WITH h, sum(1.0 / size(middle)) AS share, count(*) AS pairs,
     sum(CASE size(middle) WHEN 1 THEN 1 ELSE 0 END) AS only
ORDER BY share DESC, h.layer, h.head
LIMIT toInteger($limit)
RETURN h.name AS head, share, pairs, only,
       COLLECT { MATCH (h)-[:HAS_ROLE]->(r:Role) RETURN DISTINCT r.name ORDER BY r.name } AS roles,
       h AS bottleneck
ORDER BY share DESC, h.layer, h.head
