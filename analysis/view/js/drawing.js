// The graph itself: bands of layers, edges as curves, heads as boxes or dots.

// names of heads must not touch in a model of many
const BOX = { width: Math.min(data.across - 5, 54), height: 20 };
const svg = d3.select("#graph").attr("viewBox", `0 0 ${data.width} ${data.height}`);
const root = svg.append("g").attr("id", "root");
const bands = root.append("g").attr("class", "bands").attr("aria-hidden", "true");
const lines = root.append("g").attr("class", "edges").attr("aria-hidden", "true");
const hot = root.append("path").attr("class", "edge hot").attr("aria-hidden", "true");
const boxes = root.append("g").attr("class", "heads");

const heightOf = (layer) => heads[layer * data.n_heads].y;
const bandHeight = Math.min(data.up - 8, 34);

for (let layer = 0; layer < data.n_layers; layer += 1) {
  const y = heightOf(layer);
  bands.append("rect").attr("class", "band").attr("x", 56).attr("width", data.width - 66)
    .attr("y", y - bandHeight / 2).attr("height", bandHeight).attr("rx", 6);
  bands.append("text").attr("class", "axis").attr("x", 48).attr("y", y).attr("dy", "0.35em")
    .attr("text-anchor", "end").text(`layer ${layer}`);
}
for (let head = 0; head < data.n_heads; head += 1) {
  bands.append("text").attr("class", "axis").attr("x", heads[head].x).attr("y", data.height - 10)
    .attr("text-anchor", "middle").text(head ? head : "head 0");
}

// A line leaves the upper edge of the head that writes and enters the lower edge of the one that
// reads: at the left as query, in the middle as key, at the right as value.
const INLET = { Q: -10, K: 0, V: 10, O: 0 };

function curve(edge) {
  const { source: a, target: b } = edge;
  const half = BOX.height / 2;
  const x1 = a.x;
  const x2 = b.x + INLET[data.pairings[edge.pairing].name[1]];
  if (b.layer === a.layer) {
    const over = a.y - half - Math.min(12 + Math.abs(x2 - x1) * 0.18, data.up * 0.8);
    const apart = a === b ? 22 : 0;
    return [x1, a.y - half, x1 - apart, over, x2 + apart, over, x2, b.y - half];
  }
  const way = b.layer > a.layer ? -1 : 1; // up, or down where a later head is read by an earlier
  const y1 = a.y + way * half;
  const y2 = b.y - way * half;
  const pull = Math.max(data.up * 0.4, Math.abs(y2 - y1) * 0.42);
  // straight up a column it would run through the heads between
  const aside = a.head === b.head && Math.abs(b.layer - a.layer) > 1 ? data.across * 0.62 : 0;
  return [x1, y1, x1 + aside, y1 + way * pull, x2 + aside, y2 - way * pull, x2, y2];
}

for (const edge of edges) edge.curve = curve(edge);
const pathOf = ({ curve: c }) => {
  const [x1, y1, x2, y2, x3, y3, x4, y4] = c.map((v) => Math.round(v * 10) / 10);
  return `M${x1},${y1}C${x2},${y2} ${x3},${y3} ${x4},${y4}`;
};
// a pair with a key/value head goes to several query heads: its lines are thinner
const widthOf = (edge) =>
  (0.7 + 3.1 * edge.weight ** 1.2) * Math.max(Math.sqrt(edge.share), 0.45);

const node = boxes.selectAll("g.head").data(heads).join((enter) => {
  const group = enter.append("g")
    .attr("class", (head) => `head r${head.roles[0] ?? "-"}${head.roles.length ? " known" : ""}`)
    .attr("data-name", (head) => head.name)
    .attr("transform", (head) => `translate(${head.x},${head.y})`)
    .attr("role", "button")
    .attr("tabindex", -1)
    .attr("aria-pressed", "false");
  group.append("rect").attr("class", "reach").attr("x", -BOX.width / 2).attr("y", -BOX.height / 2)
    .attr("width", BOX.width).attr("height", BOX.height);
  group.append("circle").attr("class", "dot").attr("r", (head) => (head.roles.length ? 4.5 : 2.6));
  group.append("rect").attr("class", "box").attr("x", -BOX.width / 2).attr("y", -BOX.height / 2)
    .attr("width", BOX.width).attr("height", BOX.height).attr("rx", 5);
  // further roles of a head are stripes at its right end
  group.each(function stripes(head) {
    head.roles.slice(1, 3).forEach((role, i) => {
      d3.select(this).append("rect").attr("class", `stripe r${role}`)
        .attr("x", BOX.width / 2 - 5 - 4 * i).attr("y", -BOX.height / 2 + 3)
        .attr("width", 3).attr("height", BOX.height - 6);
    });
  });
  group.append("text").attr("dy", "0.34em").attr("text-anchor", "middle")
    .attr("dx", (head) => -2 * Math.min(Math.max(head.roles.length - 1, 0), 2))
    .attr("class", (head) => (head.name.length > 5 && BOX.width < 45 ? "long" : null))
    .text((head) => head.name);
  return group;
});
const nodes = node.nodes();

const roleWords = (head) => head.roles.map((role) => data.roles[role].label).join(", ");
const labelOf = (head) =>
  [head.name, roleWords(head), `${head.in} in`, `${head.out} out`].filter(Boolean).join(", ");

function countEdges(shown) {
  const counts = new Int32Array(2 * heads.length);
  for (const edge of shown) {
    counts[2 * edge.target.i] += 1;
    counts[2 * edge.source.i + 1] += 1;
  }
  for (const head of heads) {
    const [into, out] = [counts[2 * head.i], counts[2 * head.i + 1]];
    if (head.labelled && head.in === into && head.out === out) continue;
    Object.assign(head, { in: into, out, labelled: true });
    nodes[head.i].classList.toggle("touched", into + out > 0);
    nodes[head.i].setAttribute("aria-label", labelOf(head));
  }
}

let shown = [];
function draw() {
  shown = shownEdges();
  countEdges(shown);
  // the strongest lie on top
  lines.selectAll("path.edge").data(shown.slice().reverse(), (edge) => edge.i).join(
    (enter) => enter.append("path")
      .attr("class", (edge) => `edge p${edge.pairing}`)
      .attr("d", pathOf)
      .attr("stroke-width", (edge) => widthOf(edge).toFixed(2))
      .attr("stroke-opacity", (edge) => (0.32 + 0.5 * edge.weight).toFixed(2)),
  );
  mark();
}

// the selected head with its neighbours, and what the search found
function mark() {
  const { head } = state;
  const near = new Set(head ? [head] : []);
  svg.classed("picked", head !== null);
  if (head) {
    for (const edge of shown) {
      if (touches(edge, head)) near.add(edge.source).add(edge.target);
    }
  }
  lines.selectAll("path.edge").classed("near", (edge) => head !== null && touches(edge, head));
  if (head) lines.selectAll("path.near").raise();
  const found = new Set(matches(state.find));
  svg.classed("searching", found.size > 0);
  node.classed("near", (d) => near.has(d)).classed("chosen", (d) => d === head)
    .classed("found", (d) => found.has(d))
    .attr("aria-pressed", (d) => String(d === head));
  return found;
}

const zooming = d3.zoom().scaleExtent([1, 12])
  .translateExtent([[0, 0], [data.width, data.height]])
  .on("zoom", ({ transform }) => root.attr("transform", transform));
svg.call(zooming).on("dblclick.zoom", null);
