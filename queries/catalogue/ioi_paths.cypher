// Paths of the IOI circuit, end to end
// description: Chains along the main path of the indirect object identification circuit (Wang et
//   al. 2023, figure 2): a previous-token head, an induction head, an S-inhibition head and a name
//   mover. The induction head and the S-inhibition head read the head before them as their key or
//   value; the name mover reads it as its query. The chain with the greatest product comes first. A
//   chain of kept edges shows that the weights allow the path, not that the model uses it. Any heads
//   of these layers share some chains: compare `chains` with `expected`, which does not allow for the
//   circuit's own heads being hubs. Chains that share an edge are not independent. `ioi_circuit` says
//   how many pairs each step has.
// params:
//   run (run): the run to ask about
//   limit (count) = 20: chains at most
// returns: graph; may be empty where the model's IOI heads are not known or a step has no kept edge
//   previous_token (head): the head that attends to the previous token
//   first_pairing (pairing): how the induction head reads it
//   induction (head): the induction head
//   second_pairing (pairing): how the S-inhibition head reads it
//   s_inhibition (head): the S-inhibition head
//   third_pairing (pairing): how the name mover reads it
//   name_mover (head): the name mover
//   product (float): product of the three normalised Projection Kernels, 0 to 1
//   weakest (float): the smallest of the three Projection Kernels
//   decoy_q (float): greatest `decoy_q` of the edges: how doubtful the most doubtful is, as a share of
//     decoys; empty where the table has none
//   chains (integer): all such chains, shown or not; the same in every row
//   expected (float): chains of as many heads chosen at random, each in the layer of a head of its
//     class, on average; the same in every row
//   path (graph): four heads and three edges
// example: limit=8
MATCH (h:Head {run: $run})
// a plan from the roles would read the heads of every run; this list holds the run's heads alone
WITH collect(h) AS all
CALL (all) {
  UNWIND all AS h
  MATCH (h)-[:HAS_ROLE {circuit: "ioi"}]->(r)
  WHERE r.name IN ["previous_token", "induction", "s_inhibition", "name_mover"]
  WITH all, h.layer AS layer, r.name AS role, count(DISTINCT h) AS heads
  RETURN collect({layer: layer, role: role,
                  part: toFloat(heads) / size([h IN all WHERE h.layer = layer])}) AS parts
}
// the mean over all choices, edge by edge: each head adds what reaches it, by the share of the heads
// of its layer that are chosen
CALL (all, parts) {
  UNWIND all AS a
  MATCH (a)-[:OK|OV]->(b)
  WITH parts, b, sum(reduce(part = 0.0, p IN parts |
    CASE WHEN p.role = "previous_token" AND p.layer = a.layer THEN p.part ELSE part END)) AS reached
  MATCH (b)-[:OK|OV]->(c)
  WITH parts, c, sum(reached * reduce(part = 0.0, p IN parts |
    CASE WHEN p.role = "induction" AND p.layer = b.layer THEN p.part ELSE part END)) AS reached
  MATCH (c)-[:OQ]->(d)
  RETURN sum(reached * reduce(part = 0.0, p IN parts |
    CASE WHEN p.role = "s_inhibition" AND p.layer = c.layer THEN p.part ELSE part END)
    * reduce(part = 0.0, p IN parts |
    CASE WHEN p.role = "name_mover" AND p.layer = d.layer THEN p.part ELSE part END)) AS expected
}
UNWIND all AS a
WITH expected, a WHERE EXISTS { (a)-[:HAS_ROLE {circuit: "ioi"}]->(r) WHERE r.name = "previous_token" }
MATCH (a)-[e:OK|OV]->(b)
WHERE EXISTS { (b)-[:HAS_ROLE {circuit: "ioi"}]->(r) WHERE r.name = "induction" }
MATCH (b)-[f:OK|OV]->(c)
WHERE EXISTS { (c)-[:HAS_ROLE {circuit: "ioi"}]->(r) WHERE r.name = "s_inhibition" }
MATCH (c)-[g:OQ]->(d)
WHERE EXISTS { (d)-[:HAS_ROLE {circuit: "ioi"}]->(r) WHERE r.name = "name_mover" }
WITH expected, collect({a: a, e: e, b: b, f: f, c: c, g: g, d: d}) AS found
UNWIND found AS one
WITH expected, size(found) AS chains, one.a AS a, one.e AS e, one.b AS b, one.f AS f, one.c AS c,
     one.g AS g, one.d AS d
WITH expected, chains, a, e, b, f, c, g, d, e.pk_normalized * f.pk_normalized * g.pk_normalized AS product,
     CASE WHEN e.pk <= f.pk AND e.pk <= g.pk THEN e.pk
       WHEN f.pk <= g.pk THEN f.pk ELSE g.pk END AS weakest
ORDER BY product DESC, a.layer, a.head, b.layer, b.head, c.layer, c.head, d.layer, d.head,
         type(e), type(f)
LIMIT toInteger($limit)
MATCH path = (a)-[e]->(b)-[f]->(c)-[g]->(d)
RETURN a.name AS previous_token, type(e) AS first_pairing, b.name AS induction,
       type(f) AS second_pairing, c.name AS s_inhibition, type(g) AS third_pairing,
       d.name AS name_mover, product, weakest,
       reduce(most = null, e IN [e, f, g] |
         CASE WHEN e.decoy_q <= most THEN most ELSE e.decoy_q END) AS decoy_q,
       chains, round(expected, 9) AS expected, path
ORDER BY product DESC, a.layer, a.head, b.layer, b.head, c.layer, c.head, d.layer, d.head,
         first_pairing, second_pairing
