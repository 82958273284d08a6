// Figures of what the pointer is on: a head, or the edge that is nearest to it.

const tip = d3.select("#tip");
const NAMES = {
  pk: data.words.pk, pk_normalized: "PK normalised", z: "z", pk_rank: data.words.pk_rank, cs: "CS",
  simple_cs: "simple CS", cka: "CKA", kv_head: "key/value head",
  decoys: "decoys as strong", decoy_q: "least decoy share", self_overlap: "self-overlap",
};
const DERIVED = {
  eraser: "eraser: writes the negative of what it reads as value",
  copier: "copier: writes what it reads as value",
};
const derivedWords = (head) => (head.derived ? `derived from its weights: ${DERIVED[head.derived]}` : "");
// the sign of what a head writes, which PK does not show
const copyingWords = (head) => (typeof head.facts.copying === "number"
  ? `copying ${head.facts.copying.toFixed(2).replace("-", "−")}` : "");
const nameOf = (figure) => NAMES[figure] ?? figure.replaceAll("_", " ");
// Numbers as headgraph's commands print them: whole ones as they are, others with as many decimals
// as give the typical one of their column four digits.
function inColumn(values) {
  if (values.every(Number.isInteger)) return (value) => value.toLocaleString("en");
  const sizes = values.map(Math.abs).filter((size) => size > 0).sort(d3.ascending);
  const typical = sizes[Math.floor(sizes.length / 2)];
  const decimals = Math.max(0, 3 - Math.floor(Math.log10(typical)));
  return d3.format(decimals > 8 || typical >= 1e15 ? ".3e" : `,.${decimals}f`);
}
const written = (value) => (typeof value === "number" ? inColumn([value])(value) : String(value));

function edgeFigures(edge) {
  const rows = Object.keys(figures).map((name) => [nameOf(name), figureAt(name, edge.i)]);
  if (data.edges.kv_head[edge.i] >= 0) rows.push([NAMES.kv_head, data.edges.kv_head[edge.i]]);
  if (edge.share < 1) rows.push(["share of a scored pair", edge.share]);
  return rows.filter(([, value]) => value !== null);
}

function headFigures(head) {
  const rows = [["edges in", head.in], ["edges out", head.out]];
  for (const [name, value] of Object.entries(head.facts)) {
    if (value !== null) rows.push([nameOf(name), value]);
  }
  return rows;
}

let told = null; // what the tip is about
let size = { width: 0, height: 0 };

function showTip(title, words, rows) {
  tip.attr("hidden", null).selectAll("*").remove();
  tip.append("strong").text(title);
  if (words) tip.append("span").text(words);
  const table = tip.append("dl");
  for (const [name, value] of rows) {
    table.append("dt").text(name);
    table.append("dd").text(written(value));
  }
  size = tip.node().getBoundingClientRect();
}

function moveTip(x, y) {
  const left = x + 16 + size.width > innerWidth ? x - 16 - size.width : x + 16;
  const top = Math.max(Math.min(y + 12, innerHeight - size.height - 8), 8);
  tip.style("transform", `translate(${Math.max(left, 8)}px, ${top}px)`);
}

function hideTip() {
  if (told === null) return;
  told = null;
  tip.attr("hidden", "");
  point(null);
  pointHead(null);
  light();
}

function tellHead(head, x, y) {
  if (told !== head) {
    told = head;
    point(null);
    pointHead(head);
    light();
    showTip(head.name, [roleWords(head), derivedWords(head)].filter(Boolean).join("; "),
      headFigures(head));
  }
  moveTip(x, y);
}

function tellEdge(edge, x, y) {
  if (told !== edge) {
    told = edge;
    pointHead(null);
    point(edge);
    light();
    const pairing = data.pairings[edge.pairing];
    showTip(`${edge.source.name} → ${edge.target.name}`, `${pairing.name}: ${pairing.meaning}`,
      edgeFigures(edge));
  }
  moveTip(x, y);
}

function nearestEdge(x, y, limit) {
  let [found, least] = [null, limit];
  for (const edge of state.head ? edgesOf(state.head) : shown) {
    const away = distance(edge, x, y, limit);
    if (away < least) [found, least] = [edge, away];
  }
  return found;
}

svg.on("pointermove", (event) => {
  if (event.buttons) return; // the drawing is being moved
  const own = event.target.closest?.("g.head");
  const [x, y] = d3.pointer(event, root.node());
  const over = own ? d3.select(own).datum() : crowded && headAt(x, y);
  if (crowded) plane.classed("over", Boolean(over));
  if (over) {
    tellHead(over, event.clientX, event.clientY);
    return;
  }
  const scale = root.node().getScreenCTM().a || 1;
  const edge = nearestEdge(x, y, 6 / scale);
  if (edge) tellEdge(edge, event.clientX, event.clientY);
  else hideTip();
}).on("pointerleave pointerdown", hideTip);
