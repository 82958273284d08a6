// Hubs
// description: Heads that many kept edges enter and leave. A hub does not always copy what it
//   reads: `copying` near -1 with a high `self_overlap` means that it writes the negative of what it
//   reads, which can erase it. Both are empty where the table lacks them. The inlet score of a head
//   is the sum of z over the edges that enter it. The outlet score is the sum over the edges that
//   leave it; an edge to one of several query heads that share a key/value head counts by its share.
//   `both` is the geometric mean of the two: it is 0 for a head that only reads or only writes. These
//   scores are this project's own. They grow with the number of edges that the run kept, so compare
//   heads within one run.
// params:
//   run (run): the run to ask about
//   pairings (list of pairing) = ["OQ", "OK", "OV"]: edges that count
//   limit (count) = 20: heads at most
// returns: graph; may be empty where the run has no edge of these pairings
//   head (head): the hub; the greatest `both` first
//   inlet (float): sum of z over the edges that enter
//   outlet (float): sum of z times share over the edges that leave
//   both (float): square root of inlet times outlet, 0 where either is not positive
//   edges_in (integer): edges that enter
//   edges_out (integer): edges that leave
//   copying (float): sign of what it writes back into what it reads as value, 1 the same and
//     -1 the opposite; 0 where it rotates or mixes
//   self_overlap (float): share of what it writes that lies in what it reads, 0 to 1
//   roles (list of role): known roles; "(derived)" marks those that follow from the weights alone
//   hub (graph): the head
//   links (graph): its edges to other heads of this list
// requires: sums
// example: limit=8
MATCH (h:Head {run: $run})
// a load writes both sums on the head for each pairing of which it has an edge
WHERE any(p IN $pairings WHERE h["inlet_" + p] IS NOT NULL OR h["outlet_" + p] IS NOT NULL)
WITH h,
     reduce(total = 0.0, p IN $pairings | total + coalesce(h["inlet_" + p], 0.0)) AS inlet,
     reduce(total = 0.0, p IN $pairings | total + coalesce(h["outlet_" + p], 0.0)) AS outlet
WITH h, inlet, outlet,
     CASE WHEN inlet > 0 AND outlet > 0 THEN sqrt(inlet * outlet) ELSE 0.0 END AS both
ORDER BY both DESC, inlet + outlet DESC, h.layer, h.head
LIMIT toInteger($limit)
WITH collect({h: h, inlet: inlet, outlet: outlet, both: both}) AS rows
UNWIND rows AS row
WITH row.h AS h, row, [other IN rows | other.h] AS hubs
RETURN h.name AS head, row.inlet AS inlet, row.outlet AS outlet, row.both AS both,
       COUNT { (h)<-[e]-(:Head) WHERE type(e) IN $pairings } AS edges_in,
       COUNT { (h)-[e]->(:Head) WHERE type(e) IN $pairings } AS edges_out,
       h.copying AS copying, h.self_overlap AS self_overlap,
       COLLECT {
         MATCH (h)-[has:HAS_ROLE]->(r:Role)
         RETURN DISTINCT CASE has.circuit WHEN "weights" THEN r.name + " (derived)" ELSE r.name END AS role
         ORDER BY role
       } AS roles,
       h AS hub,
       COLLECT { MATCH (h)-[e]->(o:Head) WHERE type(e) IN $pairings AND o IN hubs RETURN e } AS links
ORDER BY both DESC, inlet + outlet DESC, h.layer, h.head
