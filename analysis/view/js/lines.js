// Edges as lines. What is selected or under the pointer is drawn above them, in drawings of its own,
// while theirs fades as a whole, for which nothing is painted.

const hot = pointed.append("path");
const ofHead = pointed.selectAll("path.own").data(data.pairings).join("path");

// Chromium puts a layer of its own on whole pixels if it has words in it, and blurs others.
for (const part of [lines, above, pointed]) {
  part.append("text").attr("class", "sharpens").text(".")
    .attr("x", data.width / 2).attr("y", data.height / 2);
}

function drawn(edge) {
  edge.line ??= d3.create("svg:path").datum(edge).attr("class", `edge p${edge.pairing}`)
    .attr("d", pathOf(edge))
    .attr("stroke-width", widthOf(edge).toFixed(2))
    .attr("stroke-opacity", opacityOf(edge).toFixed(2))
    .node();
  return edge.line;
}

// the strongest lie on top; lines that stay are not touched
let laid = [];
function layOut() {
  const wanted = new Set(shown);
  for (const edge of laid) if (!wanted.has(edge)) edge.line.remove();
  laid = shown.slice().reverse();
  const sheet = lines.node();
  let next = sheet.querySelector("path");
  for (const edge of laid) {
    if (next && next === edge.line) next = next.nextSibling;
    else sheet.insertBefore(drawn(edge), next);
  }
}

function drawLines() {
  if (sliding) drawSliding();
  else if (shown.length <= ELEMENTS) useElements();
  else if (instead && filtersDrawn === counted.key) drawSliding();
  else drawInstead();
}

// elements show the lines, and no canvas does
function useElements() {
  cancelAnimationFrame(more);
  layOut();
  instead = false;
  plane.classed("instead", false).classed("drawing", false);
}

// elements that are there are used again for other lines
const nearLines = [];
function drawAbove(near) {
  const upwards = near.slice().sort((one, other) => other.i - one.i);
  while (nearLines.length > upwards.length) nearLines.pop().remove();
  upwards.forEach((edge, k) => {
    nearLines[k] ??= above.append("path").node();
    const line = d3.select(nearLines[k]);
    if (line.datum() === edge) return;
    line.datum(edge).attr("class", `edge near p${edge.pairing}`).attr("d", pathOf(edge))
      .style("--w", `${widthOf(edge).toFixed(2)}px`);
  });
}

// the lines of the head under the pointer, as one element for each pairing
function pointHead(head) {
  const own = head && head !== state.head ? edgesOf(head).slice(0, NEAR) : [];
  if (!own.length && !plane.classed("pointing")) return;
  plane.classed("pointing", own.length > 0);
  const each = d3.group(own, (edge) => edge.pairing);
  ofHead.attr("class", (_, p) => (each.has(p) ? `edge own p${p}` : null))
    .attr("d", (_, p) => each.get(p)?.map(pathOf).join("") ?? null);
}

function point(edge) {
  if (!edge) hot.attr("class", null).attr("d", null);
  else hot.attr("class", `edge hot p${edge.pairing}`).attr("d", pathOf(edge))
    .style("--w", `${(widthOf(edge) + 1.6).toFixed(2)}px`);
}
