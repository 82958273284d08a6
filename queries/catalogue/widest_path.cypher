// Widest path between two heads
// description: The path whose weakest edge is as strong as it can be; of several such one with the
//   fewest edges. A path that is this wide exists for every smaller width and none for a greater
//   one, so widths are tried from the greatest down, first in large steps, then one by one.
// params:
//   run (run): the run to ask about
//   source (head): where the path begins
//   target (head): where it ends; of a later layer
// returns: graph; may be empty where no path of kept edges leads from the one to the other
//   width (float): the smallest Projection Kernel on the path
//   edges (integer): edges of the path
//   heads (list of head): the heads on it
//   pairings (list of pairing): how each head after the first reads the one before it
//   product (float): product of the normalised Projection Kernels, 0 to 1
//   path (graph): heads and edges
// example: source=L0H1 target=L11H10
MATCH (source:Head {run: $run, name: $source})
MATCH (target:Head {run: $run, name: $target})
CALL () {
  MATCH (:Head {run: $run})-[e:OQ|OK|OV]->(:Head {run: $run})
  WITH DISTINCT e.pk AS width ORDER BY width DESC
  RETURN collect(width) AS widths
}
WITH source, target, widths, toInteger(ceil(sqrt(size(widths)))) AS step
CALL (source, target, widths, step) {
  UNWIND range(step - 1, size(widths) + step - 2, step) AS place
  WITH source, target, place, coalesce(widths[place], widths[-1]) AS width
  MATCH SHORTEST 1 (source)(()-[e:OQ|OK|OV WHERE e.pk >= width]->(:Head {run: $run}))+(target)
  RETURN place LIMIT 1
}
CALL (source, target, widths, step, place) {
  UNWIND widths[place - step + 1..place + 1] AS width
  MATCH path = SHORTEST 1
    (source)(()-[e:OQ|OK|OV WHERE e.pk >= width]->(:Head {run: $run}))+(target)
  RETURN width, path LIMIT 1
}
RETURN width, length(path) AS edges, [h IN nodes(path) | h.name] AS heads,
       [e IN relationships(path) | type(e)] AS pairings,
       reduce(product = 1.0, e IN relationships(path) | product * e.pk_normalized) AS product, path
