// Heads that copy and heads that erase
// description: Whether each head writes what it reads, and with which sign. The Projection Kernel
//   compares subspaces, and a subspace has no sign: it cannot tell a copy from its negative.
//   `copying` is the sum of the eigenvalues of W_OV, divided by the sum of their moduli.
//   `self_overlap` is the share of what a head writes that lies in what it reads. With both high a
//   head copies; with `copying` near -1 and a high `self_overlap` it writes the negative of what it
//   reads. That erases only where the head attends to its own position, as identity heads do. With a
//   low `self_overlap` the sign means little. Both come from the attention weights alone: an MLP can
//   undo what a head does.
// params:
//   run (run): the run to ask about
//   by (self_overlap or copying or erasing) = "self_overlap": order of the rows, from the greatest
//     self_overlap, the greatest copying or the lowest copying
//   limit (count) = 20: heads at most
// returns: graph
//   head (head): the head
//   copying (float): 1 where it copies, -1 where it writes the negative, 0 where it rotates or
//     mixes
//   self_overlap (float): share of what it writes that lies in what it reads, 0 to 1
//   derived_role (role): `copier` above 0.9 or `eraser` below -0.9, with self_overlap above 0.5; it
//     follows from these two scores alone
//   edges_in (integer): kept edges of OQ, OK and OV that enter it
//   edges_out (integer): those that leave it
//   roles (list of role): roles that a label file or the literature gives it
//   node (graph): the head
// requires: copying
// example: limit=8
MATCH (h:Head {run: $run}) WHERE h.copying IS NOT NULL
WITH h ORDER BY CASE $by WHEN "copying" THEN h.copying WHEN "erasing" THEN -h.copying
                  ELSE h.self_overlap END DESC, h.layer, h.head
LIMIT toInteger($limit)
RETURN h.name AS head, h.copying AS copying, h.self_overlap AS self_overlap,
       COLLECT {
         MATCH (h)-[:HAS_ROLE {circuit: "weights"}]->(r:Role) RETURN r.name ORDER BY r.name LIMIT 1
       }[0] AS derived_role,
       COUNT { (h)<-[:OQ|OK|OV]-() } AS edges_in, COUNT { (h)-[:OQ|OK|OV]->() } AS edges_out,
       COLLECT {
         MATCH (h)-[has:HAS_ROLE]->(r:Role) WHERE coalesce(has.circuit, "") <> "weights"
         RETURN DISTINCT r.name ORDER BY r.name
       } AS roles,
       h AS node
ORDER BY CASE $by WHEN "copying" THEN copying WHEN "erasing" THEN -copying
           ELSE self_overlap END DESC, h.layer, h.head
