// Edges as lines. Most of the time of a change goes into painting lines anew, not into this script:
// so they lie in a few layers that the browser paints apart, and a step of the slider paints the
// layer that it changes. What is selected or under the pointer is drawn above them, in layers of
// its own, while theirs fade as a whole, for which nothing is painted.

const LAYERS = 4; // each costs memory, of the size of the screen
const PER_LAYER = Math.max(Math.ceil(edges.length / LAYERS), 250);

const lines = root.append("g").attr("class", "edges").attr("aria-hidden", "true");
const above = root.append("g").attr("class", "above").attr("aria-hidden", "true");
const hot = root.append("g").attr("class", "pointed").attr("aria-hidden", "true").append("path");

// Chromium puts a layer of its own on whole pixels if it has words in it, and blurs others.
function sharpened(group) {
  group.append("text").attr("class", "sharpens").text(".")
    .attr("x", data.width / 2).attr("y", data.height / 2);
  return group.node();
}
sharpened(above);
sharpened(root.select(".pointed"));

// the strongest lie on top
const sheets = d3.range(0, edges.length, PER_LAYER).reverse().map((start) => ({
  group: sharpened(lines.append("g").attr("class", "sheet")),
  edges: edges.slice(start, start + PER_LAYER).reverse(),
}));

function drawn(edge) {
  edge.line ??= d3.create("svg:path").datum(edge).attr("class", `edge p${edge.pairing}`)
    .attr("d", pathOf(edge))
    .attr("stroke-width", widthOf(edge).toFixed(2))
    .attr("stroke-opacity", opacityOf(edge).toFixed(2))
    .node();
  return edge.line;
}

// lines that stay are not touched
function layOut({ group, edges: own }, wanted) {
  let next = group.firstChild;
  for (const edge of own) {
    if (next && next === edge.line) {
      next = next.nextSibling;
      if (!wanted[edge.i]) edge.line.remove();
    } else if (wanted[edge.i]) group.insertBefore(drawn(edge), next);
  }
}

function drawLines(shown) {
  const wanted = new Uint8Array(edges.length);
  for (const edge of shown) wanted[edge.i] = 1;
  for (const sheet of sheets) layOut(sheet, wanted);
  if (sliding) drawSliding(shown);
}

function drawAbove(near) {
  const upwards = near.slice().sort((one, other) => other.i - one.i);
  above.selectAll("path").data(upwards, (edge) => edge.i).join(
    (enter) => enter.append("path")
      .attr("class", (edge) => `edge near p${edge.pairing}`)
      .attr("d", pathOf)
      .attr("stroke-width", (edge) => widthOf(edge).toFixed(2)),
  ).order();
}

function point(edge) {
  if (!edge) hot.attr("class", null).attr("d", null);
  else hot.attr("class", `edge hot p${edge.pairing}`).attr("d", pathOf(edge))
    .attr("stroke-width", widthOf(edge) + 1.6);
}
