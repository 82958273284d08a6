// Paths of the IOI circuit, end to end
// description: Chains along the main path of the indirect object identification circuit (Wang et
//   al. 2023, figure 2): a previous-token head, an induction head, an S-inhibition head and a name
//   mover. The induction head and the S-inhibition head read the head before them as their key or
//   value; the name mover reads it as its query. The chain with the greatest product comes first. A
//   chain of kept edges shows that the weights allow the path, not that the model uses it.
//   `ioi_circuit` says how many pairs each step has.
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
//   path (graph): four heads and three edges
// example: limit=8
MATCH (h:Head {run: $run})
// a plan from the roles would read the heads of every run; this list holds the run's heads alone
WITH collect(h) AS all
UNWIND all AS a
WITH a WHERE EXISTS { (a)-[:HAS_ROLE {circuit: "ioi"}]->(r) WHERE r.name = "previous_token" }
MATCH (a)-[e:OK|OV]->(b)
WHERE EXISTS { (b)-[:HAS_ROLE {circuit: "ioi"}]->(r) WHERE r.name = "induction" }
MATCH (b)-[f:OK|OV]->(c)
WHERE EXISTS { (c)-[:HAS_ROLE {circuit: "ioi"}]->(r) WHERE r.name = "s_inhibition" }
MATCH (c)-[g:OQ]->(d)
WHERE EXISTS { (d)-[:HAS_ROLE {circuit: "ioi"}]->(r) WHERE r.name = "name_mover" }
WITH a, e, b, f, c, g, d, e.pk_normalized * f.pk_normalized * g.pk_normalized AS product,
     CASE WHEN e.pk <= f.pk AND e.pk <= g.pk THEN e.pk
       WHEN f.pk <= g.pk THEN f.pk ELSE g.pk END AS weakest
ORDER BY product DESC, a.layer, a.head, b.layer, b.head, c.layer, c.head, d.layer, d.head,
         type(e), type(f)
LIMIT toInteger($limit)
MATCH path = (a)-[e]->(b)-[f]->(c)-[g]->(d)
RETURN a.name AS previous_token, type(e) AS first_pairing, b.name AS induction,
       type(f) AS second_pairing, c.name AS s_inhibition, type(g) AS third_pairing,
       d.name AS name_mover, product, weakest, path
ORDER BY product DESC, a.layer, a.head, b.layer, b.head, c.layer, c.head, d.layer, d.head,
         first_pairing, second_pairing
