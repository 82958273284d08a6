// Feed-forward triangles
// description: Three heads where the second and the third read the first, and the third also reads the
//   second: the third reads what the first writes both directly and through the second. A triangle is
//   as strong as its weakest edge; between equals, the product decides. Triangles are no sign of
//   function, since heads that overlap with a third often overlap with each other: GPT-2's strongest
//   backward pairs, which carry nothing, form as many as its edges.
// params:
//   run (run): the run to ask about
//   limit (count) = 20: triangles at most
//   strongest (count) = 500: edges of each pairing that a triangle may have, strongest first
// returns: graph; may be empty where the run has no triangle
//   first (head): the head that the other two read
//   middle (head): the head that reads the first; the last reads it
//   last (head): the head that reads both
//   first_middle (pairing): how the middle head reads the first
//   middle_last (pairing): how the last head reads the middle one
//   first_last (pairing): how the last head reads the first
//   weakest (float): the smallest of the three Projection Kernels
//   product (float): product of the three normalised Projection Kernels, 0 to 1
//   decoy_q (float): greatest `decoy_q` of the edges: how doubtful the most doubtful is, as a share of
//     decoys; empty where the table has none
//   nodes (graph): the heads
//   links (graph): the edges
// example: limit=8
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
// from here on each head's outgoing edges are read once, however many edges enter it
WITH endNode(e) AS b, collect(e) AS ins
MATCH (b)-[f:OQ|OK|OV]->(c:Head {run: $run}) WHERE f.pk_rank <= $strongest AND b <> c
UNWIND ins AS e
WITH startNode(e) AS a, collect({e: e, b: b, f: f, c: c}) AS chains
MATCH (a)-[g:OQ|OK|OV]->(c:Head {run: $run}) WHERE g.pk_rank <= $strongest AND a <> c
UNWIND [chain IN chains WHERE chain.c = c] AS chain
WITH a, chain.b AS b, c, chain.e AS e, chain.f AS f, g
WITH a, b, c, e, f, g, e.pk_normalized * f.pk_normalized * g.pk_normalized AS product,
     CASE WHEN e.pk <= f.pk AND e.pk <= g.pk THEN e.pk
       WHEN f.pk <= g.pk THEN f.pk ELSE g.pk END AS weakest
ORDER BY weakest DESC, product DESC, a.layer, a.head, b.layer, b.head, c.layer, c.head
LIMIT toInteger($limit)
RETURN a.name AS first, b.name AS middle, c.name AS last,
       type(e) AS first_middle, type(f) AS middle_last, type(g) AS first_last,
       weakest, product,
       reduce(most = null, e IN [e, f, g] |
         CASE WHEN e.decoy_q <= most THEN most ELSE e.decoy_q END) AS decoy_q,
       [a, b, c] AS nodes, [e, f, g] AS links
ORDER BY weakest DESC, product DESC, a.layer, a.head, b.layer, b.head, c.layer, c.head
