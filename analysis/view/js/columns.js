// The edges as columns, sorted by place, and which of them are shown. Of half a million only those
// that are drawn as lines become objects.

const TYPES = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, i4: Int32Array, f4: Float32Array };
function unpacked(column) {
  if (Array.isArray(column)) return column;
  const Kind = TYPES[column.of];
  if ("every" in column) return new Kind(column.n).fill(column.every);
  const text = atob(column.base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return new Kind(bytes.buffer);
}
for (const [name, column] of Object.entries(data.edges))
  if (name !== "figures") data.edges[name] = unpacked(column);
const { figures } = data.edges;
for (const [name, column] of Object.entries(figures)) figures[name] = unpacked(column);

const { pairing: pairingOf, source: sourceOf, target: targetOf } = data.edges;
const placeOf = figures.pk_rank;
const N = pairingOf.length;
const FULL = data.edges.weight instanceof Uint8Array ? 255 : 1; // what is written for a weight of 1

// Of more edges than `data.many` the strongest are lines and the others are shading. More heads than
// `data.many_heads` are on a canvas, and only those that have the focus or stand out are elements.
const dense = N > data.many;
const ELEMENTS = 300; // lines that are elements at rest: more of them stay on their canvas
const LINES = dense ? 3000 : Infinity;
const crowded = heads.length > data.many_heads;
const DEEP = 16; // layers of which none needs to be folded away to see the others
const foldable = dense || crowded || data.n_layers > DEEP;
d3.select("#plane").classed("dense", dense).classed("crowded", crowded);

let made = [];
function edgeAt(i) {
  made[i] ??= shaped({
    i,
    pairing: pairingOf[i],
    source: heads[sourceOf[i]],
    target: heads[targetOf[i]],
    place: placeOf[i],
    weight: data.edges.weight[i] / FULL,
    share: data.edges.share[i],
  });
  return made[i];
}
// what is missing is null in a list and NaN in a column of numbers
const figureAt = (name, i) => {
  const value = figures[name]?.[i];
  return value === undefined || Number.isNaN(value) ? null : value;
};

// what `state` lets through, read once for all edges
const sieve = {
  pairings: new Uint8Array(data.pairings.length),
  chosen: new Uint8Array(heads.length),
  folded: new Uint8Array(heads.length),
};
function setSieve() {
  for (const [p] of data.pairings.entries()) sieve.pairings[p] = state.pairings.has(p);
  for (const head of heads) {
    sieve.chosen[head.i] = hasChosenRole(head);
    sieve.folded[head.i] = state.folded.has(head.layer);
  }
  sieve.all = !state.roles.size;
  sieve.bySource = state.side !== "into";
  sieve.byTarget = state.side !== "out";
}
function isChosen(i) {
  if (!sieve.pairings[pairingOf[i]]) return false;
  return sieve.all || (sieve.bySource && sieve.chosen[sourceOf[i]] === 1)
    || (sieve.byTarget && sieve.chosen[targetOf[i]] === 1);
}
const isFolded = (i) => sieve.folded[sourceOf[i]] + sieve.folded[targetOf[i]] > 0;
const isShown = (i) => isChosen(i) && !isFolded(i);

// edges are sorted by place: those within the threshold come first
const bisectPlace = d3.bisector((place) => place).right;
const withinThreshold = () => bisectPlace(placeOf, data.places[state.step] ?? 0);

// the edge before each in its pairing, and whether each is the first of a scored pair
const before = new Int32Array(N);
const isPair = new Uint8Array(N);
const isNear = (i) => heads[targetOf[i]].layer - heads[sourceOf[i]].layer === 1;
const perPairing = (value) => new Int32Array(data.pairings.length).fill(value);
for (let i = 0, last = perPairing(-1); i < N; i += 1) {
  before[i] = last[pairingOf[i]];
  isPair[i] = before[i] < 0 || placeOf[before[i]] !== placeOf[i];
  last[pairingOf[i]] = i;
}

// Counts of what is within the threshold (by pairing: the last edge, and pairs, whatever is chosen)
// and of what is shown of it. A step of the slider counts the edges that come or go.
let counted = { key: null };
function count() {
  const key = JSON.stringify([[...state.pairings], [...state.roles], state.side, asRanges(state.folded)]);
  const end = withinThreshold();
  if (key === counted.key && end === counted.end) return false;
  if (key !== counted.key) {
    setSieve();
    counted = { key, end: 0, n: 0, behind: 0, shaded: null, lines: [], per: perPairing(0),
      pairs: perPairing(0), near: perPairing(0), last: perPairing(-1), into: new Int32Array(heads.length),
      out: new Int32Array(heads.length) };
  }
  while (counted.end < end) {
    countIn(counted.end);
    counted.end += 1;
  }
  while (counted.end > end) {
    counted.end -= 1;
    countOut(counted.end);
  }
  counted.least = leastShown();
  return true;
}
function countIn(i) {
  const p = pairingOf[i];
  counted.last[p] = i;
  counted.pairs[p] += isPair[i];
  counted.near[p] += isPair[i] && isNear(i);
  if (!isChosen(i)) return;
  if (isFolded(i)) {
    counted.behind += 1;
    return;
  }
  counted.n += 1;
  counted.per[p] += 1;
  counted.into[targetOf[i]] += 1;
  counted.out[sourceOf[i]] += 1;
  if (counted.n <= LINES) counted.lines.push(i);
  else if (counted.n === LINES + 1) counted.shaded = i;
}
function countOut(i) {
  const p = pairingOf[i];
  counted.last[p] = before[i];
  counted.pairs[p] -= isPair[i];
  counted.near[p] -= isPair[i] && isNear(i);
  if (!isChosen(i)) return;
  if (isFolded(i)) {
    counted.behind -= 1;
    return;
  }
  counted.n -= 1;
  counted.per[p] -= 1;
  counted.into[targetOf[i]] -= 1;
  counted.out[sourceOf[i]] -= 1;
  if (counted.lines.at(-1) === i) counted.lines.pop();
  if (counted.shaded === i) counted.shaded = null;
}

// PK falls along a pairing, so the last edge shown of each has the least
function leastShown() {
  const each = [...counted.last.keys()].map((p) => {
    let i = counted.per[p] ? counted.last[p] : -1;
    while (i >= 0 && !isShown(i)) i = before[i];
    return i < 0 ? Infinity : figures.pk[i];
  });
  return Math.min(...each);
}

// the edges of each head, in the order of all
let around = null;
function edgesAround(head) {
  around ??= neighbourhoods();
  return around.edges.subarray(around.start[head.i], around.start[head.i + 1]);
}
function neighbourhoods() {
  const start = new Uint32Array(heads.length + 1);
  const each = (visit) => {
    for (let i = 0; i < N; i += 1) {
      visit(sourceOf[i], i);
      if (targetOf[i] !== sourceOf[i]) visit(targetOf[i], i);
    }
  };
  each((h) => { start[h + 1] += 1; });
  for (let h = 0; h < heads.length; h += 1) start[h + 1] += start[h];
  const next = start.slice();
  const edges = new Uint32Array(start[heads.length]);
  each((h, i) => {
    edges[next[h]] = i;
    next[h] += 1;
  });
  return { start, edges };
}

// Decoys among all pairs of a pairing that are this strong, whatever roles are chosen: one and the
// backward pairs as strong as the weakest, for each pair kept. An edge of a run has only `decoy_q`,
// the least share at any threshold that keeps it.
const { decoys, decoy_q: decoyQ } = figures;
function decoyShares() {
  const found = new Map();
  counted.last.forEach((i, p) => {
    if (i < 0 || (!decoys && !decoyQ)) return;
    const value = figureAt(decoys ? "decoys" : "decoy_q", i);
    if (value !== null) found.set(p, decoys ? (1 + value) / counted.pairs[p] : value);
  });
  return found;
}

// the same between neighbouring layers, of whose backward pairs `data.decoy_steps` has the numbers
function nearShare(p) {
  const steps = data.decoy_steps[p];
  const decoysHere = decoys && counted.last[p] >= 0 ? figureAt("decoys", counted.last[p]) : null;
  const some = counted.near[p] && counted.near[p] < counted.pairs[p];
  if (!steps || decoysHere === null || !some) return null;
  const k = steps.findIndex(([number]) => number >= decoysHere);
  const [[low, lowNear], [high, highNear]] = [steps[k - 1] ?? [0, 0], steps[k] ?? steps.at(-1)];
  const part = high > low ? (decoysHere - low) / (high - low) : 0;
  return (1 + Math.round(lowNear + part * (highNear - lowNear))) / counted.near[p];
}
// a high share with no backward pair as strong is an upper bound: few pairs are shown
const HIGH = 0.25;
const noneAsStrong = (p, share) => share > HIGH && decoys && figureAt("decoys", counted.last[p]) === 0;
function shareWords(p, share) {
  if (noneAsStrong(p, share)) return `at most ${percent(share)}`;
  const near = nearShare(p);
  return percent(share) + (near === null ? "" : ` (neighbouring layers ${percent(near)})`);
}

// the share among all pairs of the pairings shown: above a half, an order of heads may be chance
const MOSTLY = 0.5;
function decoysOfAll() {
  let [decoyPairs, pairs] = [0, 0];
  for (const [p, share] of decoyShares()) {
    if (!state.pairings.has(p)) continue;
    if (!noneAsStrong(p, share)) decoyPairs += counted.pairs[p] * share;
    pairs += counted.pairs[p];
  }
  return pairs ? decoyPairs / pairs : 0;
}
const percent = (share) => `${decoys ? "" : "at least "}${(100 * share).toFixed(0)} %`;
