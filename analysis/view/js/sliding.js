// While the slider moves, lines are drawn on a canvas between the bands and the heads: hundreds of
// elements that come and go cost styles, a list to paint and several layers anew at every step. The
// elements are kept up to date and hidden meanwhile, and are shown again when the slider rests.

const RESTS = 400; // ms without a step
const STILLS = { most: 12, pixels: 24e6 }; // pictures kept while it moves, and of what size together

const canvas = d3.select("#lines");
const pen = canvas.node().getContext("2d");
let sliding = false;
let stepped = -Infinity; // when the last step was
let stills = []; // the first `part` lines, the first 2 `part` lines, ...
let part = 0;
let sheet = { place: [], colors: [] };
let resting = null;

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
  if (sliding) plane.classed("sliding", false);
  sliding = false;
  stills = [];
}

function takeSheet() {
  const { offsetWidth: width, offsetHeight: height } = plane.node();
  const dots = devicePixelRatio;
  canvas.attr("width", Math.round(width * dots)).attr("height", Math.round(height * dots));
  const size = Math.max(canvas.node().width * canvas.node().height, 1);
  const n = Math.max(Math.min(Math.floor(STILLS.pixels / size), STILLS.most), 2);
  part = Math.max(Math.ceil(edges.length / n), 100);
  const { a, e, f } = root.node().getCTM();
  const style = getComputedStyle(document.documentElement);
  sheet = {
    place: [dots * a, 0, 0, dots * a, dots * e, dots * f],
    colors: data.pairings.map((_, p) => style.getPropertyValue(`--p${p}`)),
  };
  sliding = true;
  plane.classed("sliding", true);
}

// Each line goes below those that are there: the strongest lie on top.
function stroke(some) {
  pen.setTransform(...sheet.place);
  pen.lineCap = "round";
  pen.globalCompositeOperation = "destination-over";
  for (const edge of some) {
    pen.globalAlpha = opacityOf(edge);
    pen.strokeStyle = sheet.colors[edge.pairing];
    pen.lineWidth = widthOf(edge);
    edge.path ??= new Path2D(pathOf(edge));
    pen.stroke(edge.path);
  }
}

function put(picture, on = pen) {
  on.resetTransform();
  on.globalAlpha = 1;
  on.globalCompositeOperation = "copy";
  on.drawImage(picture, 0, 0);
}

function still() {
  const copy = document.createElement("canvas");
  [copy.width, copy.height] = [canvas.node().width, canvas.node().height];
  put(canvas.node(), copy.getContext("2d"));
  return copy;
}

// From the last picture that has only lines of these: a jump costs no more than a step.
function drawSliding(shown) {
  const whole = Math.floor(shown.length / part);
  const from = Math.min(whole, stills.length);
  if (from) put(stills[from - 1]);
  else {
    pen.resetTransform();
    pen.clearRect(0, 0, canvas.node().width, canvas.node().height);
  }
  for (let i = from; i < whole; i += 1) {
    stroke(shown.slice(i * part, (i + 1) * part));
    stills.push(still());
  }
  stroke(shown.slice(whole * part));
}
