// Heads that stand out, as copies above the others, which then fade as a whole: of a thousand heads
// none gets another style or is painted anew when somebody types a letter or clicks.

let lit = { near: new Set(), found: new Set(), chosen: null };

// what can be pressed, told and found is the head below
function copyOf(head) {
  if (head.copy) return head.copy;
  head.copy = (nodes[head.i] ?? built(head)).cloneNode(true);
  for (const name of ["data-name", "role", "tabindex", "aria-pressed", "aria-label", "style"])
    head.copy.removeAttribute(name);
  head.copy.setAttribute("data-of", head.name);
  return head.copy;
}

function looks(head, focused) {
  const look = { found: lit.found.has(head), chosen: lit.chosen === head, over: told === head,
    focused: focused === head };
  const own = [`r${head.roles[0] ?? "-"}`, head.roles.length ? "known" : ""];
  return ["copy", ...own, ...Object.keys(look).filter((name) => look[name])].join(" ");
}

const AT_ONCE = 100; // copies more in a frame: hundreds are there a few frames later
const COPIES = 100; // of a crowded page's heads: a canvas shows all that stand out
let next = null;
function light() {
  cancelAnimationFrame(next);
  const dim = Boolean(lit.chosen || lit.found.size);
  const focused = dim && document.activeElement.matches(".head:focus-visible")
    ? d3.select(document.activeElement).datum() : null;
  const over = heads.includes(told) ? [told] : [];
  const all = dim
    ? [...new Set([focused, lit.chosen, ...over, ...lit.found, ...lit.near])].filter(Boolean) : [];
  if (crowded) glow(all);
  const wanted = crowded
    ? all.filter((head) => head === focused || head === told || head === lit.chosen
      || (lit.found.size <= COPIES && lit.found.has(head))) : all;
  const some = (n) => {
    copies.selectAll("g").data(wanted.slice(0, n), (head) => head.i)
      .join((enter) => enter.append(copyOf))
      .attr("class", (head) => looks(head, focused));
    if (n < wanted.length) next = requestAnimationFrame(() => some(n + AT_ONCE));
  };
  some(AT_ONCE);
}
