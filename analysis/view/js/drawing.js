// What is shown now, and what of it is marked.

let shown = [];
let byHead = null;

function draw() {
  shown = shownEdges();
  byHead = null;
  countEdges(shown);
  drawLines();
}

// shown edges of a head, strongest first
function edgesOf(head) {
  if (!byHead) {
    byHead = new Map(heads.map((one) => [one, []]));
    for (const edge of shown)
      for (const one of new Set([edge.source, edge.target])) byHead.get(one).push(edge);
  }
  return byHead.get(head);
}

// the selected head with its neighbours, and what the search found
const FEW = 300; // lines of heads found: more of them would be the graph again
let pressed = null;
function mark() {
  const { head } = state;
  const matched = matches(state.find);
  const found = new Set(matched.length < heads.length ? matched : []); // all are none in particular
  const wanted = head ? [head] : [...found];
  let near = [...new Set(wanted.flatMap((one) => edgesOf(one)))];
  if (!head && near.length > FEW) near = [];
  drawAbove(near);
  plane.classed("picked", head !== null).classed("searching", found.size > 0);
  lit = {
    near: new Set([...near.flatMap((edge) => [edge.source, edge.target]), ...wanted]),
    found,
    chosen: head,
  };
  light();
  if (pressed) nodes[pressed.i].setAttribute("aria-pressed", "false");
  if (head) nodes[head.i].setAttribute("aria-pressed", "true");
  pressed = head;
  return matched.length;
}
