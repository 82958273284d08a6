"""Drawing libraries on a page of 8,064 heads: processor seconds a frame while the threshold moves.

    npm install regl@2 sigma@3 graphology@0.25 deck.gl@9    in a folder, such as /tmp/drawing
    python -m benchmarks.drawing_libraries /tmp/drawing

WebGL is drawn on the processor here, as in browsers without a GPU. For our own page, see
benchmarks/view.py.
"""

import sys
from pathlib import Path
from statistics import median

import psutil
from playwright.sync_api import Page, sync_playwright

from benchmarks.common import table
from tests.chromium import CHROMIUM

EDGES, FRAMES = 100_000, 6
SWIFTSHADER = ["--no-sandbox", "--enable-unsafe-swiftshader", "--use-gl=angle",
               "--use-angle=swiftshader", "--ignore-gpu-blocklist"]  # fmt: skip
DATA = """
const [L, H] = [63, 128];
let seed = 1;
const random = () => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed / 2147483648; };
const some = (n) => Math.floor(random() * n);
const place = (layer, head) => [62 + 43 * (head + 0.5), 17 + 61 * (L - 1 - layer + 0.5)];
const colors = [[213, 94, 0], [0, 80, 60], [40, 110, 220]];
const edges = Array.from({ length: N }, (_, i) => {
  const layer = some(L - 1);
  return [layer, some(H), Math.min(L - 1, layer + 1 + some(15)), some(H), i % 3];
});
window.frames_ = (n, work) => new Promise((done) => {
  const found = [];
  let [i, before] = [0, null];
  const step = (now) => {
    if (before !== null) found.push(now - before);
    before = now;
    if (i === n) return done(found);
    work(i);
    i += 1;
    return requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
});
"""
# each makes `move(n)`, which draws the first `n` edges
WORKS = {
    "regl": (["regl/dist/regl.min.js"], """
const canvas = document.body.appendChild(document.createElement("canvas"));
[canvas.width, canvas.height] = [960, 720];
const regl = createREGL({ canvas, extensions: ["angle_instanced_arrays"] });
const K = 12;
const ends = new Float32Array(4 * N);
const color = new Uint8Array(4 * N);
edges.forEach(([a, b, c, d, p], i) => {
  const [x, y] = place(a, b);
  const [u, v] = place(c, d);
  ends.set([x, y - 10, u, v + 10], 4 * i);
  color.set([...colors[p], 40], 4 * i);
});
const draw = regl({
  vert: `precision highp float; attribute float t; attribute vec4 ends, color; varying vec4 c;
    void main() {
      float s = 1. - t; float pull = .42 * abs(ends.y - ends.w);
      vec2 q = s*s*s*ends.xy + 3.*s*s*t*(ends.xy - vec2(0., pull))
        + 3.*s*t*t*(ends.zw + vec2(0., pull)) + t*t*t*ends.zw;
      gl_Position = vec4(q.x * 2. / 5600. - 1., 1. - q.y * 2. / 3920., 0., 1.); c = color / 255.;
    }`,
  frag: `precision mediump float; varying vec4 c;
    void main() { gl_FragColor = vec4(c.rgb * c.a, c.a); }`,
  attributes: {
    t: Float32Array.from({ length: 2 * K }, (_, k) => Math.ceil(k / 2) / K),
    ends: { buffer: ends, divisor: 1 },
    color: { buffer: regl.buffer({ data: color, type: "uint8" }), type: "uint8", size: 4,
      divisor: 1 },
  },
  count: 2 * K, instances: regl.prop("n"), primitive: "lines", depth: { enable: false },
  blend: { enable: true, func: { src: "one", dst: "one minus src alpha" } },
});
window.move = (n) => { regl.clear({ color: [1, 1, 1, 1] }); draw({ n }); };
move(N);
"""),
    "sigma": (["graphology/dist/graphology.umd.min.js", "sigma/dist/sigma.min.js"], """
const graph = new graphology.MultiGraph();
for (let l = 0; l < L; l += 1) for (let h = 0; h < H; h += 1) {
  const [x, y] = place(l, h);
  graph.addNode(`${l}.${h}`, { x, y, size: 1 });
}
edges.forEach(([a, b, c, d, p], i) => graph.addEdge(`${a}.${b}`, `${c}.${d}`,
  { size: 1, i, color: `rgb(${colors[p]})` }));
document.body.innerHTML = '<div id="s" style="width:960px;height:720px"></div>';
let shown = N;
const sigma = new Sigma(graph, document.getElementById("s"),
  { edgeReducer: (_, edge) => ({ ...edge, hidden: edge.i >= shown }) });
window.move = (n) => { shown = n; sigma.refresh(); };
"""),
    "deck.gl": (["deck.gl/dist.min.js"], """
const lines = edges.map(([a, b, c, d, p]) =>
  ({ from: place(a, b), to: place(c, d), color: [...colors[p], 60] }));
const layers = (n) => [new deck.LineLayer({ id: "lines", data: lines.slice(0, n), getWidth: 1,
  getSourcePosition: (d) => d.from, getTargetPosition: (d) => d.to, getColor: (d) => d.color })];
const view = { target: [2780, 1950, 0], zoom: -2.6 };
const drawn = new deck.Deck({ parent: document.body, width: 960, height: 720,
  views: new deck.OrthographicView({}), initialViewState: view, layers: layers(N) });
window.move = (n) => drawn.setProps({ layers: layers(n) });
"""),
}  # fmt: skip


def used() -> float:
    """Processor seconds of the browser's processes."""
    found = 0.0
    for child in psutil.Process().children(recursive=True):
        try:
            if any("--type=" in word for word in child.cmdline()):
                times = child.cpu_times()
                found += times.user + times.system
        except psutil.Error:  # it has ended
            continue
    return found


def measure(tab: Page, name: str, packages: Path) -> list[str]:
    """A library's row: processor seconds to open and of a frame, the frame, kB of its script."""
    files, work = WORKS[name]
    paths = [packages / "node_modules" / file for file in files]
    tab.set_content("<body></body>")
    for path in paths:
        tab.add_script_tag(path=path)
    before = used()
    tab.add_script_tag(content=f"{{ const N = {EDGES}; {DATA} {work} }}")
    wait = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    tab.evaluate(wait)
    opened = used()
    frames = tab.evaluate(
        f"(n) => frames_(n, (i) => move(Math.round({EDGES} * (1 - i / n / 2))))", FRAMES
    )
    tab.wait_for_timeout(2000)  # what is drawn last is drawn by then
    frame = (used() - opened) / FRAMES
    size = sum(path.stat().st_size for path in paths) / 1e3
    return [
        name,
        f"{opened - before:.1f}",
        f"{frame:.1f}",
        f"{median(frames):,.0f}",
        f"{size:,.0f}",
    ]


def main(packages: Path) -> None:
    """Measure each library once and print the table."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWIFTSHADER)
        rows = []
        for name in WORKS:
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            rows.append(measure(tab, name, packages))
            tab.close()
        browser.close()
    print(table([f"{EDGES:,} edges", "open, cpu s", "a frame, cpu s", "a frame, ms", "kB"], rows))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
