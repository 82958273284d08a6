// What is on the page, what is shown of it, and how that stands in the address.

const data = JSON.parse(document.getElementById("data").textContent);
const heads = data.heads.map((head, i) => ({ ...head, i, in: 0, out: 0, touched: false }));
const edges = data.edges.pairing.map((pairing, i) => ({
  i,
  pairing,
  source: heads[data.edges.source[i]],
  target: heads[data.edges.target[i]],
  place: data.edges.figures.pk_rank[i],
  weight: data.edges.weight[i],
  share: data.edges.share[i],
}));
const byName = new Map(heads.map((head) => [head.name, head]));
const byRole = new Map(data.roles.map((role, i) => [role.name, i]));
const NO_ROLE = -1;

const first = () => ({
  step: Math.max(data.places.indexOf(data.start), 0),
  pairings: new Set(data.pairings.keys()),
  roles: new Set(),
  side: "touching",
  head: null,
  theme: "auto",
  find: "",
});
let state = first();

// of a head outside an answer nothing is known, not even that it has no role
const rolesOf = (head) => (head.roles.length || !head.known ? head.roles : [NO_ROLE]);
const hasChosenRole = (head) => rolesOf(head).some((role) => state.roles.has(role));

// which end of an edge has one of the roles chosen
const SIDES = {
  touching: { words: "touching", passes: (e) => hasChosenRole(e.source) || hasChosenRole(e.target) },
  into: { words: "into", passes: (e) => hasChosenRole(e.target) },
  out: { words: "out of", passes: (e) => hasChosenRole(e.source) },
};

function isShown(edge) {
  if (!state.pairings.has(edge.pairing)) return false;
  return !state.roles.size || SIDES[state.side].passes(edge);
}

// edges are sorted by place: those within the threshold come first
function withinThreshold() {
  const last = data.places[state.step];
  const end = d3.bisector((edge) => edge.place).right(edges, last ?? 0);
  return edges.slice(0, end);
}
const shownEdges = () => withinThreshold().filter(isShown);

// Decoys among all pairs of a pairing that are this strong, whatever roles are chosen: one and the
// backward pairs as strong as the weakest, for each pair kept. An edge of a run has only `decoy_q`,
// the least share at any threshold that keeps it.
const { decoys, decoy_q: decoyQ } = data.edges.figures;
function decoyShares() {
  const found = new Map();
  if (!decoys && !decoyQ) return found;
  for (const [pairing, list] of d3.group(withinThreshold(), (edge) => edge.pairing)) {
    const { i } = list.at(-1);
    const pairs = new Set(list.map((edge) => edge.place)).size;
    const share = decoys ? (decoys[i] === null ? null : (1 + decoys[i]) / pairs) : decoyQ[i];
    if (share !== null && share !== undefined) found.set(pairing, share);
  }
  return found;
}

// the share among all pairs of the pairings shown: above a half, an order of heads may be chance
const MOSTLY = 0.5;
function decoysOfAll() {
  const shares = decoyShares();
  let [decoyPairs, pairs] = [0, 0];
  for (const [pairing, list] of d3.group(withinThreshold(), (edge) => edge.pairing)) {
    if (!shares.has(pairing) || !state.pairings.has(pairing)) continue;
    const here = new Set(list.map((edge) => edge.place)).size;
    decoyPairs += here * shares.get(pairing);
    pairs += here;
  }
  return pairs ? decoyPairs / pairs : 0;
}
const percent = (share) => `${decoys ? "" : "at least "}${(100 * share).toFixed(0)} %`;

// "4.7", "4 7", "l4h7" and names of roles; the whole name of a role means this role alone
function matches(text) {
  const words = text.trim().toLowerCase();
  if (!words) return [];
  const pair = /^l?(\d+)(?:\s*h\s*|[.,\s]+)(\d+)$/.exec(words);
  if (pair && !data.layer_names)
    return heads.filter((h) => h.layer === +pair[1] && h.head === +pair[2]);
  const spelt = (role) => [data.roles[role].label, data.roles[role].name].map((s) => s.toLowerCase());
  const own = [...data.roles.keys()].filter((role) => spelt(role).includes(words));
  if (own.length) return heads.filter((head) => head.roles.some((role) => own.includes(role)));
  const named = (role) => spelt(role).some((name) => name.includes(words));
  return heads.filter((head) => head.name.toLowerCase().startsWith(words)
    || head.roles.some(named) || head.derived?.includes(words));
}

function toHash() {
  const parts = new URLSearchParams();
  const start = first();
  if (state.step !== start.step) parts.set("place", data.places[state.step]);
  if (state.pairings.size !== data.pairings.length)
    parts.set("pairings", [...state.pairings].sort(d3.ascending).map((p) => data.pairings[p].name).join());
  if (state.roles.size)
    parts.set("roles", [...state.roles].map((r) => data.roles[r]?.name ?? "none").join());
  if (state.side !== start.side) parts.set("side", state.side);
  if (state.head) parts.set("head", state.head.name);
  if (state.find) parts.set("find", state.find);
  if (state.theme !== "auto") parts.set("theme", state.theme);
  return parts.toString();
}

// what an address asks for and the page does not have is left as it is at first
function fromHash(text) {
  const parts = new URLSearchParams(text);
  const wanted = first();
  const place = Number(parts.get("place"));
  if (parts.has("place") && Number.isFinite(place) && data.places.length)
    wanted.step = Math.max(d3.bisectRight(data.places, place) - 1, 0);
  const names = (key) => (parts.get(key) ?? "").split(",");
  if (parts.has("pairings")) {
    const asked = names("pairings");
    const found = [...data.pairings.keys()].filter((p) => asked.includes(data.pairings[p].name));
    wanted.pairings = new Set(found);
  }
  for (const name of names("roles")) {
    if (byRole.has(name)) wanted.roles.add(byRole.get(name));
    else if (name === "none") wanted.roles.add(NO_ROLE);
  }
  if (Object.hasOwn(SIDES, parts.get("side"))) wanted.side = parts.get("side");
  wanted.head = byName.get(parts.get("head")) ?? null;
  wanted.find = parts.get("find") ?? "";
  if (["light", "dark"].includes(parts.get("theme"))) wanted.theme = parts.get("theme");
  return wanted;
}

// Another head is another page to go back to; in a frame of somebody else's page it is not, and a
// notebook's frame has no address at all.
function keepInAddress() {
  if (location.protocol === "about:") return;
  const text = toHash();
  const now = location.hash.slice(1);
  if (text === now) return;
  const another = fromHash(now).head !== state.head && self === top;
  const address = text ? `#${text}` : location.pathname + location.search;
  if (another) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
}
