// Where a line runs, how wide it is, and how far a point lies from it.

// names of heads must not touch in a model of many
const BOX = { width: Math.min(data.across - 5, 58), height: 20 };

// A line leaves the upper edge of the head that writes and enters the lower edge of the one that
// reads: at the left as query, in the middle as key, at the right as value.
const INLET = { Q: -10, K: 0, V: 10, O: 0 };
const inlets = data.pairings.map(({ name }) => INLET[name[1]]);

// the curve from one head to another, in numbers that the next call overwrites
const bent = new Float64Array(8);
function bend(a, b, p) {
  const half = BOX.height / 2;
  const x1 = a.x;
  const x2 = b.x + inlets[p];
  bent[0] = x1;
  bent[6] = x2;
  if (b.layer === a.layer) {
    const over = a.y - half - Math.min(12 + Math.abs(x2 - x1) * 0.18, data.up * 0.8);
    const apart = a === b ? 22 : 0;
    bent[1] = a.y - half;
    bent[2] = x1 - apart;
    bent[3] = over;
    bent[4] = x2 + apart;
    bent[5] = over;
    bent[7] = b.y - half;
    return bent;
  }
  const way = b.layer > a.layer ? -1 : 1; // up, or down where a later head is read by an earlier
  const y1 = a.y + way * half;
  const y2 = b.y - way * half;
  const pull = Math.max(data.up * 0.4, Math.abs(y2 - y1) * 0.42);
  // straight up a column it would run through the heads between
  const aside = a.head === b.head && Math.abs(b.layer - a.layer) > 1 ? data.across * 0.62 : 0;
  bent[1] = y1;
  bent[2] = x1 + aside;
  bent[3] = y1 + way * pull;
  bent[4] = x2 + aside;
  bent[5] = y2 - way * pull;
  bent[7] = y2;
  return bent;
}

function shaped(edge) {
  const c = bend(edge.source, edge.target, edge.pairing).slice();
  edge.curve = c;
  edge.span = [
    Math.min(c[0], c[2], c[4], c[6]), Math.max(c[0], c[2], c[4], c[6]),
    Math.min(c[1], c[3], c[5], c[7]), Math.max(c[1], c[3], c[5], c[7]),
  ];
  return edge;
}

// Two strokes at the end make an arrow: part of the line, so that they cost no element of their own
// and are drawn on the canvas and in a saved file as well.
const tenth = (v) => Math.round(v * 10) / 10;
const pathOf = (edge) => {
  const [x1, y1, x2, y2, x3, y3, x4, y4] = edge.curve.map(tenth);
  const long = 3.6 + 1.3 * widthOf(edge);
  const way = Math.atan2(y4 - y3, x4 - x3);
  const at = (angle) => `${tenth(x4 + long * Math.cos(angle))},${tenth(y4 + long * Math.sin(angle))}`;
  return `M${x1},${y1}C${x2},${y2} ${x3},${y3} ${x4},${y4}M${at(way + 2.65)}L${x4},${y4}L${at(way - 2.65)}`;
};
// a pair with a key/value head goes to several query heads: its lines are thinner
const widthOf = (edge) =>
  (0.5 + 3.3 * edge.weight ** 1.2) * Math.max(Math.sqrt(edge.share), 0.45);
const opacityOf = (edge) => 0.22 + 0.6 * edge.weight;

// Distance to a curve by a few straight pieces. Boxes around the curves leave few to look at, so
// that 3,000 edges cost less than a millisecond and need no second set of lines to hit.
function distance({ curve: c, span }, x, y, limit) {
  if (x < span[0] - limit || x > span[1] + limit || y < span[2] - limit || y > span[3] + limit)
    return Infinity;
  let [best, px, py] = [Infinity, c[0], c[1]];
  for (let i = 1; i <= 20; i += 1) {
    const t = i / 20;
    const s = 1 - t;
    const [a, b, d, e] = [s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t];
    const qx = a * c[0] + b * c[2] + d * c[4] + e * c[6];
    const qy = a * c[1] + b * c[3] + d * c[5] + e * c[7];
    const [vx, vy] = [qx - px, qy - py];
    const along = Math.max(0, Math.min(1, ((x - px) * vx + (y - py) * vy) / (vx * vx + vy * vy || 1)));
    best = Math.min(best, Math.hypot(px + along * vx - x, py + along * vy - y));
    [px, py] = [qx, qy];
  }
  return best;
}
