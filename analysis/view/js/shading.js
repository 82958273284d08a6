// Edges beyond the strongest LINES, as shading: for each point the number of lines that cross it, in
// the colours of their pairings. A line is counted in a microsecond, a tenth of what a stroke on a
// canvas takes, and can be taken away again, so that a step of the slider costs what it changes.

const SLICE = 6; // ms of counting in a frame
const APART = 30; // ms from one picture to the next, so that a frame counts or fills pixels
const COARSE = 2; // pixels of the page, across and down, to a point
const PIECES = 12; // straight pieces of a curve
const STRONGEST = 0.75; // opacity of the densest points
const shading = d3.select("#shading");
const shadingPen = shading.node().getContext("2d", { willReadFrequently: true }); // all by the script

// where the pieces of a curve begin and end, as parts of its four points
const bernstein = Float64Array.from(d3.range(PIECES + 1).flatMap((k) => {
  const [t, s] = [k / PIECES, 1 - k / PIECES];
  return [s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t];
}));

// an empty field of points: `scale`, `x` and `y` place the drawing in it; `all` and `picture` are
// filled anew for each picture, as to make them in each frame keeps the garbage collector busy
function fieldOf(width, height, scale, x, y) {
  const [all, ...counts] = [null, ...data.pairings].map(() => new Uint32Array(width * height));
  const picture = new ImageData(width, height);
  return { width, height, scale, x, y, counts, all, picture, stride: 1, upto: 0 };
}

// adds `by` to all points that the line of edge `i` crosses
function trace(field, i, by) {
  const p = pairingOf[i];
  const c = bend(heads[sourceOf[i]], heads[targetOf[i]], p);
  const { width, height, scale, x: left, y: top } = field;
  const counts = field.counts[p];
  let x = left + scale * c[0];
  let y = top + scale * c[1];
  for (let k = 4; k < bernstein.length; k += 4) {
    const [b0, b1, b2, b3] = [bernstein[k], bernstein[k + 1], bernstein[k + 2], bernstein[k + 3]];
    const nextX = left + scale * (b0 * c[0] + b1 * c[2] + b2 * c[4] + b3 * c[6]);
    const nextY = top + scale * (b0 * c[1] + b1 * c[3] + b2 * c[5] + b3 * c[7]);
    const [right, west] = x < nextX ? [nextX, x] : [x, nextX];
    const [low, high] = y < nextY ? [nextY, y] : [y, nextY];
    if (right >= 0 && west < width && low >= 0 && high < height) {
      const n = Math.ceil(Math.max(right - west, low - high)) || 1;
      const [stepX, stepY] = [(nextX - x) / n, (nextY - y) / n];
      for (let j = 0; j < n; j += 1) {
        if (x >= 0 && x < width && y >= 0 && y < height) counts[(y | 0) * width + (x | 0)] += by;
        x += stepX;
        y += stepY;
      }
    }
    x = nextX;
    y = nextY;
  }
}

// Counts each `stride`th edge of those that are shown as shading, until `until`; true once done.
function countTowards(field, { shaded, end }, until) {
  const { stride } = field;
  const from = shaded ?? end;
  const goal = Math.max(from, end);
  if (goal < field.upto && field.upto - goal > goal - from) empty(field);
  if (goal === from) return true;
  if (field.upto < from) field.upto = Math.ceil(from / stride) * stride;
  for (let steps = 1; field.upto < goal; steps += 1) {
    if (isShown(field.upto)) trace(field, field.upto, 1);
    field.upto += stride;
    if (steps % 32 === 0 && performance.now() > until) return field.upto >= goal;
  }
  for (let steps = 1; field.upto - stride >= goal; steps += 1) {
    field.upto -= stride;
    if (isShown(field.upto)) trace(field, field.upto, -1);
    if (steps % 32 === 0 && performance.now() > until) return field.upto - stride < goal;
  }
  return true;
}
function empty(field) {
  for (const counts of field.counts) counts.fill(0);
  field.upto = 0;
}

// Opacity grows with the lines at a point, relative to the mean of all points that have any.
function pixelsOf({ counts, all, picture }, colors) {
  const pixels = new Uint32Array(picture.data.buffer);
  all.fill(0);
  for (const one of counts) for (let at = 0; at < all.length; at += 1) all[at] += one[at];
  let [sum, points] = [0, 0];
  for (let at = 0; at < all.length; at += 1) {
    sum += all[at];
    if (all[at] > 0) points += 1;
  }
  const mean = sum / (points || 1);
  const opacities = Uint8Array.from({ length: Math.ceil(8 * mean) + 1 },
    (_, n) => 255 * STRONGEST * (1 - Math.exp(-n / (2 * mean || 1))));
  const densest = opacities.length - 1;
  const channels = [0, 1, 2].map((c) => Float64Array.from(colors, (color) => color[c]));
  const [reds, greens, blues] = channels;
  for (let at = 0; at < all.length; at += 1) {
    const n = all[at];
    if (n === 0) {
      pixels[at] = 0;
      continue;
    }
    let red = 0;
    let green = 0;
    let blue = 0;
    for (let p = 0; p < counts.length; p += 1) {
      const own = counts[p][at];
      red += own * reds[p];
      green += own * greens[p];
      blue += own * blues[p];
    }
    const part = 1 / n;
    pixels[at] = (opacities[n < densest ? n : densest] << 24)
      | (blue * part << 16) | (green * part << 8) | red * part;
  }
  return picture;
}

const shadingColors = () => {
  const style = getComputedStyle(document.documentElement);
  return data.pairings.map((_, p) => {
    const { r, g, b } = d3.rgb(style.getPropertyValue(`--p${p}`).trim());
    return [r, g, b];
  });
};
let bare = true; // nothing is on the canvas
const unshaded = () => bare && counted.shaded === null;
function show(field) {
  shadingPen.putImageData(pixelsOf(field, shadingColors()), 0, 0);
  bare = counted.shaded === null;
}

// While the slider moves a sample of the edges is counted, which looks much the same, and all of them
// once it rests.
const SAMPLE = 20_000; // edges at most
const SETTLED = 250; // ms without a change
let rough = null;
let full = null;
let fieldKey = "";
let frame = null;
let settled = null;
let pictured = -Infinity; // when the last picture was

function shade() {
  if (!dense || !ready || !placed.width) return;
  clearTimeout(settled);
  cancelAnimationFrame(frame);
  plane.classed("counting", !unshaded());
  if (unshaded()) return;
  const { width, height, scale, x, y } = placed;
  const key = JSON.stringify([counted.key, placed]);
  if (key !== fieldKey) {
    [rough, full] = [1, 2].map(() => fieldOf(Math.ceil(width / COARSE), Math.ceil(height / COARSE),
      scale / COARSE, x / COARSE, y / COARSE));
    shading.attr("width", full.width).attr("height", full.height)
      .style("width", `${full.width * COARSE}px`).style("height", `${full.height * COARSE}px`);
  }
  fieldKey = key;
  const stride = 2 ** Math.max(0, Math.ceil(Math.log2(Math.max(counted.n - LINES, 1) / SAMPLE)));
  if (rough.stride !== stride) empty(rough);
  rough.stride = stride;
  frame = requestAnimationFrame(shadeRoughly);
}

function shadeRoughly(now) {
  const done = countTowards(rough, counted, performance.now() + SLICE);
  const due = now - pictured >= APART;
  if (due) {
    show(rough);
    pictured = now;
  }
  if (!done || !due) frame = requestAnimationFrame(shadeRoughly);
  else if (rough.stride === 1) plane.classed("counting", false);
  else settled = setTimeout(shadeFully, SETTLED);
}

function shadeFully() {
  if (countTowards(full, counted, performance.now() + SLICE)) showFully();
  else frame = requestAnimationFrame(shadeFully);
}
function showFully() {
  show(full);
  plane.classed("counting", false);
}

// all of it at once, where it is printed
function shadeNow() {
  if (!dense || unshaded()) return;
  shade();
  cancelAnimationFrame(frame);
  countTowards(full, counted, Infinity);
  showFully();
}

// paper is white in any theme
function toPaper(on) {
  if (!dense && !crowded) return;
  if (on) document.documentElement.dataset.theme = "light";
  else applyTheme();
  paint();
  shadeNow();
  if (on) for (const one of [brush, glowPen]) asPixels(one);
}

// While it prints, Chromium repeats what is drawn on a canvas, and its clearing takes all that is below
// off the page. Of a canvas that was read and drawn on again it prints the pixels.
function asPixels(one) {
  if (!one.canvas.width || !one.canvas.height) return;
  const [nothing, reader] = [1, 1].map(() => new OffscreenCanvas(1, 1).getContext("2d"));
  reader.drawImage(one.canvas, 0, 0);
  one.drawImage(nothing.canvas, 0, 0);
  reader.drawImage(one.canvas, 0, 0);
}
