// Heads while the slider moves: on a canvas too, as a step that touches one head would have a browser
// walk through all of them. The elements stay where they are, unseen, and can be clicked.

const boxesCanvas = d3.select("#boxes");
const brush = boxesCanvas.node().getContext("2d");
let inks = {};
let words = {};

function takeInks(style) {
  const color = (name) => style.getPropertyValue(`--${name}`);
  const [roles, onRoles] = ["r", "k"].map((kind) => data.roles.map((_, r) => color(kind + r)));
  inks = { roles, onRoles, plain: color("plain"), ink: color("ink"), faint: color("faint"),
    muted: color("muted") };
  const { fontFamily, display } = getComputedStyle(node.select("text").node());
  words = { family: fontFamily, seen: display !== "none" };
}

function drawDot(head) {
  brush.beginPath();
  brush.arc(head.x, head.y, radiusOf(head), 0, 2 * Math.PI);
  brush.fillStyle = inks.roles[head.roles[0]] ?? inks.faint;
  brush.fill();
  if (!head.roles.length) return;
  [brush.strokeStyle, brush.lineWidth] = [inks.muted, 0.7];
  brush.stroke();
}

function drawBox(head) {
  const [x, y] = [leftOf(head), topOf(head)];
  brush.strokeStyle = inks.ink;
  const shape = (fill, line, ...place) => {
    brush.beginPath();
    brush.roundRect(...place);
    [brush.fillStyle, brush.lineWidth] = [fill, line];
    brush.fill();
    brush.stroke();
  };
  shape(inks.roles[head.roles[0]] ?? inks.plain, 0.8, x, y, BOX.width, BOX.height, 5);
  head.roles.slice(1, 3).forEach((role, i) =>
    shape(inks.roles[role], 0.4, x + BOX.width - 5 - 4 * i, y + 3, 3, BOX.height - 6, 0));
  if (!words.seen) return;
  const size = isLong(head) ? 9 : 10.5;
  brush.font = `${head.roles.length ? 600 : 400} ${size}px ${words.family}`;
  brush.textAlign = "center";
  brush.fillStyle = inks.onRoles[head.roles[0]] ?? inks.ink;
  brush.fillText(head.name, head.x + asideOf(head), head.y + 0.34 * size);
}

// what a box covers belongs to its head alone
function drawBoxes(some) {
  brush.setTransform(...sheet.place);
  for (const head of some) {
    brush.clearRect(leftOf(head) - 1, topOf(head) - 1, BOX.width + 2, BOX.height + 2);
    if (head.touched) drawBox(head);
    else drawDot(head);
  }
}
