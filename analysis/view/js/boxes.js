// Heads while the slider moves: on a canvas too, as a step that touches one head would have a browser
// walk through all of them. The elements stay where they are, unseen, and can be clicked. On a
// crowded page the canvas always shows the heads.

const boxesCanvas = d3.select("#boxes");
const glowCanvas = d3.select("#glow");
const [brush, glowPen] = [boxesCanvas, glowCanvas].map((one) => one.node().getContext("2d"));
let pencil = brush; // the one that draws now
let inks = {};
let words = {};

function takeInks(style) {
  const color = (name) => style.getPropertyValue(`--${name}`);
  const [roles, onRoles] = ["r", "k"].map((kind) => data.roles.map((_, r) => color(kind + r)));
  inks = { roles, onRoles, plain: color("plain"), ink: color("ink"), faint: color("faint"),
    muted: color("muted") };
  const seen = !plane.classed("tiny") || plane.classed("closer");
  words = { family: getComputedStyle(document.body).fontFamily, seen };
}

function drawDot(head) {
  const r = radiusOf(head);
  pencil.fillStyle = inks.roles[head.roles[0]] ?? inks.faint;
  if (crowded && !words.seen) { // a pixel or less, for which a rectangle takes a fifth of the time
    pencil.fillRect(head.x - r, head.y - r, 2 * r, 2 * r);
    return;
  }
  pencil.beginPath();
  pencil.arc(head.x, head.y, r, 0, 2 * Math.PI);
  pencil.fill();
  if (!head.roles.length) return;
  [pencil.strokeStyle, pencil.lineWidth] = [inks.muted, 0.7];
  pencil.stroke();
}

function drawBox(head) {
  const [x, y] = [leftOf(head), topOf(head)];
  pencil.strokeStyle = inks.ink;
  const shape = (fill, line, ...place) => {
    pencil.beginPath();
    pencil.roundRect(...place);
    [pencil.fillStyle, pencil.lineWidth] = [fill, line];
    pencil.fill();
    pencil.stroke();
  };
  shape(inks.roles[head.roles[0]] ?? inks.plain, 0.8, x, y, BOX.width, BOX.height, 5);
  for (const { role, ...place } of furtherRoles(head))
    shape(inks.roles[role], 0.4, place.x, place.y, place.width, place.height, 0);
  if (!words.seen) return;
  const size = nameSize(head);
  pencil.font = `${nameWeight(head)} ${size}px ${words.family}`;
  pencil.textAlign = "center";
  pencil.fillStyle = inks.onRoles[head.roles[0]] ?? inks.ink;
  pencil.fillText(head.name, head.x + asideOf(head), head.y + 0.34 * size);
}

// where names cannot be read, a box is a few pixels, and a whole row of boxes would be one line
function speckPlace(head) {
  const width = head.roles.length ? BOX.width : BOX.height;
  return { x: head.x - width / 2, y: topOf(head), width, height: BOX.height };
}
function drawSpeck(head) {
  const { x, y, width, height } = speckPlace(head);
  pencil.fillStyle = inks.roles[head.roles[0]] ?? inks.muted;
  pencil.fillRect(x, y, width, height);
}

function drawBoxes(some, on = brush) {
  if (!sheet.place.length) return; // nothing has been painted yet
  pencil = on;
  pencil.setTransform(...sheet.place);
  for (const head of some) {
    if (state.folded.has(head.layer)) continue;
    // what a box covers belongs to its head alone
    pencil.clearRect(leftOf(head) - 1, topOf(head) - 1, BOX.width + 2, BOX.height + 2);
    if (!head.touched) drawDot(head);
    else if (crowded && !words.seen) drawSpeck(head);
    else drawBox(head);
  }
}

// On a crowded page, heads that stand out are drawn again above the others, which fade as a whole.
let glowing = [];
function glow(some) {
  if (!some.length && !glowing.length) return;
  glowing = some;
  glowPen.resetTransform();
  glowPen.clearRect(0, 0, sheet.width, sheet.height);
  drawBoxes(glowing, glowPen);
}

// all heads of a crowded page, after it has moved or its colours have changed
let painted = "";
function paint() {
  if (!crowded || !ready) return;
  placeSheet();
  const key = JSON.stringify([sheet, inks, words, asRanges(state.folded)]);
  if (key === painted) return;
  painted = key;
  emptySheets([boxesCanvas, glowCanvas]);
  drawBoxes(heads);
  glow(glowing);
}
