// The picture as it is now, as an SVG file that needs neither this page nor its style.

const KEPT = ["fill", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "opacity",
  "font-size", "font-family", "font-weight", "text-anchor"];
const DRAWN = "path, rect, circle, text";

function standalone() {
  const original = svg.node();
  const copy = original.cloneNode(true);
  const theirs = [...original.querySelectorAll(DRAWN)];
  [...copy.querySelectorAll(DRAWN)].forEach((element, i) => {
    const style = getComputedStyle(theirs[i]);
    const unseen = style.display === "none" || theirs[i].matches(".reach, .hot");
    if (unseen) {
      element.remove();
      return;
    }
    for (const name of KEPT) element.setAttribute(name, style.getPropertyValue(name));
  });
  // opacity of a group reaches what is in it
  const groups = [...original.querySelectorAll("g.head")];
  [...copy.querySelectorAll("g.head")].forEach((group, i) => {
    group.setAttribute("opacity", getComputedStyle(groups[i]).opacity);
    for (const name of ["tabindex", "role", "aria-pressed"]) group.removeAttribute(name);
  });
  copy.querySelector("#root").removeAttribute("transform");
  const name = "http://www.w3.org/2000/svg";
  const say = (tag, text) => {
    const element = document.createElementNS(name, tag);
    element.textContent = text;
    return element;
  };
  const paper = document.createElementNS(name, "rect");
  paper.setAttribute("width", "100%");
  paper.setAttribute("height", "100%");
  paper.setAttribute("fill", getComputedStyle(document.body).backgroundColor);
  copy.prepend(say("title", data.title), say("desc", slider.attr("aria-valuetext")), paper);
  copy.setAttribute("xmlns", name);
  copy.setAttribute("width", data.width);
  copy.setAttribute("height", data.height);
  copy.setAttribute("role", "img");
  for (const attribute of ["id", "aria-label", "class"]) copy.removeAttribute(attribute);
  return new XMLSerializer().serializeToString(copy);
}

function save() {
  const file = new Blob([standalone()], { type: "image/svg+xml" });
  const address = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = address;
  link.download = `${data.title.replace(/[^\w.-]+/g, "-").slice(0, 80) || "heads"}.svg`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
