// Figures of what the pointer is on: a head, or the edge that is nearest to it.

const tip = d3.select("#tip");
const NAMES = {
  pk: "PK", pk_normalized: "PK normalised", z: "z", pk_rank: "place in its pairing", cs: "CS",
  simple_cs: "simple CS", cka: "CKA", kv_head: "key/value head",
};
const nameOf = (figure) => NAMES[figure] ?? figure.replaceAll("_", " ");
const written = (value) =>
  typeof value !== "number" ? String(value)
    : Number.isInteger(value) ? value.toLocaleString("en") : d3.format(".4~g")(value);

function edgeFigures(edge) {
  const rows = Object.entries(data.edges.figures)
    .map(([name, values]) => [nameOf(name), values[edge.i]]);
  if (data.edges.kv_head[edge.i] >= 0) rows.push([NAMES.kv_head, data.edges.kv_head[edge.i]]);
  if (edge.share < 1) rows.push(["share of a scored pair", edge.share]);
  return rows.filter(([, value]) => value !== null && value !== undefined);
}

function headFigures(head) {
  const rows = [["edges in", head.in], ["edges out", head.out]];
  for (const [name, value] of Object.entries(head.facts)) {
    if (value !== null) rows.push([nameOf(name), value]);
  }
  return rows;
}

function showTip(title, words, rows, x, y) {
  tip.attr("hidden", null).selectAll("*").remove();
  tip.append("strong").text(title);
  if (words) tip.append("span").text(words);
  const table = tip.append("dl");
  for (const [name, value] of rows) {
    table.append("dt").text(name);
    table.append("dd").text(written(value));
  }
  const { width, height } = tip.node().getBoundingClientRect();
  const left = x + 16 + width > innerWidth ? x - 16 - width : x + 16;
  const top = Math.max(Math.min(y + 12, innerHeight - height - 8), 8);
  tip.style("left", `${Math.max(left, 8)}px`).style("top", `${top}px`);
}

function hideTip() {
  tip.attr("hidden", "");
  hot.attr("d", null);
}

function tellHead(head, x, y) {
  hot.attr("d", null);
  showTip(head.name, roleWords(head), headFigures(head), x, y);
}

function tellEdge(edge, x, y) {
  hot.attr("class", `edge hot p${edge.pairing}`).attr("d", pathOf(edge))
    .attr("stroke-width", widthOf(edge) + 1.6);
  const pairing = data.pairings[edge.pairing];
  showTip(`${edge.source.name} → ${edge.target.name}`, `${pairing.name}: ${pairing.meaning}`,
    edgeFigures(edge), x, y);
}

// Distance to a curve by a few straight pieces. Boxes around the curves leave few to look at, so
// that 3,000 edges cost less than a millisecond and need no second set of lines to hit.
function distance(c, x, y, limit) {
  if (x < Math.min(c[0], c[2], c[4], c[6]) - limit || x > Math.max(c[0], c[2], c[4], c[6]) + limit)
    return Infinity;
  if (y < Math.min(c[1], c[3], c[5], c[7]) - limit || y > Math.max(c[1], c[3], c[5], c[7]) + limit)
    return Infinity;
  let [best, px, py] = [Infinity, c[0], c[1]];
  for (let i = 1; i <= 20; i += 1) {
    const t = i / 20;
    const s = 1 - t;
    const [a, b, d, e] = [s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t];
    const qx = a * c[0] + b * c[2] + d * c[4] + e * c[6];
    const qy = a * c[1] + b * c[3] + d * c[5] + e * c[7];
    const [vx, vy] = [qx - px, qy - py];
    const along = Math.max(0, Math.min(1, ((x - px) * vx + (y - py) * vy) / (vx * vx + vy * vy || 1)));
    best = Math.min(best, Math.hypot(px + along * vx - x, py + along * vy - y));
    [px, py] = [qx, qy];
  }
  return best;
}

function nearestEdge(x, y, limit) {
  let [found, least] = [null, limit];
  for (const edge of shown) {
    if (state.head && !touches(edge, state.head)) continue;
    const away = distance(edge.curve, x, y, limit);
    if (away < least) [found, least] = [edge, away];
  }
  return found;
}

svg.on("pointermove", (event) => {
  const over = event.target.closest?.("g.head");
  if (over) {
    tellHead(d3.select(over).datum(), event.clientX, event.clientY);
    return;
  }
  const [x, y] = d3.pointer(event, root.node());
  const scale = root.node().getScreenCTM().a || 1;
  const edge = nearestEdge(x, y, 6 / scale);
  if (edge) tellEdge(edge, event.clientX, event.clientY);
  else hideTip();
}).on("pointerleave", hideTip);
