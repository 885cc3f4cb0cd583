// The front end of AlignmentExplorer.
import { clamp, meanOf, node, number } from "tutorial_vae/explorer/controls.js";
import { chart, doubling, even, line, markOf } from "tutorial_vae/explorer/chart.js";
import { explorer, legend, note } from "tutorial_vae/explorer/view.js";
import { sampleOf, seededNoise } from "tutorial_vae_book/noise.js";

const ESTIMATORS = { biased: { shape: "circle", side: -4 }, unbiased: { shape: "diamond", side: 4 } };

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
function simulate(counts, widths, { draws, seed }) {
  const [most, widest] = [counts.at(-1), widths.at(-1)];
  const found = widths.map(() => ({ products: [], grams: null }));
  for (let draw = 0; draw < draws; draw += 1) {
    const [x, e] = [0, 1].map((which) =>
      seededNoise((2 * draw + which) * most * widest, most * widest, seed));
    const grams = [0, 1, 2].map(() => new Float64Array(most * most));
    widths.forEach((p, step) => {
      const from = step ? widths[step - 1] : 0;
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
      found[step].products.push(counts.map((n) => centredProducts(grams, most, n)));
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

const grouped = (value) => value.toLocaleString("en");

export default explorer("alignment", ({ data, now, valuesOf }) => {
  const [counts, widths] = [valuesOf("n"), valuesOf("p")];
  const found = simulate(counts, widths, data);
  const most = counts.at(-1);
  const valuesAt = (n) => Object.keys(ESTIMATORS).map((estimator) => sampleOf(found[widths.indexOf(now().p)].products
    .map((draw) => ckaOf(draw[counts.indexOf(n)][estimator], now().signal))));

  function drawPlot(width) {
    const { n, p, signal } = now();
    const grid = Array.from({ length: 41 }, (_, i) => counts[0] * (most / counts[0]) ** (i / 40));
    const curve = (valueAt, look) => line(grid.map((at) => ({ x: at, y: valueAt(at) })), look);
    const marks = ({ x, y, low, high }) => counts.flatMap((count) => valuesAt(count).flatMap((sample, which) => {
      const [estimator, { shape, side }] = Object.entries(ESTIMATORS)[which];
      const [across, [top, middle, bottom]] = [x(count) + side,
        [sample.high, sample.mean, sample.low].map((value) => y(clamp(value, low, high)))];
      return [node("line", { x1: across, x2: across, y1: bottom, y2: top, class: `tvae-range tvae-${estimator}` }),
        markOf(shape, across, middle, count === n ? 6 : 3.5, { class: `tvae-dot tvae-mark tvae-${estimator}` })];
    }));
    const spoken = counts.map((count) => `n = ${count}: ${valuesAt(count).map(({ mean }) => number(mean)).join(" and ")}`);
    return chart({ width, height: 268, here: n, y: even(-0.5, 1, [-0.5, 0, 0.5, 1]),
      x: { ...doubling(counts, { ticks: [10, 20, 50, 100], edge: 0.06 }), title: "images n" },
      label: `Mean CKA of ${data.draws} draws, biased and unbiased, for each number of images, where the truth is `
        + `${number(signal)}. ${spoken.join("; ")}.`,
      marks: [curve((at) => expectedBiased(at, p, 0), "tvae-chance"), curve((at) => expectedBiased(at, p, signal), "tvae-expected"),
        curve(() => signal, "tvae-truth"), marks] });
  }

  function gramOf(name, entries, side) {
    const cell = side / entries.length;
    const squares = entries.flatMap((row, i) => row.map((value, j) => {
      const hollow = value < 0;
      // The area of a square stands for the size of its entry; the outline of a hollow one lies inside.
      const edge = cell * Math.sqrt(Math.min(Math.abs(value), 1)) - (hollow ? 1 : 0);
      return { x: (j + 0.5) * cell - edge / 2, y: (i + 0.5) * cell - edge / 2, width: edge, height: edge,
        class: hollow ? "tvae-hollow" : "tvae-filled" };
    })).filter(({ width }) => width >= 0.6);
    return node("div", {}, node("p", { class: "tvae-heading" }, `centred gram of ${name}`),
      node("svg", { class: "tvae-gram", role: "img", width: side, height: side,
        "aria-label": `Centred gram of ${name}, the first ${entries.length} images of the first draw. `
          + `The diagonal is 1 on average, the size of the other entries ${sizeOff(entries)}.` },
      node("rect", { x: 0.5, y: 0.5, width: side - 1, height: side - 1, class: "tvae-ground" }),
      ...squares.map((square) => node("rect", square))));
  }
  const sizeOff = (entries) => number(meanOf(entries.flatMap((row, i) => row.filter((_, j) => j !== i).map(Math.abs))));

  function drawGrams(width) {
    const { n, p, signal } = now();
    const shown = Math.min(n, 12);
    const { grams } = found[widths.indexOf(p)];
    const mixture = mixtureOf(signal);
    const second = grams[0].map((_, at) => mixture.reduce((sum, weight, which) => sum + weight * grams[which][at], 0));
    const [x, y] = [grams[0], second].map((gram) => centredGram(gram, most, n, shown));
    const side = Math.min((width - 20) / 2, 220);
    return [node("div", { class: "tvae-tables" }, gramOf("X", x, side), gramOf("Y", y, side)),
      note(`The first ${shown} images of one draw, scaled to a mean diagonal of 1. Area: size of an entry, at most its `
        + `cell; filled: positive; hollow: negative. Mean size off the diagonal: ${sizeOff(x)} and ${sizeOff(y)}.`)];
  }

  const stroke = (look) => [node("line", { x1: 0, x2: 30, y1: 7, y2: 7, class: `tvae-curve ${look}` })];
  const keys = legend(...Object.entries(ESTIMATORS).map(([estimator, { shape }]) => [[
    node("line", { x1: 15, x2: 15, y1: 0, y2: 14, class: `tvae-range tvae-${estimator}` }),
    markOf(shape, 15, 7, 4.5, { class: `tvae-dot tvae-${estimator}` })], estimator, 30]),
  [stroke("tvae-expected"), "biased, expected", 30], [stroke("tvae-truth"), "truth", 30], [stroke("tvae-chance"), "chance, biased", 30]);
  keys.append(node("span", {}, `marks: mean of ${data.draws} draws; bars: lowest to highest`));
  return {
    reading() {
      const { n, p, signal } = now();
      const [biased, unbiased] = valuesAt(n).map(({ mean, deviation }) => `${number(mean, 3)} ± ${number(deviation, 3)}`);
      return [`The truth is ${number(signal)}. Biased ${biased}, where unrelated layers score ${number(expectedBiased(n, p, 0), 3)}; `,
        `unbiased ${unbiased}`, ` (mean ± standard deviation of ${data.draws} draws).`];
    },
    controls: { n: { title: grouped }, p: { title: grouped }, signal: { title: (value) => number(value) } },
    figures: [{ title: () => "CKA against the number of images", draw: drawPlot }, { draw: drawGrams }],
    below: [keys],
  };
});
