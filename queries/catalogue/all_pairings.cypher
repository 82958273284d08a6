// Pairs that meet in OQ, OK and OV
// description: Pairs of heads where the target reads the source as its query, its key and its
//   value, all three by kept edges. A pair is as strong as the weakest of the three; between equals,
//   the product decides. The target need not read the same directions three times: each role can
//   overlap another part of what the source writes. The three together are no stronger evidence than
//   each alone: in GPT-2, backward pairs, which carry nothing, meet in all three as often.
// params:
//   run (run): the run to ask about
//   limit (count) = 20: pairs at most
// returns: graph; may be empty where no pair has kept edges of all three
//   source (head): the head that writes
//   target (head): the head that reads
//   oq (float): Projection Kernel of OQ
//   ok (float): Projection Kernel of OK
//   ov (float): Projection Kernel of OV
//   weakest (float): the smallest of the three
//   product (float): product of the three normalised Projection Kernels, 0 to 1
//   decoy_q (float): greatest `decoy_q` of the edges: how doubtful the most doubtful is, as a share of
//     decoys; empty where the table has none
//   source_roles (list of role): known roles of the source; "(derived)" marks those that follow
//     from the weights alone
//   target_roles (list of role): known roles of the target
//   nodes (graph): the two heads
//   links (graph): the three edges
// example: limit=8
MATCH (a:Head {run: $run})-[q:OQ]->(b:Head)
MATCH (a)-[k:OK]->(b)
MATCH (a)-[v:OV]->(b) WHERE a <> b
WITH a, b, q, k, v, q.pk_normalized * k.pk_normalized * v.pk_normalized AS product,
     CASE WHEN q.pk <= k.pk AND q.pk <= v.pk THEN q.pk
       WHEN k.pk <= v.pk THEN k.pk ELSE v.pk END AS weakest
ORDER BY weakest DESC, product DESC, a.layer, a.head, b.layer, b.head
LIMIT toInteger($limit)
RETURN a.name AS source, b.name AS target, q.pk AS oq, k.pk AS ok, v.pk AS ov, weakest, product,
       reduce(most = null, e IN [q, k, v] |
         CASE WHEN e.decoy_q <= most THEN most ELSE e.decoy_q END) AS decoy_q,
       COLLECT {
         MATCH (a)-[has:HAS_ROLE]->(r:Role)
         RETURN DISTINCT CASE has.circuit WHEN "weights" THEN r.name + " (derived)" ELSE r.name END AS role
         ORDER BY role
       } AS source_roles,
       COLLECT {
         MATCH (b)-[has:HAS_ROLE]->(r:Role)
         RETURN DISTINCT CASE has.circuit WHEN "weights" THEN r.name + " (derived)" ELSE r.name END AS role
         ORDER BY role
       } AS target_roles,
       [a, b] AS nodes, [q, k, v] AS links
ORDER BY weakest DESC, product DESC, a.layer, a.head, b.layer, b.head
