// Provenance of a run
// description: The origin of a run, a row for each fact: model, weights, options of the computation,
//   selection, versions. Two runs with the same fingerprint
//   and options have the same scores.
// params:
//   run (run): the run to ask about
// returns: rows
//   fact (string): name of the property
//   value (string): its value; lists with commas, structures as JSON
MATCH (r:Run {name: $run})
UNWIND keys(r) AS fact
WITH fact, r[fact] AS value
RETURN fact,
       CASE WHEN value IS :: LIST<ANY>
            THEN reduce(text = "", v IN value |
                   text + CASE text WHEN "" THEN "" ELSE ", " END + toString(v))
            ELSE toString(value) END AS value
ORDER BY fact
