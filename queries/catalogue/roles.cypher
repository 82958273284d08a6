// Known roles
// description: The roles of the run's heads, by circuit. A label file or the literature gives a
//   head a role in one circuit, in several circuits, or by its behaviour alone. Two roles are
//   derived, in the circuit "weights": `eraser` and `copier` follow from the weights of a head, from
//   `copying` and `self_overlap`. They are not findings of the literature, and `count_all` never
//   counts them together with such roles.
// params:
//   run (run): the run to ask about
// returns: graph; may be empty where no role of this model's heads is known
//   role (role): the role
//   circuit (string): the circuit; empty where the source lists heads by behaviour alone
//   derived (boolean): whether the role follows from the weights alone
//   count (integer): heads with this role in this circuit
//   count_all (integer): heads with this role, whatever the circuit; derived roles by themselves
//   heads (list of head): the heads
//   nodes (graph): the role and its heads
//   links (graph): which head has the role
MATCH (h:Head {run: $run})
// a plan from the roles would read the heads of every run; this list holds the run's heads alone
WITH collect(h) AS all
UNWIND all AS h
MATCH (h)-[has:HAS_ROLE]->(r:Role)
WITH r, coalesce(has.circuit, "") AS circuit, h, has ORDER BY h.layer, h.head
WITH r, circuit, collect(DISTINCT h) AS heads, collect(has) AS links
WITH r, circuit = "weights" AS derived, collect({circuit: circuit, heads: heads, links: links}) AS rows
UNWIND rows AS row
WITH r, derived, row,
     COLLECT { UNWIND rows AS other UNWIND other.heads AS h RETURN DISTINCT h } AS together
RETURN r.name AS role, row.circuit AS circuit, derived, size(row.heads) AS count,
       size(together) AS count_all, [h IN row.heads | h.name] AS heads, [r] + row.heads AS nodes,
       row.links AS links
ORDER BY role, circuit
