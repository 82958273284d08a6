// The controls beside the graph, and what they say of it.

const detail = d3.select("#detail");
const plural = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;
const slider = d3.select("#threshold").attr("max", Math.max(data.places.length - 1, 0));

function toggles(into, items, chosen) {
  const label = d3.select(into).selectAll("label").data(items).join("label").attr("title", (d) => d.title);
  label.append("input").attr("type", "checkbox").attr("value", (d) => d.name)
    .on("change", (event, d) => {
      if (event.target.checked) chosen().add(d.key);
      else chosen().delete(d.key);
      update();
    });
  label.append("i").attr("class", (d) => d.look);
  label.append("span").text((d) => d.text);
  label.append("b");
}

toggles("#pairings", data.pairings.map((pairing, key) => ({
  key, name: pairing.name, text: `${pairing.name} ${pairing.meaning}`, look: `line p${key}`,
  title: pairing.meaning,
})), () => state.pairings);
d3.selectAll("#pairings label").append("small");
const side = d3.select("#side").on("change", (event) => {
  state.side = event.target.value;
  update();
});
const NOTHING = (heads.length ? "There is no edge here." : "The answer has no heads to draw.")
  + (data.n_layers === 1 && heads.length > 1 ? " In one layer no head reads what another writes." : "");
const LISTED = 50; // edges of a head in each list
const noRole = { key: NO_ROLE, name: "none", text: "no known role", look: "chip r-", title: "" };
const bearers = d3.rollup(heads.flatMap(rolesOf), (list) => list.length, (role) => role);
toggles("#roles", [
  ...data.roles.map((role, key) => ({
    key, name: role.name, text: role.label, look: `chip r${key}`, title: `${role.name}: ${plural(bearers.get(key) ?? 0, "head")}`,
  })),
  ...(data.roles.length && heads.some((head) => rolesOf(head).includes(NO_ROLE)) ? [noRole] : []),
], () => state.roles);
d3.select("#roles").attr("hidden", data.roles.length ? null : "");
d3.select("#pairings").attr("hidden", data.pairings.length ? null : "");
d3.selectAll("#roles b").text((d) => (bearers.get(d.key) ?? 0).toLocaleString("en"));

function tellControls() {
  const set = (id, chosen) => d3.selectAll(`${id} input`)
    .property("checked", (d) => chosen.has(d.key));
  set("#pairings", state.pairings);
  set("#roles", state.roles);
  d3.selectAll("#pairings b").text((d) => counted.per[d.key].toLocaleString("en"));
  const words = amountWords();
  tellMarks();
  slider.property("value", state.step).attr("aria-valuetext", words)
    .property("disabled", data.places.length < 2);
  d3.select("#amount").text(words);
  side.property("value", state.side);
  if (d3.select("#find").property("value") !== state.find)
    d3.select("#find").property("value", state.find);
  d3.select("#theme").text(`Theme: ${state.theme}`);
  tellUndrawn();
  d3.select("#nothing").attr("hidden", shown.length ? "hidden" : null)
    .text(N ? "No edge passes these filters." : NOTHING);
}

function amountWords() {
  const place = data.places[state.step] ?? 0;
  const { n, least } = counted;
  const all = n < N ? `${n.toLocaleString("en")} of ` : "";
  return (place ? data.words.amount.replace("N", place.toLocaleString("en")) : "")
    + all + plural(N, "edge") + (n ? `, ${data.words.pk}\u00a0≥\u00a0${written(least)}` : "");
}

// how the edges of a large page are drawn, and which are not
function undrawnWords() {
  const { n, behind } = counted;
  const closed = state.folded.size;
  return [
    n > LINES && `${LINES.toLocaleString("en")} strongest as lines, the other ${(n - LINES).toLocaleString("en")} as shading`,
    closed && `not drawn: ${plural(closed, "folded layer")}, ${plural(closed * data.n_heads, "head")}, ${plural(behind, "edge")}`,
  ].filter(Boolean).join("; ");
}
function tellUndrawn() {
  if (!foldable) return;
  const ranges = d3.select("#folded");
  if (ranges.node() !== document.activeElement || !ranges.property("value"))
    ranges.property("value", asRanges(state.folded).replaceAll(",", ", "));
  d3.select("#undrawn").text(undrawnWords());
}
d3.select("#folding").attr("hidden", foldable ? null : "");

// what PK is read against: chance, the maximum, and the decoys among pairs this strong
function chanceWords() {
  const marks = data.chance.map((mark, p) => mark
    && [`${written(mark[0])} (sd ${d3.format(".2g")(mark[1])})`, data.pairings[p].name]).filter(Boolean);
  if (!marks.length) return "";
  const names = d3.rollups(marks, (own) => own.map((mark) => mark[1]).join(", "), (mark) => mark[0]);
  const levels = names.map(([level, own]) => (names.length > 1 ? `${own} ${level}` : level));
  const most = d3.max(data.chance, (mark) => mark?.[2]);
  return `PK of random subspaces: ${levels.join("; ")}; maximum ${written(most)}. `
    + "Trained heads can exceed the random value without any function.";
}
const DECOYS = "Backward pairs as strong (decoys, not drawn), per pair this strong";
const DECOYS_MEAN = "They can carry nothing: a rough estimate of how many of the pairs this strong mean nothing.";

function tellMarks() {
  const shares = decoyShares();
  const { last } = counted;
  d3.selectAll("#pairings small").text((d) => [
    last[d.key] >= 0 && `${data.words.pk} ≥ ${written(figures.pk[last[d.key]])}`,
    shares.has(d.key) && `decoys ${shareWords(d.key, shares.get(d.key))}`,
  ].filter(Boolean).join(", "));
  const words = [chanceWords(), shares.size ? `Percentages: ${DECOYS[0].toLowerCase()}${DECOYS.slice(1)}. ${DECOYS_MEAN}` : ""].filter(Boolean).join(" ");
  d3.select("#marks").attr("hidden", words ? null : "").text(words);
}

// the filters in words, for the saved picture
function filterWords() {
  const off = state.pairings.size < data.pairings.length;
  const names = [...state.pairings].sort(d3.ascending).map((p) => data.pairings[p].name);
  const roles = [...state.roles].map((role) => data.roles[role]?.label ?? noRole.text);
  const { head } = state;
  return [
    off && `pairings ${names.join(", ") || "none"}`,
    state.roles.size && `edges ${SIDES[state.side]} heads with ${roles.join(" or ")}`,
    state.folded.size && foldedWords(rowsOf(state.folded)),
    head && `${head.name} selected${head.derived ? ` (derived: ${head.derived})` : ""}: ${plural(head.in, "edge")} in, ${head.out.toLocaleString("en")} out`,
    state.find.trim() && `search for “${state.find.trim()}”`,
  ].filter(Boolean).join("; ") || "none";
}

function tellFound(found) {
  d3.select("#found").text(state.find.trim() ? (found ? plural(found, "head") : "no such head") : "");
}

function goTo(head) {
  hideTip(); // what it stood beside is gone
  state.head = head;
  update();
  focusHead(head);
}

// Rows of the two lists stay while another head is clicked, and only their words change: to make
// elements anew takes half of a click's frame. Rows below what is in sight come once the page rests;
// their room is kept.
const IN_SIGHT = 36;
const about = detail.append("div");
const lists = ["source", "target"].map((end) => {
  const box = d3.create("div");
  const [title, items, more] = ["h3", "ul", "p"].map((tag) => box.append(tag));
  return { end, box, title, items, more, rest: [] };
});
const blank = d3.create("li").attr("class", "edge-row");
const blankButton = blank.append("button").attr("type", "button");
for (const tag of ["i", "span", "strong", "em", "b"])
  blankButton.append(tag).node().append(document.createTextNode(""));

function fillRow(row, edge, other, pk) {
  const [line, ...words] = row.firstChild.children;
  line.className = `line p${edge.pairing}`;
  const said = [data.pairings[edge.pairing].name, other.name, roleWords(other), pk];
  words.forEach((part, k) => { part.firstChild.nodeValue = said[k]; });
  d3.select(row).datum({ edge, other });
}
const rowAround = (node) => node?.closest?.("#detail .edge-row") ?? null;
detail.on("click", (event) => {
  const row = rowAround(event.target);
  if (row) goTo(d3.select(row).datum().other);
}).on("pointerover focusin", (event) => {
  const row = rowAround(event.target);
  if (!row || row === rowAround(event.relatedTarget)) return;
  const box = row.getBoundingClientRect();
  tellEdge(d3.select(row).datum().edge, box.left - 260, box.top);
}).on("pointerout focusout", (event) => {
  const row = rowAround(event.target);
  if (row && row !== rowAround(event.relatedTarget)) hideTip();
});

// the first `n` rows of a list, and the others where the page rests
function list({ end, box, title, items, more, rest }, words, edges, n) {
  if (!box.node().isConnected) detail.append(() => box.node());
  title.text(`${words} (${plural(edges.length, "edge")} shown)`);
  const show = inColumn(edges.map((edge) => figures.pk[edge.i]));
  const listed = edges.slice(0, LISTED);
  const sheet = items.style("--rows", listed.length).node();
  while (sheet.children.length > Math.min(n, listed.length)) sheet.lastChild.remove();
  const fill = (edge, k) => fillRow(sheet.children[k] ?? sheet.appendChild(blank.node().cloneNode(true)),
    edge, edge[end], show(figures.pk[edge.i]));
  listed.slice(0, n).forEach(fill);
  rest.splice(0, rest.length, ...listed.slice(n).map((edge, k) => () => fill(edge, n + k)));
  const left = edges.length - LISTED;
  more.text(left > 0 ? `and ${plural(left, "weaker edge")}` : "");
}
function listRest() {
  for (const { rest } of lists) for (const fill of rest.splice(0)) fill();
}
function listNothing({ box, rest }) {
  box.remove();
  rest.length = 0;
}

// a head's edges come first in the panel, as they are what was clicked for
function tellDetail() {
  about.node().replaceChildren();
  const { head } = state;
  const panel = detail.node().parentNode;
  if (head && panel.firstElementChild !== detail.node()) {
    panel.prepend(detail.node());
    panel.scrollTop = 0;
  } else if (!head) panel.append(detail.node());
  if (head === null) {
    lists.forEach(listNothing);
    tellHubs();
    return;
  }
  about.append("h2").text(head.name).append("small").text(roleWords(head));
  if (head.derived) about.append("p").attr("class", "derived").text(derivedWords(head));
  const facts = about.append("dl");
  for (const [name, value] of headFigures(head).slice(2)) {
    facts.append("dt").text(name);
    facts.append("dd").text(written(value));
  }
  const undrawn = head.in + head.out - NEAR;
  if (undrawn > 0) about.append("p").text(`The ${NEAR.toLocaleString("en")} strongest edges are drawn as lines.`);
  const byPk = (a, b) => figures.pk[b.i] - figures.pk[a.i];
  const own = edgesOf(head).slice().sort(byPk);
  const into = own.filter((edge) => edge.target === head);
  const out = own.filter((edge) => edge.source === head);
  const n = Math.min(into.length, IN_SIGHT);
  list(lists[0], "Could read", into, n);
  list(lists[1], "Could be read by", out, IN_SIGHT - n);
}

// edges in and out of the average head of each layer; an answer holds only some heads of a layer
function layerMeans() {
  if (!data.whole) return null;
  const [edges, there] = [0, 1].map(() => new Float64Array(data.n_layers));
  for (const head of heads) {
    if (!head.known) continue;
    edges[head.layer] += head.in + head.out;
    there[head.layer] += 1;
  }
  return edges.map((n, layer) => n / there[layer]);
}

// the first `n` by edges, in order; of equals the first of all
function busiestOf(n) {
  const found = [];
  for (const head of heads) {
    const edges = head.in + head.out;
    if (!edges) continue;
    let at = found.length;
    while (at && edges > found[at - 1].in + found[at - 1].out) at -= 1;
    if (at < n) found.splice(at, 0, head);
    if (found.length > n) found.pop();
  }
  return found;
}

function tellHubs() {
  const busiest = busiestOf(8);
  if (!busiest.length) return;
  about.append("h2").attr("class", "list").text("Heads with most edges shown");
  const share = decoysOfAll();
  if (share > MOSTLY)
    about.append("p").attr("class", "chance").text(`Decoys are ${percent(share)} of the pairs shown, so this order `
      + "may be chance.");
  const usual = layerMeans();
  if (usual)
    about.append("p").attr("class", "depth").text("Some layers have more edges than others: compare a head with the "
      + "mean of its layer.");
  const items = about.append("ul").selectAll("li").data(busiest).join("li").attr("class", "hub");
  const button = items.append("button").attr("type", "button").on("click", (event, h) => goTo(h));
  button.append("i").attr("class", (h) => `chip r${h.roles[0] ?? "-"}`);
  button.append("strong").text((h) => h.name);
  button.append("em").text(roleWords);
  button.append("b").text((h) => `${h.in} in, ${h.out} out`);
  const rounded = (mean) => (mean < 0.05 ? "below 0.1" : d3.format(".1f")(mean));
  const ofLayer = (h) => (usual ? `layer mean ${rounded(usual[h.layer])} edges` : "");
  button.append("small").text((h) => [copyingWords(h), ofLayer(h)].filter(Boolean).join("; "));
}
