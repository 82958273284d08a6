// Heads of a circuit without an edge in it
// description: How complete a circuit is in the graph: its known heads that share no kept edge with
//   another of its heads, and their strongest edges elsewhere. Of the `role_heads` heads of a role,
//   `role_missing` have no edge in the circuit.
// params:
//   run (run): the run to ask about
//   circuit (circuit) = "ioi": the circuit
//   rank (count) = null: edges count up to this place among all scored pairs; all edges by default
// returns: graph; may be empty where every head of the circuit has an edge in it
//   role (role): role in the circuit; "(derived)" marks one that follows from the weights alone
//   head (head): the head
//   elsewhere (integer): edges with heads outside the circuit
//   strongest (float): greatest Projection Kernel of these edges
//   nearest (head): the head at the other end of the strongest
//   role_missing (integer): heads of this role without an edge in the circuit
//   role_heads (integer): heads of this role
//   missing (graph): the head
MATCH (h:Head {run: $run})
// a plan from the roles would read the heads of every run; this list holds the run's heads alone
WITH collect(h) AS all
UNWIND all AS h
MATCH (h)-[:HAS_ROLE {circuit: $circuit}]->(r:Role)
WITH DISTINCT r, h
WITH r, h, EXISTS {
  MATCH (h)-[e:OQ|OK|OV]-(o:Head)-[:HAS_ROLE {circuit: $circuit}]->()
  WHERE o <> h AND ($rank IS NULL OR e.pk_rank <= $rank)
} AS joined
ORDER BY h.layer, h.head
WITH r, count(h) AS role_heads, collect(CASE WHEN NOT joined THEN h END) AS missing
UNWIND missing AS h
CALL (h) {
  OPTIONAL MATCH (h)-[e:OQ|OK|OV]-(o:Head)
  WHERE o <> h AND ($rank IS NULL OR e.pk_rank <= $rank)
  WITH e, o ORDER BY e.pk DESC, e.pk_rank, o.layer, o.head
  RETURN count(e) AS elsewhere, max(e.pk) AS strongest, collect(o.name)[0] AS nearest
}
RETURN CASE $circuit WHEN "weights" THEN r.name + " (derived)" ELSE r.name END AS role,
       h.name AS head, elsewhere, strongest, nearest,
       size(missing) AS role_missing, role_heads, h AS missing
ORDER BY role, h.layer, h.head
