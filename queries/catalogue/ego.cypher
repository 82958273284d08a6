// A head and its neighbourhood
// description: The strongest neighbours of a head, and all kept edges among them and with the head.
//   Neighbours with edges to each other form groups. A missing edge means that the run did not keep
//   the pair, not that the two have nothing in common.
// params:
//   run (run): the run to ask about
//   head (head): the head in the middle
//   neighbours (count) = 10: neighbours at most, by their strongest edge with the head
//   pairings (list of pairing) = ["OQ", "OK", "OV"]: edges that count
// returns: graph; may be empty where no such edge of the head was kept
//   pairing (pairing): the source's role, then the target's
//   source (head): the head that writes
//   target (head): the head that reads
//   own (boolean): whether it is an edge of the head itself, not one between neighbours
//   pk (float): Projection Kernel
//   z (float): z, against the random reference
//   pk_rank (integer): place among all scored pairs of the pairing
//   decoy_q (float): smallest share of decoys at any threshold that keeps the edge; empty where the
//     table has no decoys
//   path (graph): source, edge and target
// example: head=L4H7 neighbours=9
MATCH (h:Head {run: $run, name: $head})
MATCH (h)-[e]-(o) WHERE type(e) IN $pairings AND o <> h
WITH h, o, max(e.pk) AS nearness ORDER BY nearness DESC, o.layer, o.head
LIMIT toInteger($neighbours)
WITH h, collect(o) + [h] AS heads
UNWIND heads AS a
MATCH path = (a)-[e]->(b) WHERE type(e) IN $pairings AND b IN heads AND a <> b
RETURN type(e) AS pairing, a.name AS source, b.name AS target, a = h OR b = h AS own, e.pk AS pk,
       e.z AS z, e.pk_rank AS pk_rank, e.decoy_q AS decoy_q, path
ORDER BY own DESC, pk DESC, pk_rank, pairing, a.layer, a.head, b.layer, b.head
