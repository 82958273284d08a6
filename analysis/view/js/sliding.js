// While the slider moves, lines are drawn on a canvas between the bands and the heads: hundreds of
// elements that come and go cost styles, a list to paint and what is painted anew at every step. The
// elements are hidden meanwhile, and are brought up to date and shown when the slider rests.

const RESTS = 400; // ms without a step
const STILLS = { most: 24, pixels: 24e6 }; // pictures kept while it moves, and of what size together
const FRAME = { ms: 20, strokes: 8, lines: 100 }; // at most for it all and for strokes; lines at least

const canvas = d3.select("#lines");
const pen = canvas.node().getContext("2d");
let sliding = false;
let stepped = -Infinity; // when the last step was
let stills = []; // pictures of the first `n` lines, for growing `n`
let part = 0; // lines between two of them
let onCanvas = 0; // the first lines of those shown
let many = FRAME.lines; // lines that the next frame draws
let scratch = null;
let sheet = { place: [], colors: [] };
let ready = false; // once all of the page is there
let resting = null;
let instead = false; // the canvas shows the lines at rest too, as they are too many for elements
let filtersDrawn = null; // what let through the lines on the canvas and in its pictures

// one step alone changes elements; the next one soon after it begins a movement
function slides() {
  const now = performance.now();
  if (!sliding && now - stepped < RESTS) takeSheet();
  stepped = now;
  clearTimeout(resting);
  if (sliding) resting = setTimeout(rests, RESTS);
}

function rests() {
  clearTimeout(resting);
  if (!sliding) return;
  sliding = false;
  instead = shown.length > ELEMENTS;
  if (instead) plane.classed("instead", true);
  else useElements();
  heads.forEach(box);
  plane.classed("sliding", false);
}

// other lines, other colours or another place end the movement
function stopsSliding() {
  rests();
  stepped = -Infinity;
}

function takeSheet() {
  if (crowded) paint();
  else placeSheet();
  if (!instead) takeCanvas();
  if (!crowded) {
    emptySheets([boxesCanvas]);
    drawBoxes(heads);
  }
  sliding = true;
  plane.classed("sliding", true);
}

function takeCanvas() {
  if (filtersDrawn !== counted.key) stills = [];
  filtersDrawn = counted.key;
  emptySheets([canvas]);
  onCanvas = 0;
  many = FRAME.lines;
  scratch = another();
  const size = Math.max(canvas.node().width * canvas.node().height, 1);
  const n = Math.max(Math.min(Math.floor(STILLS.pixels / size), STILLS.most), 2);
  part = Math.max(Math.ceil(Math.min(N, LINES) / n), 100);
}

// other lines than before, or elsewhere, or in other colours
function drawInstead() {
  instead = true;
  plane.classed("instead", true);
  placeSheet();
  takeCanvas();
  drawSliding();
}

// canvases as large as the drawing
function emptySheets(some) {
  for (const one of some) one.attr("width", sheet.width).attr("height", sheet.height);
}

// where and in which colours they are drawn on
function placeSheet() {
  const { width, height, scale, x, y } = placed;
  const dots = devicePixelRatio;
  const style = getComputedStyle(document.documentElement);
  const before = JSON.stringify(sheet);
  sheet = {
    width: Math.round(width * dots),
    height: Math.round(height * dots),
    place: [dots * scale, 0, 0, dots * scale, dots * x, dots * y],
    colors: data.pairings.map((_, p) => style.getPropertyValue(`--p${p}`)),
  };
  if (JSON.stringify(sheet) !== before) stills = []; // the system's colours may have turned
  takeInks(style);
}

// Lines go below those that are there, as the strongest lie on top. To draw them among themselves
// first, weakest first, and then all of them below takes half the time of each below at once.
function stroke(some) {
  const aside = scratch.getContext("2d");
  clear(aside);
  aside.setTransform(...sheet.place);
  aside.lineCap = "round";
  aside.lineJoin = "round";
  for (const edge of some.reverse()) {
    aside.globalAlpha = opacityOf(edge);
    aside.strokeStyle = sheet.colors[edge.pairing];
    aside.lineWidth = widthOf(edge);
    edge.path ??= new Path2D(pathOf(edge));
    aside.stroke(edge.path);
  }
  put(scratch, "destination-over");
}

function clear(on = pen) {
  on.resetTransform();
  on.clearRect(0, 0, canvas.node().width, canvas.node().height);
}

function put(picture, how = "copy", on = pen) {
  on.resetTransform();
  on.globalCompositeOperation = how;
  on.drawImage(picture, 0, 0);
}

function another() {
  const made = document.createElement("canvas");
  [made.width, made.height] = [canvas.node().width, canvas.node().height];
  return made;
}

function keep() {
  const picture = another();
  put(canvas.node(), "copy", picture.getContext("2d"));
  stills.push({ n: onCanvas, picture });
}

// From the last picture that has only lines of these. What a jump has further to draw comes over
// the next frames, the strongest first, as many lines in each as this machine takes.
let more = null;
function drawSliding() {
  cancelAnimationFrame(more);
  const nearest = stills.findLast(({ n }) => n <= shown.length) ?? { n: 0 };
  if (shown.length < onCanvas || onCanvas < nearest.n) {
    if (nearest.picture) put(nearest.picture);
    else clear();
    onCanvas = nearest.n;
  }
  drawSome();
}

function drawSome(before = null) {
  const next = Math.min(shown.length, onCanvas + many);
  const start = performance.now();
  if (next > onCanvas) stroke(shown.slice(onCanvas, next));
  const strokes = performance.now() - start;
  onCanvas = next;
  plane.classed("drawing", onCanvas < shown.length);
  more = requestAnimationFrame((now) => {
    if (onCanvas - (stills.at(-1)?.n ?? 0) >= part) keep();
    if (onCanvas === shown.length) return;
    const slow = strokes > FRAME.strokes || (before && now - before >= FRAME.ms);
    if (slow) many = Math.max(Math.ceil(many / 2), FRAME.lines);
    else if (before && strokes < FRAME.strokes / 2) many *= 2;
    drawSome(now);
  });
}
