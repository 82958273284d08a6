"""How fast the page to explore is: first paint, the slider, the pointer, clicks and a search.

python -m benchmarks.view            in less than three minutes
python -m benchmarks.view --words    says anew what is over the limit, from the table that is there
"""

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from statistics import median, quantiles

from playwright.sync_api import CDPSession, Page

from benchmarks.common import PAGE, machine, table, write
from headgraph.analysis.view import Page as Written
from headgraph.analysis.view import view
from headgraph.analysis.view.content import Content
from headgraph.pk_engine import AffinityTable
from headgraph.pk_engine.linalg.backends import usable_cpus
from tests.chromium import page
from tests.tables import random_edges, random_table

ROUNDS, STEPS = 2, 40
SHAPES = [(12, 12, 3000), (32, 32, 3000), (32, 32, 10_000), (63, 128, 500_000)]
"""Layers, heads, and edges on the page; the slider goes over all of them."""
PAINTED_S = 120.0
"""Seconds after which a page that still paints is given up."""
LARGE = 100_000
"""Edges above which a page is large: its scores are drawn at random edge by edge."""
FLUID_MS, PAINT_MS, LARGE_PAINT_MS = 50, 1000, 3000
"""The limits: 95 % of what is done with a page, and its first paint, also that of a large page."""
# the browser's own first paint may be of the words beside the graph
PAINTED = """
const look = () => requestAnimationFrame(() => {
  if (!document.querySelector(".edges path.edge")) look();
  else requestAnimationFrame(() => { window.painted = performance.now(); });
});
look();
"""
# a frame callback runs before the frame is drawn: the next one comes after it
TIMER = """
const svg = document.getElementById("graph");
const slider = document.getElementById("threshold");
const after = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
const timed = async (work) => {
  const start = performance.now();
  work();
  const script = performance.now() - start;
  await after();
  return [script, performance.now() - start];
};
const each = async (n, work) => {
  const found = [];
  for (let i = 0; i < n; i += 1) found.push(await timed(() => work(i)));
  return found;
};
const slide = (part) => {
  slider.value = Math.round(slider.max * part);
  slider.dispatchEvent(new Event("input"));
};
// all lines, once the slider rests, and the others as shading
const all = async () => {
  slide(1);
  const end = performance.now() + 120_000;
  do {
    await after();
    if (performance.now() > end) throw new Error("the page has not come to rest in 120 s");
  } while (document.querySelector("#plane:is(.sliding, .counting, .drawing)"));
};
// what a frame takes while something happens in each
const frames = (n, work) => new Promise((done) => {
  const found = [];
  let before = null;
  const step = (now) => {
    if (before !== null) found.push([0, now - before]);
    before = now;
    if (found.length === n) return done(found);
    work(found.length);
    return requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
});
// where heads with lines are, found once; those of a crowded page are on a canvas
const places = () => {
  if (window.places) return window.places;
  const elements = [...document.querySelectorAll(".head.touched .reach")];
  const onCanvas = document.querySelector("#plane.crowded");
  const { heads } = JSON.parse(document.getElementById("data").textContent);
  const drawing = document.getElementById("root").getScreenCTM();
  window.places = onCanvas ? heads.map(({ x, y }) => {
    const at = new DOMPoint(x, y).matrixTransform(drawing);
    return [svg, { clientX: at.x, clientY: at.y }];
  }) : elements.map((reach) => {
    const { x, y, width, height } = reach.getBoundingClientRect();
    return [reach, { clientX: x + width / 2, clientY: y + height / 2 }];
  });
  return window.places;
};
// where lines are that the page opens with, as elements; more of them stay on a canvas
const points = () => {
  window.points ??= [...document.querySelectorAll(".edges path.edge")].map((path) => {
    const at = path.getPointAtLength(path.getTotalLength() * 0.4)
      .matrixTransform(path.getScreenCTM());
    return { clientX: at.x, clientY: at.y };
  });
  return window.points;
};
const some = (all, i, n) => all[Math.floor(all.length * i / n)];
const event = (Kind, kind, on, at) => on.dispatchEvent(
  new Kind(kind, { bubbles: true, cancelable: true, view: window, ...at }));
const mouse = (kind, on, at) => event(MouseEvent, kind, on, at);
const point = (on, at) => event(PointerEvent, "pointermove", on, at);
const click = (i, n) => {
  const [on, at] = some(places(), i, n);
  for (const kind of ["mousedown", "mouseup", "click"]) mouse(kind, on, at);
};
const WORDS = ["L", "L1", "L1H", "L1H1", "", "4", "4.", "4.7"];
const type = (word) => {
  const find = document.getElementById("find");
  find.value = word;
  find.dispatchEvent(new Event("input"));
};
"""
READY = """
points();
document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
await all();
places();
"""
"""Before each kind: all edges, none of them picked out."""
WORKS = {
    "slider, thrown": """each(n, (i) => slide(((i * 37) % n) / (n - 1)))""",
    "a frame while pulled": """frames(n, (i) => slide(1 - Math.abs(2 * i / n - 1)))""",
    "pointer onto a line": """(async () => {
      const found = [];
      for (let i = 0; i < n; i += 1) {
        found.push(await timed(() => point(svg, some(points(), i, n))));
        if (document.getElementById("tip").hidden) throw new Error("no edge under the pointer");
      }
      return found;
    })()""",
    "a frame while the pointer goes over heads": """frames(n, (i) =>
      point(...some(places(), i, n)))""",
    "click on a head": """each(n, (i) => click(i, n))""",
    "a frame while heads are clicked": """frames(n, (i) => click(i, n))""",
    "letter of a search": """each(n, (i) => type(WORDS[i % WORDS.length]))""",
    "a frame while letters are typed": """frames(n, (i) => type(WORDS[i % WORDS.length]))""",
    "dragged while close": """(async () => {
      document.getElementById("closer").click();
      document.getElementById("closer").click();
      await after();
      mouse("mousedown", svg, { clientX: 500, clientY: 500 });
      const found = await each(n, (i) => mouse("mousemove", window, {
        clientX: 500 + 150 * Math.sin(i / 6), clientY: 500 + 150 * Math.cos(i / 6) }));
      mouse("mouseup", window, { clientX: 500, clientY: 500 });
      document.getElementById("whole").click();
      return found;
    })()""",
    "turn of the wheel": """each(n, (i) => event(WheelEvent, "wheel", svg,
      { clientX: 400, clientY: 400, deltaY: i < n / 2 ? -60 : 60 }))""",
}
"""What somebody does, as a script that does it `n` times: (script, whole) milliseconds of each."""
SCRIPT, PROCESSOR = ": script", ": processor"
RESTS = "longest frame as the slider comes to rest"
REST = """(async () => {
  await frames(10, (i) => slide(0.7 + 0.03 * i));
  return Math.max(...(await frames(60, () => {})).map(([, whole]) => whole));
})()"""
"""The slider moves for ten frames and rests in the second after them."""


def measure(tab: Page, address: str) -> dict[str, list[float]]:
    """Milliseconds until the frame after each kind of work, on one load of the page."""
    tab.goto("about:blank")
    tab.goto(address)
    deadline = time.monotonic() + PAINTED_S
    while not tab.evaluate("window.painted ?? 0"):  # the page's policy allows no other way to wait
        if time.monotonic() > deadline:
            raise TimeoutError(f"{address} has painted nothing in {PAINTED_S:.0f} s")
        tab.wait_for_timeout(20)
    found: dict[str, list[float]] = {"first paint": [tab.evaluate("window.painted")]}
    session = tab.context.new_cdp_session(tab)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    for name, work in WORKS.items():
        tab.evaluate(f"async () => {{ {TIMER} {READY} }}")
        before = processor_s(session)
        times = tab.evaluate(f"async (n) => {{ {TIMER} return await {work}; }}", STEPS)
        found[name + PROCESSOR] = [1000 * (processor_s(session) - before) / STEPS]
        found[name] = [whole for _, whole in times]
        found[name + SCRIPT] = [script for script, _ in times]
    session.detach()
    found[RESTS] = [tab.evaluate(f"async () => {{ {TIMER} {READY} return await {REST}; }}")]
    return found


def processor_s(session: CDPSession) -> float:
    """Processor time that the page's own thread has taken: script, style, layout and painting."""
    figures = session.send("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in figures if one["name"] == "TaskDuration"))


def ms(times: list[float]) -> str:
    """Median and 95th percentile."""
    return f"{median(times):.0f} / {high(times):.0f}"


def high(times: Sequence[float]) -> float:
    """The 95th percentile, and the larger one of two."""
    return quantiles(times, n=20)[-1] if len(times) > 2 else max(times)


def label(shape: tuple[int, int, int]) -> str:
    """Heads and edges of a page."""
    layers, heads, edges = shape
    return f"{layers * heads:,} heads, {edges:,} edges"


def rounds(tab: Page, files: dict[tuple[int, int, int], Path]) -> dict[str, dict[str, list[float]]]:
    """Each page in turn, after a load that does not count."""
    found: dict[str, dict[str, list[float]]] = {}
    tab.add_init_script(PAINTED)
    tab.goto(next(iter(files.values())).as_uri())
    for _ in range(ROUNDS):
        for shape, path in files.items():
            for name, times in measure(tab, path.as_uri()).items():
                found.setdefault(name, {}).setdefault(label(shape), []).extend(times)
    return found


def slowest(
    found: dict[str, dict[str, list[float]]], columns: Sequence[str], kind: str
) -> list[str]:
    """The largest 95th percentile among all kinds of work, page by page."""
    return [
        f"{max(high(times[page]) for name, times in found.items() if name.endswith(kind)):.0f}"
        for page in columns
    ]


def words(rows: str) -> str:
    """What is over a limit, by page, read from the table that `main` writes."""
    (_, *columns), _, *lines = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in rows.splitlines()
    )
    over: dict[str, list[str]] = {column: [] for column in columns}
    for what, *cells in lines:
        for column, cell in zip(columns, cells, strict=True):
            _, slash, most = cell.partition(" / ")
            if slash and float(most) > _limit(what, column):
                over[column].append(what)
    return "Over the limit, page by page:\n\n" + "\n".join(
        f"- {column}: {'; '.join(found) or 'nothing'}" for column, found in over.items()
    )


def _limit(what: str, column: str) -> int:
    if what != "first paint":
        return FLUID_MS
    return LARGE_PAINT_MS if column == label(SHAPES[-1]) else PAINT_MS


@cache
def scores(layers: int, heads: int) -> AffinityTable:
    """A table of this size."""
    return random_table(layers, heads, seed=0)


def written(shape: tuple[int, int, int], path: Path) -> Path:
    """The page of this shape."""
    layers, heads, edges = shape
    if edges < LARGE:
        return view(scores(layers, heads), most=edges).write(path)
    content = Content(
        title="random", about=[], n_layers=layers, n_heads=heads, total=edges,
        edges=random_edges(layers, heads, edges),
    )  # fmt: skip
    return Written(content).write(path)


def reword() -> None:
    """Write the words below the table anew; the measurement stays."""
    _, _, rest = PAGE.read_text("utf-8").partition("<!-- view -->\n")
    note, rows = rest.partition("\n<!-- end of view -->")[0].split("\n\n")[:2]
    write("view", f"{note}\n\n{rows}\n\n{words(rows)}")


def main() -> None:
    """Measure each shape in turn and write the page."""
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as here, page() as tab:
        files = {}
        for shape in SHAPES:
            name = "-".join(map(str, shape))
            files[shape] = written(shape, Path(here) / f"{name}.html")
        found = rounds(tab, files)
        browser = tab.context.browser
        chromium = browser.version if browser else "?"
        sizes = [f"{path.stat().st_size / 1e3:,.0f}" for path in files.values()]
    columns = [label(shape) for shape in SHAPES]
    rows = [[name, *(ms(times[column]) for column in columns)] for name, times in found.items()
            if not name.endswith((SCRIPT, PROCESSOR, RESTS))]  # fmt: skip
    rows.append([RESTS, *(f"{max(found[RESTS][column]):.0f}" for column in columns)])
    rows.append(["95 % of the script alone, the slowest", *slowest(found, columns, SCRIPT)])
    rows.append(["processor time of the page's thread for one, the slowest",
                 *slowest(found, columns, PROCESSOR)])  # fmt: skip
    rows.append(["file kB", *sizes])
    note = (f"{machine('playwright', rounds=ROUNDS)} Chromium {chromium}. Milliseconds, median / "
            f"95th percentile of {ROUNDS * STEPS} (first paint: of {ROUNDS}), without CPU "
            f"throttling. The machine's load over a minute was {before:.1f} before, "
            f"{os.getloadavg()[0]:.1f} after.")  # fmt: skip
    if before > usable_cpus():
        note += " Other programs kept the processors busy: the 95th percentiles are too high."
    figures = table(["", *columns], rows)
    write("view", f"{note}\n\n{figures}\n\n{words(figures)}")


if __name__ == "__main__":
    if "--words" in sys.argv[1:]:
        reword()
    else:
        main()
