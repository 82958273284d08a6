// What happens when somebody moves, types, clicks or presses a key.

function update() {
  stopsSliding();
  const anew = foldAgain();
  const isOpen = (head) => !state.folded.has(head.layer);
  if (stop) remember(isOpen(stop) ? stop : heads.find(isOpen));
  redraw();
  if (anew) labelHeads();
  if (state.theme === inTheme) return;
  inTheme = state.theme;
  inOtherColors();
}
let inTheme = "auto";
function inOtherColors() {
  paint();
  shade();
  if (instead) drawInstead();
}

function redraw() {
  draw();
  tellFound(mark());
  tellControls();
  tellDetail();
  applyTheme();
  afterwards();
}

// browsers limit how often a page may change its address, and a slider moves often
let waiting;
function afterwards() {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    listRest();
    labelHeads();
    keepInAddress();
  }, 150);
}

function applyTheme() {
  if (state.theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = state.theme;
}

// the drawing is one stop of the Tab key: the head that had it last
let stop = heads[0];
function remember(head) {
  if (!head) return; // an empty answer has none
  nodes[stop.i]?.setAttribute("tabindex", -1);
  nodeOf(head).setAttribute("tabindex", 0);
  stop = head;
}

function focusHead(head) {
  remember(head);
  bringIntoSight(head);
  nodeOf(head).focus({ preventScroll: true });
}

function select(head) {
  state.head = head;
  remember(head);
  update();
}

const headOf = (event) => d3.select(event.target.closest(".head")).datum();
boxes.on("click", (event) => {
  event.stopPropagation();
  const head = headOf(event);
  select(state.head === head ? null : head);
}).on("focusin", (event) => {
  tellPixel(".head:focus");
  if (!event.target.matches(".head:focus-visible")) return;
  const box = event.target.getBoundingClientRect();
  tellHead(headOf(event), box.right, box.bottom);
}).on("focusout", hideTip);
svg.on("click", (event) => {
  const [x, y] = d3.pointer(event, root.node());
  const head = crowded ? headAt(x, y) : null;
  if (head) select(state.head === head ? null : head);
  else if (!foldable || !turnRow(x, y)) select(null);
});

// a click on the name of a layer folds it, and a click on a strip brings its layers back
function turnRow(x, y) {
  const row = rowAt(y);
  if (!row || (!row.folded && x > NAMES_END)) return false;
  for (let layer = row.first; layer <= row.last; layer += 1) {
    if (row.folded) state.folded.delete(layer);
    else state.folded.add(layer);
  }
  unselectFolded();
  update();
  return true;
}

function unselectFolded() {
  if (state.head && state.folded.has(state.head.layer)) state.head = null;
}

const STEPS = {
  ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [1, 0], ArrowDown: [-1, 0],
  Home: [0, -Infinity], End: [0, Infinity],
};
boxes.on("keydown", (event) => {
  const head = d3.select(event.target).datum();
  if (!head || event.ctrlKey || event.metaKey || event.altKey) return;
  const within = (value, n) => Math.max(0, Math.min(n - 1, value));
  if (event.key in STEPS) {
    const [up, across] = STEPS[event.key];
    let layer = within(head.layer + up, data.n_layers);
    while (state.folded.has(layer) && within(layer + up, data.n_layers) !== layer) layer += up;
    if (state.folded.has(layer)) layer = head.layer;
    focusHead(heads[layer * data.n_heads + within(head.head + across, data.n_heads)]);
  } else if (event.key === "Enter" || event.key === " ") {
    select(state.head === head ? null : head);
  } else return;
  event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches?.("input[type=search]");
  if (event.key === "Escape") {
    hideTip();
    state.find = "";
    select(null);
  } else if (event.key === "/" && !typing) {
    event.preventDefault();
    d3.select("#find").node().focus();
  }
});

slider.on("input", (event) => {
  state.step = Number(event.target.value);
  slides();
  redraw();
});
d3.select("#folded").on("change", (event) => {
  state.folded = layersIn(event.target.value);
  unselectFolded();
  event.target.value = "";
  update();
});
d3.select("#find").on("input", (event) => {
  state.find = event.target.value;
  tellFound(mark());
  afterwards();
}).on("keydown", (event) => {
  const [head] = event.key === "Enter" ? matches(state.find) : [];
  if (head) goTo(head);
});

d3.select("#save").on("click", save);
d3.select("#reset").on("click", () => {
  state = { ...first(), theme: state.theme };
  stage.call(zooming.transform, d3.zoomIdentity);
  update();
});
d3.select("#theme").on("click", () => {
  const order = ["auto", "light", "dark"];
  state.theme = order[(order.indexOf(state.theme) + 1) % order.length];
  update();
});
d3.select("#closer").on("click", () => stage.call(zooming.scaleBy, 1.5));
d3.select("#farther").on("click", () => stage.call(zooming.scaleBy, 1 / 1.5));
d3.select("#whole").on("click", () => stage.call(zooming.transform, d3.zoomIdentity));

function restore(address) {
  state = fromHash(new URL(address).hash.slice(1));
  update();
}
// by the time of this event, an earlier change may have written its own state into the address
addEventListener("hashchange", (event) => restore(event.newURL));
addEventListener("beforeprint", () => { // on paper lines are elements, and canvases in its colours
  rests();
  useElements();
  listRest();
  fitPaper();
  toPaper(true);
});
addEventListener("afterprint", () => {
  toPaper(false);
  drawLines();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", inOtherColors);
restore(location.href);
ready = true;
paint();
shade();
labelHeads();
remember(state.head);
