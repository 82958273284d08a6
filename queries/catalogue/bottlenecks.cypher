// Bottlenecks
// description: Heads that others cannot do without: pairs of heads that no edge joins and a chain of two
//   edges does are shared out evenly among the heads in the middle of such chains. This is
//   betweenness over distances of two; where `only` is high, the head is the one way between many
//   pairs.
// params:
//   run (run): the run to ask about
//   limit (count) = 20: heads at most
//   strongest (count) = 500: edges of each pairing that count, strongest first
// returns: graph; may be empty where the run has no such pair
//   head (head): the head in the middle
//   share (float): pairs that go through it, each divided by the heads in the middle
//   pairs (integer): pairs that go through it
//   only (integer): pairs that go through it and through no other head
//   roles (list of role): known roles
//   bottleneck (graph): the head
// example: limit=8
CALL () {
  MATCH (:Head {run: $run})-[e:OQ]->(:Head {run: $run}) WHERE e.pk_rank <= $strongest RETURN e
UNION ALL
  MATCH (:Head {run: $run})-[e:OK]->(:Head {run: $run}) WHERE e.pk_rank <= $strongest RETURN e
UNION ALL
  MATCH (:Head {run: $run})-[e:OV]->(:Head {run: $run}) WHERE e.pk_rank <= $strongest RETURN e
}
// from here on each head is left once, however many edges enter it
WITH endNode(e) AS b, collect(e) AS ins
MATCH (b)-[f:OQ|OK|OV]->(c:Head {run: $run}) WHERE f.pk_rank <= $strongest
UNWIND ins AS e
WITH startNode(e) AS a, collect(DISTINCT {h: b, c: c}) AS chains
WITH a, chains, COLLECT {
  MATCH (a)-[g:OQ|OK|OV]->(c:Head {run: $run}) WHERE g.pk_rank <= $strongest RETURN c
} AS direct
UNWIND [chain IN chains WHERE NOT chain.c IN direct AND chain.c <> a] AS chain
WITH a, chain.c AS c, collect(chain.h) AS middle
UNWIND middle AS h
WITH h, sum(1.0 / size(middle)) AS share, count(*) AS pairs,
     sum(CASE size(middle) WHEN 1 THEN 1 ELSE 0 END) AS only
ORDER BY share DESC, h.layer, h.head
LIMIT toInteger($limit)
RETURN h.name AS head, share, pairs, only,
       COLLECT { MATCH (h)-[:HAS_ROLE]->(r:Role) RETURN DISTINCT r.name ORDER BY r.name } AS roles,
       h AS bottleneck
ORDER BY share DESC, h.layer, h.head
