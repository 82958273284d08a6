// Heads as boxes where lines shown touch them, as dots elsewhere.

const boxes = root.append("g").attr("class", "heads");
const leftOf = (head) => head.x - BOX.width / 2;
const topOf = (head) => head.y - BOX.height / 2;
const radiusOf = (head) => (head.roles.length ? 4.5 : head.known ? 2.6 : 1.2);
const isLong = (head) => head.name.length > 5 && BOX.width < 45;
const asideOf = (head) => -2 * Math.min(Math.max(head.roles.length - 1, 0), 2); // room for stripes
// Where wheels and fingers are listened to, Chromium adds up the boxes of all that is painted, at
// every step of a move: a thousand cost 80 ms, and next to nothing once the first holds the others.
boxes.append("rect").attr("class", "under").attr("x", -data.width).attr("y", -data.height)
  .attr("width", 3 * data.width).attr("height", 3 * data.height);

const node = boxes.selectAll("g.head").data(heads).join((enter) => {
  const group = enter.append("g")
    .attr("class", (head) => `head r${head.roles[0] ?? "-"}${head.roles.length ? " known" : ""}`)
    .attr("data-name", (head) => head.name)
    .attr("role", "button")
    .attr("tabindex", -1)
    .attr("aria-pressed", "false");
  const shape = (name) => group.append("rect").attr("class", name).attr("x", leftOf).attr("y", topOf)
    .attr("width", BOX.width).attr("height", BOX.height).attr("rx", 5);
  shape("reach");
  group.append("circle").attr("class", "dot").attr("cx", (head) => head.x).attr("cy", (head) => head.y)
    .attr("r", radiusOf);
  shape("box");
  // further roles of a head are stripes at its right end
  group.each(function stripes(head) {
    head.roles.slice(1, 3).forEach((role, i) => {
      d3.select(this).append("rect").attr("class", `stripe r${role}`)
        .attr("x", leftOf(head) + BOX.width - 5 - 4 * i).attr("y", topOf(head) + 3)
        .attr("width", 3).attr("height", BOX.height - 6);
    });
  });
  group.append("text").attr("x", (head) => head.x).attr("y", (head) => head.y)
    .attr("dy", "0.34em").attr("text-anchor", "middle")
    .attr("dx", asideOf)
    .attr("class", (head) => (isLong(head) ? "long" : null))
    .text((head) => head.name);
  return group;
});
const nodes = node.nodes();

const roleWords = (head) =>
  head.known ? head.roles.map((role) => data.roles[role].label).join(", ") : "not in the answer";
const labelOf = (head) =>
  [head.name, roleWords(head), head.derived && `derived: ${head.derived}`, `${head.in} in`, `${head.out} out`].filter(Boolean).join(", ");

function countEdges(shown) {
  for (const head of heads) [head.in, head.out] = [0, 0];
  for (const edge of shown) {
    edge.target.in += 1;
    edge.source.out += 1;
  }
  const turned = heads.filter((head) => head.in + head.out > 0 !== head.touched);
  for (const head of turned) head.touched = !head.touched;
  if (sliding) drawBoxes(turned);
  else for (const head of turned) box(head);
}

function box(head) {
  nodes[head.i].classList.toggle("touched", head.touched);
}

function labelHeads() {
  for (const head of heads) {
    const label = labelOf(head);
    if (head.label !== label) nodes[head.i].setAttribute("aria-label", label);
    head.label = label;
  }
}
