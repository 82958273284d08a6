// The picture as it is now, as an SVG file that needs neither this page nor its style.

const KEPT = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity",
  "stroke-linecap", "stroke-linejoin", "font-size",
  "font-family", "font-weight", "text-anchor"];
const SVG = "http://www.w3.org/2000/svg";
const MARGIN = 20;

function make(tag, attributes, text = "") {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
}

// what the page's style says of each part, written on the part
function styled(original) {
  const copy = original.cloneNode(true);
  const parts = "path, rect, circle, text";
  const theirs = [...original.querySelectorAll(parts)];
  [...copy.querySelectorAll(parts)].forEach((part, i) => {
    const style = getComputedStyle(theirs[i]);
    const unseen = style.visibility === "hidden" || (style.fill === "none" && style.stroke === "none");
    if (unseen || theirs[i].matches(".sharpens")) part.remove();
    else for (const name of KEPT) part.setAttribute(name, style.getPropertyValue(name));
    part.removeAttribute("style");
  });
  return copy;
}

function copied() {
  const copy = make("g", {});
  for (const part of [bands, shading, lines, above, boxes, copies]) {
    const own = part.node();
    if (part === shading) {
      if (counted.n > LINES) copy.append(shadingImage());
      continue;
    }
    if (part === boxes && crowded) copy.append(drawnHeads(heads, boxesCanvas));
    if (part === copies && crowded) copy.append(drawnHeads(glowing, glowCanvas));
    const drawing = own.closest("svg");
    const group = styled(own);
    group.removeAttribute("transform");
    group.setAttribute("class", own.getAttribute("class") ?? drawing.getAttribute("class"));
    group.setAttribute("opacity", getComputedStyle(drawing).opacity);
    copy.append(group);
  }
  for (const head of copy.querySelectorAll("g.head"))
    for (const name of ["tabindex", "role", "aria-pressed", "style"]) head.removeAttribute(name);
  return copy;
}

// the shading of the whole drawing, wherever the page is zoomed to
const SHARP = 800; // points across, which half a million lines take a second to fill
function shadingImage() {
  const scale = SHARP / data.width;
  const all = fieldOf(SHARP, Math.ceil(scale * data.height), scale, 0, 0);
  countTowards(all, counted, Infinity);
  const sheet = document.createElement("canvas");
  [sheet.width, sheet.height] = [all.width, all.height];
  sheet.getContext("2d").putImageData(pixelsOf(all, shadingColors()), 0, 0);
  // with the name `href` this page would load it, which its policy forbids
  return make("image", { "data-href": sheet.toDataURL(), width: data.width, height: all.height / scale,
    opacity: getComputedStyle(shading.node()).opacity });
}

// the heads of a crowded page, which are on a canvas and not among the elements, as they are there
function drawnHeads(some, canvas) {
  const name = some === heads ? "heads" : "glow";
  const group = make("g", { class: name, opacity: getComputedStyle(canvas.node()).opacity });
  for (const head of some) {
    if (state.folded.has(head.layer)) continue;
    if (!head.touched) group.append(dotOf(head));
    else group.append(...(words.seen ? boxOf(head) : [speckOf(head)]));
  }
  return group;
}
const dotOf = (head) => make("circle", { cx: head.x, cy: head.y, r: radiusOf(head),
  fill: inks.roles[head.roles[0]] ?? inks.faint });
const speckOf = (head) => make("rect", { ...speckPlace(head), fill: inks.roles[head.roles[0]] ?? inks.muted });
function boxOf(head) {
  const size = nameSize(head);
  return [
    make("rect", { x: leftOf(head), y: topOf(head), width: BOX.width, height: BOX.height, rx: 5,
      fill: inks.roles[head.roles[0]] ?? inks.plain, stroke: inks.ink, "stroke-width": 0.8 }),
    ...furtherRoles(head).map(({ role, ...place }) => make("rect", { class: "stripe", ...place,
      fill: inks.roles[role], stroke: inks.ink, "stroke-width": 0.4 })),
    make("text", { x: head.x + asideOf(head), y: head.y + 0.34 * size, "text-anchor": "middle",
      "font-size": `${size}px`, "font-weight": nameWeight(head), "font-family": words.family,
      fill: inks.onRoles[head.roles[0]] ?? inks.ink }, head.name),
  ];
}

// words as lines that fit a width
function wrapped(words, width) {
  const lines = [""];
  for (const word of words.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (lines.at(-1) && 6.2 * longer.length > width) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

// what is shown, its filters, and what it is read against
function captions() {
  const shares = [...decoyShares()].filter(([p]) => state.pairings.has(p)).sort(([p], [q]) => p - q)
    .map(([p, share]) => `${data.pairings[p].name} ${shareWords(p, share)}`);
  return [
    `${data.title}: ${amountWords()}`,
    `Filters: ${filterWords()}.`,
    foldable && undrawnWords() ? `Drawn: ${undrawnWords()}.` : "",
    `An arrow runs from the head that writes to a head that could read it; the wider, ${data.words.width}. `
      + "It does not mean that this happens on any text.",
    chanceWords(),
    shares.length ? `${DECOYS}: ${shares.join(", ")}.` : "",
    `Projection Kernel (PK), arXiv:2601.10266; headgraph ${data.version}.`,
  ].filter(Boolean);
}

// pairings and roles that are in the picture, in their colours, as many to a row as fit
function legend(top, width) {
  const group = make("g", { class: "legend" });
  const roles = new Set(heads.filter((head) => head.in + head.out).flatMap((head) => head.roles));
  const pairings = new Set([...counted.per.keys()].filter((p) => counted.per[p]));
  const look = (selector) => getComputedStyle(document.querySelector(selector)).backgroundColor;
  const entries = [
    ...[...pairings].sort(d3.ascending).map((p) => [`#pairings i.p${p}`,
      `${data.pairings[p].name} ${data.pairings[p].meaning}`]),
    ...[...roles].sort((a, b) => a - b).map((r) => [`#roles i.r${r}`, data.roles[r].label]),
    [null, "box: a head with an edge here; dot: a head without"],
  ];
  let [x, y] = [0, top];
  for (const [selector, words] of entries) {
    const long = 22 + 6.6 * words.length;
    if (x && x + long > width) [x, y] = [0, y + 18];
    const wide = selector?.startsWith("#pairings");
    if (!selector) group.append(make("text", { x, y, ...written11("--muted") }, words));
    else group.append(
      make("rect", { x, y: y - (wide ? 6 : 9), width: wide ? 16 : 11, height: wide ? 4 : 11,
        rx: wide ? 2 : 3, fill: look(selector) }),
      make("text", { x: x + (wide ? 21 : 16), y, ...written11("--ink") }, words),
    );
    x += long + 12;
  }
  return { group, bottom: y };
}

const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const written11 = (color) => ({ fill: variable(color), "font-size": "11px",
  "font-family": getComputedStyle(document.body).fontFamily });

// words and legend below the drawing, as large beside it as the names on its axes
function standalone() {
  const font = Number(bands.attr("font-size"));
  const drawing = sizeWith(font);
  const unit = font / 11;
  const words = captions();
  const lines = words.flatMap((caption) => wrapped(caption, drawing.width / unit));
  const { group, bottom } = legend(14 + 16 * lines.length + 8, drawing.width / unit);
  const [width, height] = [drawing.width + 2 * MARGIN, drawing.height + unit * bottom + 2 * MARGIN];
  const graph = copied();
  graph.setAttribute("transform", `translate(${drawing.left},0)`);
  const inside = make("g", { transform: `translate(${MARGIN},${MARGIN})` });
  const texts = lines.map((line, i) => make("text", { y: 14 + 16 * i, ...written11("--muted") }, line));
  const under = make("g", { transform: `translate(0,${drawing.height}) scale(${unit})` });
  under.append(...texts, group);
  inside.append(graph, under);
  const file = make("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" });
  file.append(make("title", {}, data.title), make("desc", {}, words.join(" ")),
    make("rect", { width, height, fill: getComputedStyle(document.body).backgroundColor }), inside);
  return new XMLSerializer().serializeToString(file)
    .replace(/ data-(href="data:image)/, " $1");
}

function save() {
  rests();
  if (instead) layOut();
  const file = new Blob([standalone()], { type: "image/svg+xml" });
  const address = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = address;
  link.download = `${data.title.replace(/[^\w.-]+/g, "-").slice(0, 80) || "heads"}.svg`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
