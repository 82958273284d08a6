// Known roles
// description: The roles that the literature gives to heads of this model, by circuit. A head can have
//   a role in one circuit, in several circuits, or by its behaviour alone.
// params:
//   run (run): the run to ask about
// returns: graph; may be empty where no role of this model's heads is known
//   role (role): the role
//   circuit (string): the circuit; empty where the source lists heads by behaviour alone
//   count (integer): heads with this role in this circuit
//   count_all (integer): heads with this role, whatever the circuit
//   heads (list of head): the heads
//   nodes (graph): the role and its heads
//   links (graph): which head has the role
MATCH (h:Head {run: $run})-[has:HAS_ROLE]->(r:Role)
WITH r, coalesce(has.circuit, "") AS circuit, h, has ORDER BY h.layer, h.head
WITH r, circuit, collect(DISTINCT h) AS heads, collect(has) AS links
RETURN r.name AS role, circuit, size(heads) AS count,
       COUNT { MATCH (h:Head {run: $run})-[:HAS_ROLE]->(r) RETURN DISTINCT h } AS count_all,
       [h IN heads | h.name] AS heads, [r] + heads AS nodes, links
ORDER BY role, circuit
