// What everything stands on: the drawing, its bands of layers with their names, and zooming.

const stage = d3.select("#stage");
const plane = d3.select("#plane");
const svg = d3.select("#graph");
// Drawings of their own, one above the other, as a browser walks through all of one that changes.
const sheetOf = (selector) => d3.select(selector).append("g");
const [ground, lines, above, pointed, copies] =
  ["#ground", ".edges", ".above", ".pointed", ".lit"].map(sheetOf);
const root = sheetOf("#graph").attr("id", "root");
const bands = ground.append("g").attr("class", "bands");

const NAMES_END = 56;
const bandHeight = (row) => Math.min(row.height - 8, row.folded ? row.height : 34);
let layerNames = null;
let headNames = null;
function drawBands() {
  bands.selectAll("rect").data(rows).join("rect")
    .attr("class", (row) => (row.folded ? "band strip" : "band"))
    .attr("x", NAMES_END).attr("width", data.width - NAMES_END - 10).attr("rx", 6)
    .attr("y", (row) => row.y - bandHeight(row) / 2).attr("height", bandHeight);
  const names = (kind, items) =>
    bands.selectAll(`text.${kind}`).data(items).join("text").attr("class", `axis ${kind}`);
  layerNames = names("layer", rows).attr("x", (row) => (row.folded ? 70 : 48))
    .attr("y", (row) => row.y)
    .attr("dy", "0.35em").attr("text-anchor", (row) => (row.folded ? "start" : "end"));
  headNames = names("index", d3.range(data.n_heads)).attr("x", (head) => heads[head].x)
    .attr("text-anchor", "middle");
}
placeRows();
drawBands();

const LEAST = 9; // pixels that a name on the axes has on the screen
const WORD = 9; // units that a long name of a head has
const LARGEST = 1.4; // pixels to a unit of the drawing, so that a few heads do not fill the screen

// The drawing fits what room there is. Where that makes names small (many heads, a narrow screen),
// the axes keep theirs legible and leave out what would not fit.
let fitted = { x: 0, y: 0, scale: 1 };
function fit() {
  const { width, height } = stage.node().getBoundingClientRect();
  if (!width || !height) return;
  const font = Math.max(11, LEAST / Math.min(width / data.width, height / data.height, 1));
  const terse = font > 11.5;
  const whole = sizeWith(font);
  const scale = Math.min(width / whole.width, height / whole.height, LARGEST);
  fitted = {
    x: (width - whole.width * scale) / 2 + whole.left * scale,
    y: (height - whole.height * scale) / 2,
    scale,
  };
  const { offsetWidth, offsetHeight } = plane.node();
  placed = { ...placed, width: offsetWidth, height: offsetHeight };
  nameAxes(font, terse);
  plane.classed("tiny", scale * WORD < 5);
  zooming.extent([[0, 0], [width, height]]).translateExtent([[0, 0], [width, height]]);
  settle();
}

// names larger than usual stand further out
function sizeWith(font) {
  const left = Math.max(font * 1.8 - 48, 0);
  return { left, width: data.width + left, height: data.height + font - 11 };
}

function nameAxes(font, terse) {
  const digits = String(data.n_heads - 1).length;
  const [up, across] = [1.25 / data.up, Math.max(0.6 * digits + 0.4, 1.6) / data.across]
    .map((part) => Math.ceil(font * part));
  bands.attr("font-size", font.toFixed(1));
  layerNames.text((row) => {
    if (row.folded) return row.height > 0.9 * font ? foldedWords([row]) : "";
    const n = row.first;
    return n % up ? "" : data.layer_names?.[n] ?? (terse ? n : `layer ${n}`);
  });
  headNames.attr("y", data.height - 21 + font)
    .text((n) => (n % across || heads[n].x + 0.3 * digits * font > data.width ? ""
      : n || terse ? n : "head 0"));
}

// the size of the plane, and where the drawing is on it; asking the browser makes it lay out all
let placed = { width: 0, height: 0, scale: 1, x: 0, y: 0 };

// On paper the drawing keeps its size in pixels and is scaled as a whole, so that none of it is cut.
const PAPER = { width: 250, height: 150 }; // mm, of a page across
const MM = 96 / 25.4;
function fitPaper() {
  const { width, height } = placed;
  const shrunk = MM * Math.min(PAPER.width / width, PAPER.height / height);
  stage.style("--wide", `${width}px`).style("--high", `${height}px`).style("--shrunk", shrunk);
}

// What stands out keeps part of a pixel (view.css). All that inherits the size is styled anew, so
// that only the drawings that use it have it, and the one head that has the focus.
const tellPixel = (those) => d3.selectAll(those).style("--pixel", `${1 / placed.scale}px`);

// While it moves, what is painted is moved as it is, at no cost; at rest it is painted sharp.
let rest = d3.zoomIdentity;
let settling;
const stand = () => plane.classed("moving", false).style("transform", null);
function settle() {
  clearTimeout(settling);
  stopsSliding();
  rest = d3.zoomTransform(stage.node());
  const { k } = rest;
  const [x, y, scale] = [rest.x + k * fitted.x, rest.y + k * fitted.y, k * fitted.scale];
  placed = { ...placed, scale, x, y };
  for (const part of [ground, lines, above, pointed, root, copies])
    part.attr("transform", `translate(${x},${y}) scale(${scale})`);
  stand();
  tellPixel("#plane :is(.above, .pointed, .lit), .head:focus");
  plane.classed("closer", crowded ? scale * WORD >= 5 : k > 1);
  paint();
  shade();
  if (instead) drawInstead();
  setTouch();
}

function move({ transform: { x, y, k } }) {
  clearTimeout(settling);
  const more = k / rest.k;
  plane.classed("moving", true).style("transform",
    `translate(${x - more * rest.x}px, ${y - more * rest.y}px) scale(${more})`);
}

// all that is drawn is styled anew by this too, so that it has a frame of its own
let touching;
function setTouch() {
  clearTimeout(touching);
  const { k } = d3.zoomTransform(stage.node());
  touching = setTimeout(() => stage.style("touch-action", k > 1 ? "none" : null), 100);
}

// a finger moves the page while all of the drawing is on it
const takes = (event) =>
  !event.button && (!event.ctrlKey || event.type === "wheel")
  && (event.touches?.length !== 1 || d3.zoomTransform(stage.node()).k > 1);
const zooming = d3.zoom().scaleExtent([1, 12]).filter(takes).on("zoom", move)
  .on("end", ({ sourceEvent, transform: { x, y, k } }) => {
    if (sourceEvent?.type === "wheel") settling = setTimeout(settle, 250);
    else if (x === rest.x && y === rest.y && k === rest.k) stand(); // a click moves nothing
    else settle();
  });
stage.call(zooming).on("dblclick.zoom", null);

// what keys and the search go to is moved into sight
function bringIntoSight(head) {
  const box = stage.node().getBoundingClientRect();
  const own = nodeOf(head).getBoundingClientRect();
  const inside = own.left >= box.left && own.right <= box.right
    && own.top >= box.top && own.bottom <= box.bottom;
  const { x, y, scale } = fitted;
  if (!inside) stage.call(zooming.translateTo, x + head.x * scale, y + head.y * scale);
}

stage.style("aspect-ratio", `${Math.round(data.width)} / ${Math.round(data.height)}`);
fit();
new ResizeObserver(fit).observe(stage.node());
