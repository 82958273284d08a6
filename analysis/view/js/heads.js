// Heads as boxes where lines shown touch them, as dots elsewhere.

const boxes = root.append("g").attr("class", "heads");

const node = boxes.selectAll("g.head").data(heads).join((enter) => {
  const group = enter.append("g")
    .attr("class", (head) => `head r${head.roles[0] ?? "-"}${head.roles.length ? " known" : ""}`)
    .attr("data-name", (head) => head.name)
    .attr("transform", (head) => `translate(${head.x},${head.y})`)
    .attr("role", "button")
    .attr("tabindex", -1)
    .attr("aria-pressed", "false");
  group.append("rect").attr("class", "reach").attr("x", -BOX.width / 2).attr("y", -BOX.height / 2)
    .attr("width", BOX.width).attr("height", BOX.height).attr("rx", 5);
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

// a class on these heads and no others
const having = {};
function only(name, wanted) {
  const had = having[name] ?? new Set();
  for (const head of had) if (!wanted.has(head)) nodes[head.i].classList.remove(name);
  for (const head of wanted) if (!had.has(head)) nodes[head.i].classList.add(name);
  having[name] = wanted;
}

function countEdges(shown) {
  for (const head of heads) [head.in, head.out] = [0, 0];
  for (const edge of shown) {
    edge.target.in += 1;
    edge.source.out += 1;
  }
  only("touched", new Set(heads.filter((head) => head.in + head.out)));
}

function labelHeads() {
  for (const head of heads) {
    const label = labelOf(head);
    if (head.label !== label) nodes[head.i].setAttribute("aria-label", label);
    head.label = label;
  }
}
