// The front end of AlignmentExplorer, after the texts of controls.js and noise.js.
import {
  chooserOf, clamp, freshId, keepPainted, meanOf, node, number, readingLine,
} from "tutorial_vae/explorer/controls.js";
import { label, seededNoise, slidersOf, spreadOf } from "tutorial_vae_book/noise.js";

// Inner products of the three grams of which both layers' grams are made: of X, of X with E both
// ways, and of E. Centring happens inside the products, from sums over rows.
const PAIRS = [[0, 0], [0, 1], [0, 2], [1, 1], [1, 2], [2, 2]];

function centredProducts(grams, stride, n) {
  const sums = grams.map(() => new Float64Array(n));
  const diagonals = grams.map((gram) => Float64Array.from({ length: n }, (_, i) => gram[i * stride + i]));
  const whole = PAIRS.map(() => 0);
  const [k, b, m] = grams;
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j < n; j += 1) {
      const at = i * stride + j;
      sums[0][i] += k[at];
      sums[1][i] += b[at];
      sums[2][i] += m[at];
      whole[0] += k[at] * k[at];
      whole[1] += k[at] * b[at];
      whole[2] += k[at] * m[at];
      whole[3] += b[at] * b[at];
      whole[4] += b[at] * m[at];
      whole[5] += m[at] * m[at];
    }
  }
  const total = (values) => values.reduce((sum, value) => sum + value, 0);
  const dot = (a, c) => a.reduce((sum, value, i) => sum + value * c[i], 0);
  const apart = sums.map((sum, which) => sum.map((value, i) => value - diagonals[which][i]));
  return {
    biased: PAIRS.map(([one, two], at) => whole[at] - (2 / n) * dot(sums[one], sums[two])
      + (total(sums[one]) * total(sums[two])) / n ** 2),
    unbiased: PAIRS.map(([one, two], at) => whole[at] - dot(diagonals[one], diagonals[two])
      - (2 / (n - 2)) * dot(apart[one], apart[two])
      + (total(apart[one]) * total(apart[two])) / ((n - 1) * (n - 2))),
  };
}

// For each number of features: the products of each draw at each n, and the first draw's grams.
function simulate(data) {
  const [most, widest] = [data.n.at(-1), data.p.at(-1)];
  const found = data.p.map(() => ({ products: [], grams: null }));
  for (let draw = 0; draw < data.draws; draw += 1) {
    const [x, e] = [0, 1].map((which) =>
      seededNoise((2 * draw + which) * most * widest, most * widest, data.seed));
    const grams = [0, 1, 2].map(() => new Float64Array(most * most));
    data.p.forEach((p, step) => {
      const from = step ? data.p[step - 1] : 0;
      for (let i = 0; i < most; i += 1) {
        for (let j = 0; j <= i; j += 1) {
          let [xx, xe, ee] = [0, 0, 0];
          const [one, two] = [i * widest, j * widest];
          for (let f = from; f < p; f += 1) {
            const [a, b, c, d] = [x[one + f], e[one + f], x[two + f], e[two + f]];
            xx += a * c;
            xe += a * d + b * c;
            ee += b * d;
          }
          [xx, xe, ee].forEach((sum, which) => {
            grams[which][i * most + j] += sum;
            if (j < i) grams[which][j * most + i] += sum;
          });
        }
      }
      found[step].products.push(data.n.map((n) => centredProducts(grams, most, n)));
      if (draw === 0) found[step].grams = grams.map((gram) => gram.slice());
    });
  }
  return found;
}

// The second layer's gram is this mixture of the three.
const mixtureOf = (signal) => [signal, Math.sqrt(signal * (1 - signal)), 1 - signal];

function ckaOf([kk, kb, km, bb, bm, mm], signal) {
  const [a, b, m] = mixtureOf(signal);
  const cross = a * kk + b * kb + m * km;
  const own = a * a * kk + b * b * bb + m * m * mm + 2 * (a * b * kb + a * m * km + b * m * bm);
  return cross / Math.sqrt(kk * own);
}

const expectedBiased = (n, p, signal) => signal + (1 - signal) * (p / (p + n));

// Centred over all n images, the first `shown` of them, the mean of the diagonal being 1.
function centredGram(gram, stride, n, shown) {
  const means = Float64Array.from({ length: n }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < n; j += 1) sum += gram[i * stride + j];
    return sum / n;
  });
  const mean = meanOf(means);
  const at = (i, j) => gram[i * stride + j] - means[i] - means[j] + mean;
  let trace = 0;
  for (let i = 0; i < n; i += 1) trace += at(i, i);
  return Array.from({ length: shown }, (_, i) =>
    Array.from({ length: shown }, (__, j) => (at(i, j) * n) / trace));
}

// The biased values are circles and the unbiased ones diamonds.
function mark(estimator, x, y, size, more = {}) {
  if (estimator === "biased") return node("circle", { cx: x, cy: y, r: size, ...more });
  const far = 1.35 * size;
  return node("path",
    { d: `M${x} ${y - far}L${x + far} ${y}L${x} ${y + far}L${x - far} ${y}Z`, ...more });
}

const whole = (value) => value.toLocaleString("en");

function render({ model, el }) {
  const data = model.get("data");
  const found = simulate(data);
  const most = data.n.at(-1);
  const id = freshId();
  const names = ["n", "p", "signal"];
  const chosen = () => Object.fromEntries(names.map((name) => [name, model.get(name)]));

  const sliders = slidersOf(id, data, chooserOf(model), [
    ["n", "images n", whole],
    ["p", "features p", whole],
    ["signal", "signal: the true CKA", (value) => number(value)],
  ]);
  const controls = node("div", { class: "tvae-controls" }, ...sliders.map(({ box }) => box));
  const reading = readingLine();

  const plot = node("svg", { class: "tvae-plot", role: "img" });
  const plotBox = node("div", { class: "tvae-figure" },
    node("p", { class: "tvae-heading" }, "CKA against the number of images"), plot);
  const tables = [["X", "tvae-table-x"], ["Y", "tvae-table-y"]].map(([name, kind]) => {
    const svg = node("svg", { class: `tvae-plot ${kind}`, role: "img" });
    return { name, svg, box: node("div", {}, node("p", { class: "tvae-heading" }, `centred gram of ${name}`), svg) };
  });
  const tablesNote = node("p", { class: "tvae-note" });
  const tablesBox = node("div", { class: "tvae-figure" },
    node("div", { class: "tvae-tables" }, ...tables.map(({ box }) => box)), tablesNote);

  const valuesAt = (now, which) => Object.fromEntries(["biased", "unbiased"].map((estimator) =>
    [estimator, found[data.p.indexOf(now.p)].products.map((draw) =>
      ckaOf(draw[which][estimator], now.signal))]));

  function drawPlot(width, now) {
    const [left, right, top, height, bottom] = [38, 8, 8, 268, 40];
    const [low, high] = [-0.5, 1];
    const [first, last] = [Math.log(data.n[0]), Math.log(most)];
    const x = (n) => left + 22 + (width - left - right - 44) * ((Math.log(n) - first) / (last - first));
    const y = (value) => top + height * ((high - clamp(value, low, high)) / (high - low));
    const parts = [];
    for (const value of [-0.5, 0, 0.5, 1]) {
      parts.push(node("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: "tvae-grid" }),
        label(number(value, 1), left - 6, y(value) + 4, "end"));
    }
    for (const n of [10, 20, 50, 100]) parts.push(label(String(n), x(n), top + height + 17));
    parts.push(label("images n", left + (width - left - right) / 2, top + height + 34),
      node("line", { x1: x(now.n), x2: x(now.n), y1: top, y2: top + height, class: "tvae-chosen" }));
    const grid = Array.from({ length: 41 }, (_, i) => Math.exp(first + (i / 40) * (last - first)));
    const curve = (signal, kind) => node("polyline", { class: kind,
      points: grid.map((n) => `${x(n).toFixed(1)},${y(expectedBiased(n, now.p, signal)).toFixed(1)}`).join(" ") });
    parts.push(curve(0, "tvae-chance"), curve(now.signal, "tvae-expected"),
      node("line", { x1: left, x2: width - right, y1: y(now.signal), y2: y(now.signal), class: "tvae-truth" }));
    data.n.forEach((n, which) => {
      const values = valuesAt(now, which);
      for (const [estimator, side] of [["biased", -4], ["unbiased", 4]]) {
        const { mean, low: least, high: largest } = spreadOf(values[estimator]);
        const across = x(n) + side;
        const kind = `tvae-${estimator}`;
        parts.push(node("line", { x1: across, x2: across, y1: y(least), y2: y(largest), class: `tvae-range ${kind}` }),
          mark(estimator, across, y(mean), n === now.n ? 6 : 3.5, { class: `tvae-mark ${kind}` }));
      }
    });
    plot.setAttribute("width", width);
    plot.setAttribute("height", top + height + bottom);
    plot.replaceChildren(...parts);
    const spoken = data.n.map((n, which) => {
      const { biased, unbiased } = valuesAt(now, which);
      return `n = ${n}: ${number(spreadOf(biased).mean)} and ${number(spreadOf(unbiased).mean)}`;
    });
    plot.setAttribute("aria-label", `Mean CKA of ${data.draws} draws, biased and unbiased, for each `
      + `number of images, where the truth is ${number(now.signal)}. ${spoken.join("; ")}.`);
  }

  function drawTables(width, now) {
    const shown = Math.min(now.n, 12);
    const side = Math.min((width - 20) / 2, 220);
    const cell = side / shown;
    const { grams } = found[data.p.indexOf(now.p)];
    const mixture = mixtureOf(now.signal);
    const second = grams[0].map((_, at) =>
      mixture.reduce((sum, weight, which) => sum + weight * grams[which][at], 0));
    const sizes = [];
    [grams[0], second].forEach((gram, which) => {
      const { svg, name } = tables[which];
      const entries = centredGram(gram, most, now.n, shown);
      const parts = [node("rect", { x: 0.5, y: 0.5, width: side - 1, height: side - 1, class: "tvae-ground" })];
      entries.forEach((row, i) => row.forEach((value, j) => {
        const hollow = value < 0;
        // The area of a square stands for the size of its entry; the outline of a hollow one lies inside.
        const edge = cell * Math.sqrt(Math.min(Math.abs(value), 1)) - (hollow ? 1 : 0);
        if (edge < 0.6) return;
        parts.push(node("rect", { x: (j + 0.5) * cell - edge / 2, y: (i + 0.5) * cell - edge / 2,
          width: edge, height: edge, class: hollow ? "tvae-hollow" : "tvae-filled" }));
      }));
      const off = entries.flatMap((row, i) => row.filter((_, j) => j !== i).map(Math.abs));
      sizes.push(meanOf(off));
      svg.setAttribute("width", side);
      svg.setAttribute("height", side);
      svg.replaceChildren(...parts);
      svg.setAttribute("aria-label", `Centred gram of ${name}, the first ${shown} images of the first `
        + `draw. The diagonal is 1 on average, the size of the other entries ${number(sizes[which])}.`);
    });
    tablesNote.textContent = `The first ${shown} images of one draw, scaled to a mean diagonal of 1. Area: `
      + `size of an entry, at most its cell; filled: positive; hollow: negative. Mean size off the diagonal: `
      + `${number(sizes[0])} and ${number(sizes[1])}.`;
  }

  const key = (text, ...drawing) => node("span", { class: "tvae-key" },
    node("svg", { width: 30, height: 14, "aria-hidden": "true" }, ...drawing), text);
  const line = (kind) => node("line", { x1: 0, x2: 30, y1: 7, y2: 7, class: kind });
  const keys = node("div", { class: "tvae-legend tvae-keys" },
    ...["biased", "unbiased"].map((estimator) => key(estimator,
      node("line", { x1: 15, x2: 15, y1: 0, y2: 14, class: `tvae-range tvae-${estimator}` }),
      mark(estimator, 15, 7, 4.5, { class: `tvae-mark tvae-${estimator}` }))),
    key("biased, expected", line("tvae-expected")), key("truth", line("tvae-truth")),
    key("chance, biased", line("tvae-chance")),
    node("span", {}, `marks: mean of ${data.draws} draws; bars: lowest to highest`));

  function paint() {
    const now = chosen();
    for (const { show } of sliders) show(now);
    const values = valuesAt(now, data.n.indexOf(now.n));
    const [biased, unbiased] = [values.biased, values.unbiased].map(spreadOf);
    const chance = expectedBiased(now.n, now.p, 0);
    const shown = ({ mean, deviation }) => `${number(mean, 3)} ± ${number(deviation, 3)}`;
    reading.say(`The truth is ${number(now.signal)}. Biased ${shown(biased)}, where unrelated layers score `
      + `${number(chance, 3)}; `, `unbiased ${shown(unbiased)}`,
    ` (mean ± standard deviation of ${data.draws} draws).`);
    drawPlot(plotBox.clientWidth || 420, now);
    drawTables(tablesBox.clientWidth || 360, now);
  }

  el.replaceChildren(node("div", { class: "tvae-explorer tvae-alignment" }, controls, reading.line,
    node("div", { class: "tvae-figures" }, plotBox, tablesBox), keys));
  return keepPainted(model, names, paint, controls);
}

export default { render };
