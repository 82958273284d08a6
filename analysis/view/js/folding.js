// Layers folded away: their heads and edges are not drawn, and folded layers in a row share a strip.
// The other layers take the room that this leaves.

const STRIP = 0.6; // height of a strip, in layers
const NAMED = 50; // a strip that has room for its name is at least this part of the drawing's height
const FARTHEST = 130; // apart, as layers of a small model are
const unfolded = data.up;
const topEdge = heads.length ? heads.at(-1).y - data.up / 2 : 0;
const below = data.height - topEdge - data.up * data.n_layers;

const layerNamed = (name) =>
  data.layer_names?.findIndex((it) => it.toLowerCase() === name.toLowerCase()) ?? Number(name.replace(/^l/i, ""));
const nameOfLayer = (layer) => data.layer_names?.[layer] ?? String(layer);

// "0-9, 40": ranges of layers, and what is no layer of this model left out
function layersIn(text) {
  const found = new Set();
  for (const [, from, , to] of text.matchAll(/(\w+)(\s*[-–]\s*(\w+))?/g)) {
    const [first, last] = [layerNamed(from), layerNamed(to ?? from)];
    for (let layer = Math.max(first, 0); layer <= Math.min(last, data.n_layers - 1); layer += 1)
      if (first >= 0) found.add(layer);
  }
  return found;
}

// layers in order, each with the folded ones that follow it in a row
function rowsOf(folded) {
  const found = [];
  for (let layer = 0; layer < data.n_layers; layer += 1) {
    const before = found.at(-1);
    if (folded.has(layer) && before?.folded) before.last = layer;
    else found.push({ first: layer, last: layer, folded: folded.has(layer) });
  }
  return found;
}
const rangeWords = ({ first, last }, dash) =>
  nameOfLayer(first) + (last > first ? dash + nameOfLayer(last) : "");
const asRanges = (folded) =>
  rowsOf(folded).filter((row) => row.folded).map((row) => rangeWords(row, "-")).join(",");
// "layer 19 folded", "layers 2–4, 19 folded"
function foldedWords(some) {
  const closed = some.filter((row) => row.folded);
  const many = closed.length > 1 || closed.some((row) => row.last > row.first);
  return `layer${many ? "s" : ""} ${closed.map((row) => rangeWords(row, "–")).join(", ")} folded`;
}

let rows = [];
function placeRows() {
  rows = rowsOf(state.folded);
  // where layers have a few pixels, strips have more, but together no more than a quarter of them
  const strips = rows.filter((row) => row.folded).length;
  const strip = Math.max(STRIP, rows.length / Math.max(NAMED, 4 * strips));
  const units = d3.sum(rows, (row) => (row.folded ? strip : 1));
  const wide = unfolded * data.n_layers / (units || 1);
  data.up = Math.min(wide, Math.max(FARTHEST, unfolded));
  data.height = topEdge + data.up * units + below;
  let y = topEdge + data.up * units;
  for (const row of rows) {
    row.height = (row.folded ? strip : 1) * data.up;
    row.y = y - row.height / 2;
    y -= row.height;
    for (let i = row.first * data.n_heads; i < (row.last + 1) * data.n_heads; i += 1)
      heads[i].y = row.y;
  }
}
const rowAt = (y) => rows.find((row) => Math.abs(y - row.y) <= row.height / 2);

// what is drawn is placed anew, as all lines run elsewhere now; false if all layers are as they were
let foldedNow = "";
function foldAgain() {
  if (state.head) state.folded.delete(state.head.layer);
  const wanted = asRanges(state.folded);
  if (wanted === foldedNow) return false;
  foldedNow = wanted;
  placeRows();
  made = [];
  counted.key = null;
  placeHeads();
  drawBands();
  fit();
  return true;
}
