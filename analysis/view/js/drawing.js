// What is shown now, and what of it is marked.

let shown = []; // edges drawn as lines
let byHead = new Map();

function draw() {
  if (!count()) return;
  shown = counted.lines.map(edgeAt);
  byHead = new Map();
  countEdges();
  drawLines();
  shade();
}

// shown edges of a head, strongest first
function edgesOf(head) {
  if (!byHead.has(head)) {
    const own = [];
    for (const i of edgesAround(head)) {
      if (i >= counted.end) break;
      if (isShown(i)) own.push(edgeAt(i));
    }
    byHead.set(head, own);
  }
  return byHead.get(head);
}

// the selected head with its neighbours, and what the search found
const FEW = 300; // lines of heads found: more of them would be the graph again
const NEAR = 1000; // lines of the selected head and of the head under the pointer
let pressed = null;
function mark() {
  const { head } = state;
  const matched = matches(state.find);
  const found = new Set(matched.length < heads.length ? matched : []); // all are none in particular
  const wanted = head ? [head] : [...found];
  let near = [];
  if (head || d3.sum(wanted, (one) => one.in + one.out) <= 2 * FEW) // each is counted twice at most
    near = [...new Set(wanted.flatMap((one) => edgesOf(one)))].slice(0, NEAR);
  if (!head && near.length > FEW) near = [];
  drawAbove(near);
  plane.classed("picked", head !== null).classed("searching", found.size > 0);
  lit = {
    near: new Set([...near.flatMap((edge) => [edge.source, edge.target]), ...wanted]),
    found,
    chosen: head,
  };
  light();
  if (pressed) nodes[pressed.i]?.setAttribute("aria-pressed", "false");
  if (head) nodeOf(head).setAttribute("aria-pressed", "true");
  pressed = head;
  return matched.length;
}
