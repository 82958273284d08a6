"""How fast the page to explore is: first paint, a step of the slider, the pointer on lines.

python -m benchmarks.view
"""

import tempfile
from pathlib import Path
from statistics import median, quantiles

from playwright.sync_api import Page

from analysis.view import view
from benchmarks.common import machine, table, write
from tests.chromium import page
from tests.tables import random_table

ROUNDS, STEPS = 7, 60
SHAPES = [(12, 12, 400), (12, 12, 3000), (32, 32, 400), (32, 32, 3000)]
"""Layers, heads, and edges on the page; the slider goes over all of them."""

PAINTED = """() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null"""
# a frame callback runs before the frame is drawn: the next one comes after it
TIMER = """
const after = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
const timed = async (work) => {
  const start = performance.now();
  work();
  const script = performance.now() - start;
  await after();
  return [script, performance.now() - start];
};
"""
SLIDE = f"""async (steps) => {{ {TIMER}
  const slider = document.getElementById("threshold");
  const found = [];
  for (let i = 0; i < steps; i += 1) {{
    slider.value = Math.round(slider.max * ((i * 37) % steps) / (steps - 1));
    found.push(await timed(() => slider.dispatchEvent(new Event("input"))));
  }}
  slider.value = slider.max;
  slider.dispatchEvent(new Event("input"));
  return found;
}}"""
HOVER = f"""async (steps) => {{ {TIMER}
  const svg = document.getElementById("graph");
  const paths = [...document.querySelectorAll(".edges path.edge")];
  const found = [];
  for (let i = 0; i < steps; i += 1) {{
    const path = paths[Math.floor(paths.length * i / steps)];
    const at = path.getPointAtLength(path.getTotalLength() * 0.4)
      .matrixTransform(path.getScreenCTM());
    const move = {{ clientX: at.x, clientY: at.y, bubbles: true }};
    found.push(await timed(() => svg.dispatchEvent(new PointerEvent("pointermove", move))));
    if (document.getElementById("tip").hidden) throw new Error("no edge under the pointer");
  }}
  return found;
}}"""


def measure(tab: Page, address: str) -> dict[str, list[float]]:
    """Milliseconds of each kind on one load of the page."""
    tab.goto("about:blank")
    tab.goto(address)
    tab.wait_for_selector(".edges path.edge", state="attached")
    while (painted := tab.evaluate(PAINTED)) is None:
        tab.wait_for_timeout(20)
    slide, hover = tab.evaluate(SLIDE, STEPS), tab.evaluate(HOVER, STEPS)
    return {
        "paint": [painted],
        "slide script": [script for script, _ in slide],
        "slide": [whole for _, whole in slide],
        "hover script": [script for script, _ in hover],
        "hover": [whole for _, whole in hover],
    }


def ms(times: list[float]) -> str:
    """Median and 95th percentile."""
    return f"{median(times):.1f} / {quantiles(times, n=20)[-1]:.1f}"


def main() -> None:
    """Measure each shape in turn and write the page."""
    rows, found = [], {}
    with tempfile.TemporaryDirectory() as here, page() as tab:
        files = {}
        for layers, heads, edges in SHAPES:
            scores = random_table(layers, heads, seed=0)
            path = view(scores, most=edges).write(Path(here) / f"{layers}-{heads}-{edges}.html")
            files[layers, heads, edges] = path
        for shape, path in files.items():
            measure(tab, path.as_uri())  # one that does not count
            found[shape] = {}
        for _ in range(ROUNDS):
            for shape, path in files.items():
                for name, times in measure(tab, path.as_uri()).items():
                    found[shape].setdefault(name, []).extend(times)
        browser = tab.context.browser
        chromium = browser.version if browser else "?"
        for (layers, heads, edges), times in found.items():
            size = files[layers, heads, edges].stat().st_size / 1e3
            rows.append([f"{layers * heads:,} heads, {edges:,} edges", f"{size:,.0f}",
                         f"{median(times['paint']):.0f}", *(ms(times[name]) for name in
                         ("slide script", "slide", "hover script", "hover"))])  # fmt: skip
    head = ("on the page", "file kB", "first paint ms", "slider step: script ms",
            "until the frame after ms", "pointer: script ms",
            "until the frame after ms")  # fmt: skip
    note = (f"{machine('playwright', rounds=ROUNDS)} Chromium {chromium}. Median / 95th percentile "
            f"of {ROUNDS * STEPS} steps; a frame is 16.7 ms, and the frame after is the second one "
            "at the earliest.")  # fmt: skip
    write("view", f"{note}\n\n{table(head, rows)}")


if __name__ == "__main__":
    main()
