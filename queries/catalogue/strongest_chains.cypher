// Strongest chains
// description: Chains of two to four edges in which each head reads what the head before it writes,
//   without edges of a head to itself. The strength of a chain is the product of its normalised
//   Projection Kernels, or its weakest edge; between chains with the same weakest edge, the next
//   weakest decides. The answer is exact: a strongest chain can begin only with the strongest chains
//   that end at a head, so the search drops all others.
// params:
//   run (run): the run to ask about
//   length (2 to 4) = 3: edges of a chain
//   by (product or weakest) = "product": measure of a chain's strength
//   limit (count) = 20: chains at most
//   strongest (count) = 500: edges of each pairing that a chain may take, strongest first
// returns: graph; may be empty where the run has no such chain
//   heads (list of head): the heads, in the order of the chain
//   pairings (list of pairing): how each head after the first reads the one before it
//   product (float): product of the normalised Projection Kernels, 0 to 1
//   weakest (float): the smallest Projection Kernel
//   decoy_q (float): greatest `decoy_q` of the edges: how doubtful the most doubtful is, as a share of
//     decoys; empty where the table has none
//   nodes (graph): the heads
//   links (graph): the edges
// example: length=3 limit=8
CALL () {
  MATCH (a:Head {run: $run})-[e:OQ]->(b:Head {run: $run})
  WHERE e.pk_rank <= $strongest AND a <> b RETURN e
UNION ALL
  MATCH (a:Head {run: $run})-[e:OK]->(b:Head {run: $run})
  WHERE e.pk_rank <= $strongest AND a <> b RETURN e
UNION ALL
  MATCH (a:Head {run: $run})-[e:OV]->(b:Head {run: $run})
  WHERE e.pk_rank <= $strongest AND a <> b RETURN e
}
WITH endNode(e) AS h, e,
     [CASE $by WHEN "product" THEN e.pk_normalized ELSE e.pk END] AS strength
ORDER BY strength DESC
WITH h, collect({edges: [e], strength: strength})[..toInteger($limit)] AS chains
// the second edge; `strength` is the product, or a list of all edges, weakest first
MATCH (h)-[f:OQ|OK|OV]->(next:Head {run: $run}) WHERE f.pk_rank <= $strongest AND next <> h
UNWIND chains AS chain
WITH next AS h, chain.edges + f AS edges,
     CASE $by WHEN "product" THEN [chain.strength[0] * f.pk_normalized]
       ELSE [s IN chain.strength WHERE s <= f.pk] + f.pk + [s IN chain.strength WHERE s > f.pk]
     END AS strength
ORDER BY strength DESC
WITH h, collect({edges: edges, strength: strength})[..toInteger($limit)] AS chains
// the third edge, if `length` is above 2
OPTIONAL MATCH (h)-[f:OQ|OK|OV]->(next:Head {run: $run})
WHERE $length > 2 AND f.pk_rank <= $strongest AND next <> h
WITH h, chains, f, next WHERE $length = 2 OR f IS NOT NULL
UNWIND chains AS chain
WITH coalesce(next, h) AS h,
     CASE WHEN f IS NULL THEN chain.edges ELSE chain.edges + f END AS edges,
     CASE WHEN f IS NULL THEN chain.strength
       WHEN $by = "product" THEN [chain.strength[0] * f.pk_normalized]
       ELSE [s IN chain.strength WHERE s <= f.pk] + f.pk + [s IN chain.strength WHERE s > f.pk]
     END AS strength
ORDER BY strength DESC
WITH h, collect({edges: edges, strength: strength})[..toInteger($limit)] AS chains
// the fourth edge, if `length` is 4
OPTIONAL MATCH (h)-[f:OQ|OK|OV]->(next:Head {run: $run})
WHERE $length = 4 AND f.pk_rank <= $strongest AND next <> h
WITH h, chains, f, next WHERE $length < 4 OR f IS NOT NULL
UNWIND chains AS chain
WITH coalesce(next, h) AS h,
     CASE WHEN f IS NULL THEN chain.edges ELSE chain.edges + f END AS edges,
     CASE WHEN f IS NULL THEN chain.strength
       WHEN $by = "product" THEN [chain.strength[0] * f.pk_normalized]
       ELSE [s IN chain.strength WHERE s <= f.pk] + f.pk + [s IN chain.strength WHERE s > f.pk]
     END AS strength
ORDER BY strength DESC
LIMIT toInteger($limit)
WITH edges, strength, [startNode(edges[0])] + [e IN edges | endNode(e)] AS nodes
RETURN [h IN nodes | h.name] AS heads, [e IN edges | type(e)] AS pairings,
       reduce(product = 1.0, e IN edges | product * e.pk_normalized) AS product,
       reduce(weakest = edges[0].pk, e IN edges |
         CASE WHEN e.pk < weakest THEN e.pk ELSE weakest END) AS weakest,
       reduce(most = null, e IN edges |
         CASE WHEN e.decoy_q <= most THEN most ELSE e.decoy_q END) AS decoy_q,
       nodes, edges AS links
ORDER BY strength DESC, [h IN nodes | h.layer], [h IN nodes | h.head]
