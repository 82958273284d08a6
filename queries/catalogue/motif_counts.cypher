// Motifs, counted by pairing
// description: How often small patterns of edges occur, by the pairings of their edges: `double` (one
//   head reads another in two ways), `chain` (a to b to c), `fan_in` (one head reads two),
//   `fan_out` (two heads read one) and `triangle` (a chain with a direct edge from its first head to
//   its last). Edges of a head to itself, if the run has any, are left out. The numbers of chains and
//   fans follow from the heads' degrees; `headgraph motifs` compares those of doubles and triangles
//   with random graphs of the same degrees. Backward pairs form such patterns too: see `triangles`.
// params:
//   run (run): the run to ask about
//   strongest (count) = 500: edges of each pairing that count, strongest first
// returns: rows; may be empty where the run has none
//   motif (string): the pattern
//   first (pairing): pairing of its first edge; the order means nothing in doubles and fans
//   second (pairing): pairing of its second edge
//   direct (pairing): pairing of a triangle's direct edge
//   count (integer): number of occurrences
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
WITH collect(e) AS edges
CALL (edges) {
  UNWIND edges AS e
  WITH startNode(e) AS a, endNode(e) AS b, type(e) AS pairing ORDER BY pairing
  WITH a, b, collect(pairing) AS pairings
  UNWIND range(0, size(pairings) - 2) AS i
  UNWIND range(i + 1, size(pairings) - 1) AS j
  RETURN "double" AS motif, pairings[i] AS first, pairings[j] AS second, null AS direct,
         count(*) AS count
UNION ALL
  UNWIND edges AS e
  WITH endNode(e) AS b, collect(type(e)) AS ins
  MATCH (b)-[f:OQ|OK|OV]->(c:Head {run: $run}) WHERE f.pk_rank <= $strongest AND b <> c
  UNWIND ins AS first
  RETURN "chain" AS motif, first, type(f) AS second, null AS direct, count(*) AS count
UNION ALL
  UNWIND edges AS e
  WITH endNode(e) AS b, collect({a: startNode(e), pairing: type(e)}) AS ins
  UNWIND ins AS e
  UNWIND ins AS f
  WITH e, f WHERE e.a <> f.a
    AND (e.pairing < f.pairing OR e.pairing = f.pairing AND e.a.id < f.a.id)
  RETURN "fan_in" AS motif, e.pairing AS first, f.pairing AS second, null AS direct,
         count(*) AS count
UNION ALL
  UNWIND edges AS e
  WITH startNode(e) AS a, collect({b: endNode(e), pairing: type(e)}) AS outs
  UNWIND outs AS e
  UNWIND outs AS f
  WITH e, f WHERE e.b <> f.b
    AND (e.pairing < f.pairing OR e.pairing = f.pairing AND e.b.id < f.b.id)
  RETURN "fan_out" AS motif, e.pairing AS first, f.pairing AS second, null AS direct,
         count(*) AS count
UNION ALL
  UNWIND edges AS e
  WITH endNode(e) AS b, collect(e) AS ins
  MATCH (b)-[f:OQ|OK|OV]->(c:Head {run: $run}) WHERE f.pk_rank <= $strongest AND b <> c
  UNWIND ins AS e
  WITH startNode(e) AS a, collect({first: type(e), second: type(f), c: c}) AS chains
  MATCH (a)-[g:OQ|OK|OV]->(c:Head {run: $run}) WHERE g.pk_rank <= $strongest AND a <> c
  UNWIND [chain IN chains WHERE chain.c = c] AS chain
  RETURN "triangle" AS motif, chain.first AS first, chain.second AS second, type(g) AS direct,
         count(*) AS count
}
RETURN motif, first, second, direct, count
ORDER BY motif, count DESC, first, second, direct
