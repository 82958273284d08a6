// Flow between layers
// description: The kept edges from each layer to each later layer. They say how much the later
//   layer could read, not that anything flows. That near layers have more edges is no sign of flow:
//   in GPT-2, backward pairs, which carry nothing, are strong between near layers more often too.
//   Strength is the sum of z; an edge to one of several query heads that share a key/value head
//   counts by its share.
// params:
//   run (run): the run to ask about
//   pairings (list of pairing) = ["OQ", "OK", "OV"]: edges that count
// returns: rows; may be empty where the run has no edge of these pairings
//   source_layer (integer): layer of the heads that write
//   target_layer (integer): layer of the heads that read
//   edges (integer): edges between the two
//   strength (float): sum of z times share
//   mean_pk (float): mean Projection Kernel
//   strongest (float): greatest Projection Kernel
//   sources (integer): heads of the first layer that take part
//   targets (integer): heads of the second layer that take part
// example: pairings=OQ
MATCH (a:Head {run: $run})-[e]->(b:Head) WHERE type(e) IN $pairings
RETURN a.layer AS source_layer, b.layer AS target_layer, count(e) AS edges,
       sum(e.z * e.share) AS strength, avg(e.pk) AS mean_pk, max(e.pk) AS strongest,
       count(DISTINCT a) AS sources, count(DISTINCT b) AS targets
ORDER BY source_layer, target_layer
