// What is shown now, and what of it is marked.

let shown = [];
let edgesOf = new Map(); // shown edges by head, strongest first

function draw() {
  shown = shownEdges();
  edgesOf = new Map();
  for (const edge of shown) {
    for (const head of new Set([edge.source, edge.target])) {
      if (edgesOf.has(head)) edgesOf.get(head).push(edge);
      else edgesOf.set(head, [edge]);
    }
  }
  countEdges(shown);
  drawLines(shown);
}

// the selected head with its neighbours, and what the search found
const FEW = 300; // lines of heads found: more of them would be the graph again
let pressed = null;
function mark() {
  const { head } = state;
  const found = new Set(matches(state.find));
  const lit = head ? [head] : [...found];
  let near = [...new Set(lit.flatMap((one) => edgesOf.get(one) ?? []))];
  if (!head && near.length > FEW) near = [];
  drawAbove(near);
  plane.classed("picked", head !== null).classed("searching", found.size > 0);
  only("near", new Set([...near.flatMap((edge) => [edge.source, edge.target]), ...lit]));
  only("chosen", new Set(head ? [head] : []));
  only("found", found);
  if (pressed) nodes[pressed.i].setAttribute("aria-pressed", "false");
  if (head) nodes[head.i].setAttribute("aria-pressed", "true");
  pressed = head;
  return found;
}
