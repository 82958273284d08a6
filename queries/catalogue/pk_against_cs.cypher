// Where PK and CS disagree
// description: Edges of OQ, OK and OV that the Projection Kernel (PK) and the composition score (CS)
//   place differently among the kept edges of their pairing. PK measures which directions overlap; CS
//   also measures how strongly the matrices scale them. An edge that PK places far higher goes
//   through directions of little weight.
// params:
//   run (run): the run to ask about
//   limit (count) = 20: edges at most
//   strongest (count) = 500: edges of each pairing to compare, strongest PK first
// returns: graph; may be empty where the run has no cs (headgraph compute --metrics pk,cs)
//   pairing (pairing): the source's role, then the target's
//   source (head): the head that writes
//   target (head): the head that reads
//   pk (float): Projection Kernel
//   cs (float): composition score
//   pk_place (integer): place by PK among these edges of the pairing
//   cs_place (integer): place by CS among the same edges
//   apart (integer): cs_place minus pk_place: above 0 where PK places the edge higher
//   path (graph): source, edge and target
// example: limit=8
CALL () {
  MATCH (:Head {run: $run})-[e:OQ]->(:Head {run: $run}) WHERE e.pk_rank <= $strongest RETURN e
UNION ALL
  MATCH (:Head {run: $run})-[e:OK]->(:Head {run: $run}) WHERE e.pk_rank <= $strongest RETURN e
UNION ALL
  MATCH (:Head {run: $run})-[e:OV]->(:Head {run: $run}) WHERE e.pk_rank <= $strongest RETURN e
}
WITH e WHERE e.cs IS NOT NULL
// heads that share a key/value head have equal scores: the same order breaks ties both times
WITH e ORDER BY e.cs DESC, e.pk_rank, startNode(e).head, endNode(e).head
WITH type(e) AS pairing, collect(e) AS edges
UNWIND range(0, size(edges) - 1) AS place
WITH pairing, edges[place] AS e, place + 1 AS cs_place
ORDER BY e.pk DESC, e.pk_rank, startNode(e).head, endNode(e).head
WITH pairing, collect({e: e, cs_place: cs_place}) AS edges
UNWIND range(0, size(edges) - 1) AS place
WITH pairing, edges[place].e AS e, place + 1 AS pk_place, edges[place].cs_place AS cs_place
ORDER BY abs(cs_place - pk_place) DESC, pairing, pk_place
LIMIT toInteger($limit)
MATCH path = (a)-[e]->(b)
RETURN pairing, a.name AS source, b.name AS target, e.pk AS pk, e.cs AS cs, pk_place, cs_place,
       cs_place - pk_place AS apart, path
ORDER BY abs(apart) DESC, pairing, pk_place
