// headgraph run "older": 12 heads and 15 edges
// cypher-shell -f THIS-FILE; again changes nothing, or goes on where it was cut off.
// The last statement shows the run: it is there when its status is complete.
CREATE CONSTRAINT headgraph_run_id IF NOT EXISTS FOR (r:Run) REQUIRE r.id IS UNIQUE;
CREATE CONSTRAINT headgraph_run_name IF NOT EXISTS FOR (r:Run) REQUIRE r.name IS UNIQUE;
CREATE CONSTRAINT headgraph_head_id IF NOT EXISTS FOR (h:Head) REQUIRE h.id IS UNIQUE;
CREATE CONSTRAINT headgraph_loading_head_id IF NOT EXISTS FOR (h:LoadingHead) REQUIRE h.id IS UNIQUE;
CREATE CONSTRAINT headgraph_role_name IF NOT EXISTS FOR (r:Role) REQUIRE r.name IS UNIQUE;
CREATE INDEX headgraph_head_run IF NOT EXISTS FOR (h:Head) ON (h.run);
CREATE INDEX headgraph_head_run_name IF NOT EXISTS FOR (h:Head) ON (h.run, h.name);
MERGE (r:Run {id: "6c7407d43daecb96ba7db3ba6e5580a34b373c519cd8daed06955b4db14c9c71"}) ON CREATE SET r += {`backend`: "numpy", `center_writing`: true, `d_head`: 8, `d_model`: 32, `deficient`: "[]", `dtype`: "float32", `edges`: 15, `family`: "test", `fingerprint`: "0000000000000000000000000000000000000000000000000000000000000003", `fold_ln`: true, `graph_version`: 2, `heads`: 12, `kept_edges`: [5, 10], `kept_pairings`: ["OQ", "OK"], `kept_pairs`: [5, 5], `kept_pk_max`: [7.787682056427002, 7.764470100402832], `kept_pk_median`: [7.4517107009887695, 7.368637561798096], `kept_pk_min`: [7.027841567993164, 6.807209014892578], `kept_strongest`: ["OQ", "L0H2", "L2H1"], `kept_z_max`: [22.144134521484375, 22.05532455444336], `kept_z_mean`: [20.699905014038087, 20.373334884643555], `kept_z_median`: [20.85868263244629, 20.54083824157715], `kv`: "native", `label_source`: "roles.csv", `labels_sha256`: "21a14bd9b1baa696ee0d389d4999c866bc2b0ad41a82ef48bbc55e60204d3024", `layer_order`: "forward", `loader_version`: "0.1.0", `metrics`: ["pk", "cs"], `model`: "test/random", `moments`: "{\"OK\": {\"mean\": 2.0, \"sd\": 0.2613641051214193}, \"OQ\": {\"mean\": 2.0, \"sd\": 0.2613641051214193}}", `n_heads`: 4, `n_kv_heads`: 2, `n_layers`: 3, `pairings`: ["OQ", "OK"], `pairs`: 10, `pairs_scored`: 72, `scored`: "{\"OK\": 24, \"OQ\": 48}", `selection`: "top 5 per pairing", `selection_rules`: "[{\"top\": 5}]", `series`: "pile", `step`: 512.0, `table_format`: 1, `table_sha256`: "d21aecc0f6db8c183b8f135181de5f76884356b66c3e1cb9a5abdb230a376c3e", `version`: "0.0.0"}, r.status = "loading", r.loader = "cypher script", r.started_at = datetime(), r.called = "older";
MATCH (r:Run {id: "6c7407d43daecb96ba7db3ba6e5580a34b373c519cd8daed06955b4db14c9c71", loader: "cypher script"}) UNWIND [
{`id`: "6c7407d43daecb96ba7db3ba6e5580a34b373c519cd8daed06955b4db14c9c71:L0H0", `name`: "L0H0", `layer`: 0, `head`: 0, `kv_head`: 0},
{`id`: "6c7407d43daecb96ba7db3ba6e5580a34b373c519cd8daed06955b4db14c9c71:L0H1", `name`: "L0H1", `layer`: 0, `head`: 1, `kv_head`: 0, `outlet_OK`: 19.012226104736328, `outlet_OQ`: 21.61787986755371},
{`id`: "6c7407d43daecb96ba7db3ba6e5580a34b373c519cd8daed06955b4db14c9c71:L0H2", `name`: "L0H2", `layer`: 0, `head`: 2, `kv_head`: 1, `outlet_OQ`: 22.144134521484375},
{`id`: "6c7407d43daecb96ba7db3ba6e5580a34b373c519cd8daed06955b4db14c9c71:L0H3", `name`: "L0H3", `layer`: 0, `head`: 3, `kv_head`: 1, `outlet_OQ`: 19.641902923583984},
{`id`: "6c7407d43daecb96ba7db3ba6e5580a34b373c519cd8daed06955b4db14c9c71:L1H0", `name`: "L1H0", `layer`: 1, `head`: 0, `kv_head`: 0, `inlet_OQ`: 19.641902923583984, `outlet_OK`: 20.54083824157715, `outlet_OQ`: 20.85868263244629},
{`id`: "6c7407d43daecb96ba7db3ba6e5580a34b373c519cd8daed06955b4db14c9c71:L1H1", `name`: "L1H1", `layer`: 1, `head`: 1, `kv_head`: 0, `outlet_OK`: 18.39276695251465},
{`id`: "6c7407d43daecb96ba7db3ba6e5580a34b373c519cd8daed06955b4db14c9c71:L1H2", `name`: "L1H2", `layer`: 1, `head`: 2, `kv_head`: 1, `outlet_OK`: 21.86551856994629},
{`id`: "6c7407d43daecb96ba7db3ba6e5580a34b373c519cd8daed06955b4db14c9c71:L1H3", `name`: "L1H3", `layer`: 1, `head`: 3, `kv_head`: 1, `outlet_OK`: 22.05532455444336, `outlet_OQ`: 19.23692512512207},
{`id`: "6c7407d43daecb96ba7db3ba6e5580a34b373c519cd8daed06955b4db14c9c71:L2H0", `name`: "L2H0", `layer`: 2, `head`: 0, `kv_head`: 0, `inlet_OK`: 79.81134986877441},
{`id`: "6c7407d43daecb96ba7db3ba6e5580a34b373c519cd8daed06955b4db14c9c71:L2H1", `name`: "L2H1", `layer`: 2, `head`: 1, `kv_head`: 0, `inlet_OK`: 79.81134986877441, `inlet_OQ`: 43.002817153930664},
{`id`: "6c7407d43daecb96ba7db3ba6e5580a34b373c519cd8daed06955b4db14c9c71:L2H2", `name`: "L2H2", `layer`: 2, `head`: 2, `kv_head`: 1, `inlet_OK`: 22.05532455444336, `inlet_OQ`: 19.23692512512207},
{`id`: "6c7407d43daecb96ba7db3ba6e5580a34b373c519cd8daed06955b4db14c9c71:L2H3", `name`: "L2H3", `layer`: 2, `head`: 3, `kv_head`: 1, `inlet_OK`: 22.05532455444336, `inlet_OQ`: 21.61787986755371}
] AS head MERGE (h:LoadingHead {id: head.id}) SET h += head MERGE (r)-[:HAS_HEAD]->(h);
WITH "6c7407d43daecb96ba7db3ba6e5580a34b373c519cd8daed06955b4db14c9c71:" AS run,
split("L0H1,L0H2,L0H3,L1H0,L1H3", ",") AS source,
split("L2H3,L2H1,L1H0,L2H1,L2H2", ",") AS target,
[x IN split("7.650137901306152,7.787682056427002,7.133688449859619,7.4517107009887695,7.027841567993164", ",") | toFloat(x)] AS c0,
[x IN split("0.956267237663269,0.9734602570533752,0.8917110562324524,0.9314638376235962,0.8784801959991455", ",") | toFloat(x)] AS c1,
[x IN split("21.61787986755371,22.144134521484375,19.641902923583984,20.85868263244629,19.23692512512207", ",") | toFloat(x)] AS c2,
[x IN split("2,1,4,3,5", ",") | toInteger(x)] AS c3,
[x IN split("1.0,1.0,1.0,1.0,1.0", ",") | toFloat(x)] AS c4,
[x IN split("0.5449826717376709,0.6695332527160645,0.5547374486923218,0.5277499556541443,0.5629220604896545", ",") | toFloat(x)] AS c5,
[null, null, null, null, null] AS c6
UNWIND range(0, 4) AS i
MATCH (a:LoadingHead {id: run + source[i]}) MATCH (b:LoadingHead {id: run + target[i]}) MERGE (a)-[e:`OQ`]->(b) SET e += {`pk`: c0[i], `pk_normalized`: c1[i], `z`: c2[i], `pk_rank`: c3[i], `share`: c4[i], `cs`: c5[i], `kv_head`: c6[i]};
WITH "6c7407d43daecb96ba7db3ba6e5580a34b373c519cd8daed06955b4db14c9c71:" AS run,
split("L0H1,L0H1,L1H0,L1H0,L1H1,L1H1,L1H2,L1H2,L1H3,L1H3", ",") AS source,
split("L2H0,L2H1,L2H0,L2H1,L2H0,L2H1,L2H0,L2H1,L2H2,L2H3", ",") AS target,
[x IN split("6.969113349914551,6.969113349914551,7.368637561798096,7.368637561798096,6.807209014892578,6.807209014892578,7.714861869812012,7.714861869812012,7.764470100402832,7.764470100402832", ",") | toFloat(x)] AS c0,
[x IN split("0.8711391687393188,0.8711391687393188,0.921079695224762,0.921079695224762,0.8509011268615723,0.8509011268615723,0.9643577337265015,0.9643577337265015,0.970558762550354,0.970558762550354", ",") | toFloat(x)] AS c1,
[x IN split("19.012226104736328,19.012226104736328,20.54083824157715,20.54083824157715,18.39276695251465,18.39276695251465,21.86551856994629,21.86551856994629,22.05532455444336,22.05532455444336", ",") | toFloat(x)] AS c2,
[x IN split("4,4,3,3,5,5,2,2,1,1", ",") | toInteger(x)] AS c3,
[x IN split("0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5", ",") | toFloat(x)] AS c4,
[x IN split("0.48196303844451904,0.48196303844451904,0.7066524028778076,0.7066524028778076,0.1689581722021103,0.1689581722021103,0.40459373593330383,0.40459373593330383,0.19721877574920654,0.19721877574920654", ",") | toFloat(x)] AS c5,
[x IN split("0,0,0,0,0,0,0,0,1,1", ",") | toInteger(x)] AS c6
UNWIND range(0, 9) AS i
MATCH (a:LoadingHead {id: run + source[i]}) MATCH (b:LoadingHead {id: run + target[i]}) MERGE (a)-[e:`OK`]->(b) SET e += {`pk`: c0[i], `pk_normalized`: c1[i], `z`: c2[i], `pk_rank`: c3[i], `share`: c4[i], `cs`: c5[i], `kv_head`: c6[i]};
MATCH (r:Run {id: "6c7407d43daecb96ba7db3ba6e5580a34b373c519cd8daed06955b4db14c9c71", loader: "cypher script"})-[:HAS_HEAD]->(h:LoadingHead)
WITH r, collect(h) AS heads WHERE size(heads) = 12 AND COUNT { (r)-[:HAS_HEAD]->(:LoadingHead)-->(:LoadingHead) } = 15
SET r.name = "older", r.status = "complete", r.loaded_at = datetime() REMOVE r.loader, r.called
FOREACH (h IN heads | SET h:Head, h.run = "older" REMOVE h:LoadingHead)
FOREACH (h IN [h IN heads WHERE h.name IN ["L0H1"]] | SET h:`InductionHead`)
FOREACH (h IN [h IN heads WHERE h.name IN ["L2H3"]] | SET h:`NameMoverHead`)
FOREACH (row IN [
["L0H1", "induction", {`circuit`: "ioi", `source`: "Somebody; else, 2020", `note`: "said \"so\" \\ and ä😀"}],
["L0H1", "induction", {`source`: "nobody", `note`: "seen"}],
["L2H3", "name_mover", {}]
] | MERGE (role:Role {name: row[1]}) FOREACH (h IN [h IN heads WHERE h.name = row[0]] | CREATE (h)-[has:HAS_ROLE]->(role) SET has = row[2]));
MATCH (r:Run {id: "6c7407d43daecb96ba7db3ba6e5580a34b373c519cd8daed06955b4db14c9c71"}) RETURN r.name AS run, r.status AS status, r.heads AS heads, r.edges AS edges;
