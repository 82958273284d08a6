// Heads as boxes where lines shown touch them, as dots elsewhere.

const boxes = root.append("g").attr("class", "heads");
const leftOf = (head) => head.x - BOX.width / 2;
const topOf = (head) => head.y - BOX.height / 2;
const radiusOf = (head) => (head.roles.length ? 4.5 : head.known ? 2.6 : 1.2);
const isLong = (head) => head.name.length > 5 && BOX.width < 45;
const asideOf = (head) => -2 * Math.min(Math.max(head.roles.length - 1, 0), 2); // room for stripes
const nameSize = (head) => (isLong(head) ? 9 : 10.5);
const nameWeight = (head) => (head.roles.length ? 600 : 400);
// further roles of a head are stripes at its right end
const furtherRoles = (head) => head.roles.slice(1, 3).map((role, i) => ({ role,
  x: leftOf(head) + BOX.width - 5 - 4 * i, y: topOf(head) + 3, width: 3, height: BOX.height - 6 }));
// Where wheels and fingers are listened to, Chromium adds up the boxes of all that is painted, at
// every step of a move: a thousand cost 80 ms, and next to nothing once the first holds the others.
boxes.append("rect").attr("class", "under").attr("x", -data.width).attr("y", -data.height)
  .attr("width", 3 * data.width).attr("height", 3 * data.height);

function built(head) {
  const group = d3.create("svg:g").datum(head)
    .attr("class", `head r${head.roles[0] ?? "-"}${head.roles.length ? " known" : ""}`)
    .attr("data-name", head.name)
    .attr("role", "button")
    .attr("tabindex", -1)
    .attr("aria-pressed", "false");
  const shape = (name) => group.append("rect").attr("class", name)
    .attr("x", leftOf(head)).attr("y", topOf(head))
    .attr("width", BOX.width).attr("height", BOX.height).attr("rx", 5);
  shape("reach");
  group.append("circle").attr("class", "dot").attr("cx", head.x).attr("cy", head.y)
    .attr("r", radiusOf(head));
  shape("box");
  for (const { role, x, y, width, height } of furtherRoles(head)) {
    group.append("rect").attr("class", `stripe r${role}`).attr("x", x).attr("y", y)
      .attr("width", width).attr("height", height);
  }
  group.append("text").attr("x", head.x).attr("y", head.y)
    .attr("dy", "0.34em").attr("text-anchor", "middle")
    .attr("dx", asideOf(head))
    .attr("class", isLong(head) ? "long" : null)
    .text(head.name);
  return group.node();
}

// On a crowded page a head is an element from when it first has the focus or is selected; the canvas
// shows it as well.
let nodes = [];
function nodeOf(head) {
  if (nodes[head.i]) return nodes[head.i];
  nodes[head.i] = boxes.append(() => built(head)).node();
  if (crowded) nodes[head.i].setAttribute("aria-label", labelOf(head));
  box(head);
  return nodes[head.i];
}
function placeHeads() {
  boxes.selectAll("g.head").remove();
  nodes = [];
  for (const head of heads) {
    head.copy = null;
    if (!crowded && !state.folded.has(head.layer)) nodeOf(head);
  }
}
placeHeads();

// the head whose box a point of the drawing is in, or nearly so where boxes are a few pixels
const HIT = 4; // pixels from the middle
function headAt(x, y) {
  const row = rowAt(y);
  const at = heads.length ? Math.floor((x - heads[0].x) / data.across + 0.5) : -1;
  if (!row || row.folded || at < 0 || at >= data.n_heads) return null;
  const head = heads[row.first * data.n_heads + at];
  const near = HIT / placed.scale;
  const inside = Math.abs(x - head.x) <= Math.max(BOX.width / 2, near)
    && Math.abs(y - head.y) <= Math.max(BOX.height / 2, near);
  return inside ? head : null;
}

const roleWords = (head) =>
  head.known ? head.roles.map((role) => data.roles[role].label).join(", ") : "not in the answer";
const labelOf = (head) =>
  [head.name, roleWords(head), head.derived && `derived: ${head.derived}`, `${head.in} in`, `${head.out} out`].filter(Boolean).join(", ");

function countEdges() {
  const { into, out } = counted;
  for (const head of heads) [head.in, head.out] = [into[head.i], out[head.i]];
  const turned = heads.filter((head) => head.in + head.out > 0 !== head.touched);
  for (const head of turned) head.touched = !head.touched;
  if (sliding || crowded) drawBoxes(turned);
  if (!sliding) for (const head of turned) box(head);
}

function box(head) {
  nodes[head.i]?.classList.toggle("touched", head.touched);
}

function labelHeads() {
  nodes.forEach((node, i) => { // of a crowded page's heads few have one
    const label = labelOf(heads[i]);
    if (node.getAttribute("aria-label") !== label) node.setAttribute("aria-label", label);
  });
}
