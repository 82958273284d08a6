// Bottlenecks
// description: Heads that connect other heads. Some pairs of heads have no edge, only chains of two
//   edges. Each such pair counts 1, shared evenly among the heads in the middle of its chains. This
//   is betweenness over distances of two. Where `only` is high, the head is the only connection
//   between many pairs in this graph, not in the model: a pair without an edge was not kept, and every
//   head can read every earlier one.
// params:
//   run (run): the run to ask about
//   limit (count) = 20: heads at most
//   strongest (count) = 500: edges of each pairing that count, strongest first
// returns: graph; may be empty where the run has no such pair
//   head (head): the head in the middle
//   share (float): pairs that go through it, each divided by the number of heads in the middle
//   pairs (integer): pairs that go through it
//   only (integer): pairs that go through it and through no other head
//   roles (list of role): known roles; "(derived)" marks those that follow from the weights alone
//   bottleneck (graph): the head
// example: limit=8
CALL () {
  MATCH (a:Head {run: $run})-[e:OQ]->(b:Head {run: $run}) WHERE e.pk_rank <= $strongest RETURN a, b
UNION
  MATCH (a:Head {run: $run})-[e:OK]->(b:Head {run: $run}) WHERE e.pk_rank <= $strongest RETURN a, b
UNION
  MATCH (a:Head {run: $run})-[e:OV]->(b:Head {run: $run}) WHERE e.pk_rank <= $strongest RETURN a, b
}
// the pairs above give each head's edges; its other edges, which may be thousands, are not read
UNWIND [[b, a, null], [a, null, b]] AS side
WITH side[0] AS h, collect(side[1]) AS ins, collect(side[2]) AS outs
// each head passes its targets to its sources, and to itself: its own targets need no middle
UNWIND ins + h AS a
WITH a, head(collect(CASE h WHEN a THEN outs END)) AS direct,
     collect(CASE WHEN h <> a THEN {h: h, outs: outs} END) AS chains
UNWIND chains AS chain
UNWIND [c IN chain.outs WHERE NOT c IN direct AND c <> a] AS c
WITH a, c, collect(chain.h) AS middle
UNWIND middle AS h
WITH h, sum(1.0 / size(middle)) AS share, count(*) AS pairs,
     sum(CASE size(middle) WHEN 1 THEN 1 ELSE 0 END) AS only
ORDER BY share DESC, h.layer, h.head
LIMIT toInteger($limit)
RETURN h.name AS head, share, pairs, only,
       COLLECT {
         MATCH (h)-[has:HAS_ROLE]->(r:Role)
         RETURN DISTINCT CASE has.circuit WHEN "weights" THEN r.name + " (derived)" ELSE r.name END AS role
         ORDER BY role
       } AS roles,
       h AS bottleneck
ORDER BY share DESC, h.layer, h.head
