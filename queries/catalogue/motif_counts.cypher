// Motifs, counted by pairing
// description: How often small patterns of edges occur, by the pairings of their edges: `double` (one
//   head reads another in two ways), `chain` (a to b to c), `fan_in` (two heads are read by one),
//   `fan_out` (two heads read one) and `triangle` (a chain with a direct edge from its first head to
//   its last). How many of a kind are many? Chains and fans follow from the heads' degrees;
//   `headgraph motifs` holds doubles and triangles against graphs with the same degrees.
// params:
//   run (run): the run to ask about
//   strongest (count) = 1000: edges of each pairing that count, strongest first
// returns: rows; may be empty where the run has none
//   motif (string): the pattern
//   first (pairing): pairing of its first edge; in doubles and fans the order means nothing
//   second (pairing): pairing of its second edge
//   direct (pairing): pairing of a triangle's direct edge
//   count (integer): how many there are
CALL () {
  MATCH (a:Head {run: $run})-[e:OQ|OK|OV]->(b:Head {run: $run})<-[f:OQ|OK|OV]-(a)
  WHERE type(e) < type(f) AND e.pk_rank <= $strongest AND f.pk_rank <= $strongest
  RETURN "double" AS motif, type(e) AS first, type(f) AS second, null AS direct, count(*) AS count
UNION ALL
  MATCH (:Head {run: $run})-[e:OQ|OK|OV]->(:Head {run: $run})-[f:OQ|OK|OV]->(:Head {run: $run})
  WHERE e.pk_rank <= $strongest AND f.pk_rank <= $strongest
  RETURN "chain" AS motif, type(e) AS first, type(f) AS second, null AS direct, count(*) AS count
UNION ALL
  MATCH (a:Head {run: $run})-[e:OQ|OK|OV]->(:Head {run: $run})<-[f:OQ|OK|OV]-(b:Head {run: $run})
  WHERE a <> b AND (type(e) < type(f) OR type(e) = type(f) AND a.id < b.id)
    AND e.pk_rank <= $strongest AND f.pk_rank <= $strongest
  RETURN "fan_in" AS motif, type(e) AS first, type(f) AS second, null AS direct, count(*) AS count
UNION ALL
  MATCH (a:Head {run: $run})<-[e:OQ|OK|OV]-(:Head {run: $run})-[f:OQ|OK|OV]->(b:Head {run: $run})
  WHERE a <> b AND (type(e) < type(f) OR type(e) = type(f) AND a.id < b.id)
    AND e.pk_rank <= $strongest AND f.pk_rank <= $strongest
  RETURN "fan_out" AS motif, type(e) AS first, type(f) AS second, null AS direct, count(*) AS count
UNION ALL
  MATCH (a:Head {run: $run})-[e:OQ|OK|OV]->(:Head {run: $run})-[f:OQ|OK|OV]->(c:Head {run: $run}),
        (a)-[g:OQ|OK|OV]->(c)
  WHERE e.pk_rank <= $strongest AND f.pk_rank <= $strongest AND g.pk_rank <= $strongest
  RETURN "triangle" AS motif, type(e) AS first, type(f) AS second, type(g) AS direct,
         count(*) AS count
}
RETURN motif, first, second, direct, count
ORDER BY motif, count DESC, first, second, direct
