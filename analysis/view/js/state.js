// The heads on the page, what is shown of them, and how that stands in the address.

const data = JSON.parse(document.getElementById("data").textContent);
const heads = data.heads.map((head, i) => ({ ...head, i, in: 0, out: 0, touched: false }));
const byName = new Map(heads.map((head) => [head.name, head]));
const byRole = new Map(data.roles.map((role, i) => [role.name, i]));
const NO_ROLE = -1;

const first = () => ({
  step: Math.max(data.places.indexOf(data.start), 0),
  pairings: new Set(data.pairings.keys()),
  roles: new Set(),
  side: "touching",
  folded: new Set(), // layers
  head: null,
  theme: "auto",
  find: "",
});
let state = first();

// of a head outside an answer nothing is known, not even that it has no role
const rolesOf = (head) => (head.roles.length || !head.known ? head.roles : [NO_ROLE]);
const hasChosenRole = (head) => rolesOf(head).some((role) => state.roles.has(role));
// which end of an edge has one of the roles chosen
const SIDES = { touching: "touching", into: "into", out: "out of" };

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
  if (state.folded.size) parts.set("fold", asRanges(state.folded));
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
  if (foldable) wanted.folded = layersIn(parts.get("fold") ?? "");
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
