// The front end of BoundExplorer. All integrals are done here.
import { buttonOf, clamp, node, number } from "tutorial_vae/explorer/controls.js";
import { band, chart, even, line } from "tutorial_vae/explorer/chart.js";
import { explorer, legend, note } from "tutorial_vae/explorer/view.js";

const LOG_ROOT = 0.5 * Math.log(2 * Math.PI);
const REACH = 3.5; // of the drawn latents

const logNormal = (value, mean, width) =>
  -0.5 * ((value - mean) / width) ** 2 - Math.log(width) - LOG_ROOT;

// Smooth functions that die off: the trapezoidal rule is then exact to rounding.
function integral(integrand, low, high, pieces) {
  const step = (high - low) / pieces;
  let total = 0;
  for (let index = 0; index <= pieces; index += 1) {
    total += integrand(low + index * step) * (index % pieces ? 1 : 0.5);
  }
  return total * step;
}

function measured({ decoder, x, noise }) {
  const decoded = (z) => decoder.reduceRight((sum, coefficient) => sum * z + coefficient, 0);
  const logPixel = (z) => logNormal(x, decoded(z), noise);
  const logJoint = (z) => logPixel(z) + logNormal(z, 0, 1);
  const logLikelihood = Math.log(integral((z) => Math.exp(logJoint(z)), -9, 9, 18000));
  const posterior = (z) => Math.exp(logJoint(z) - logLikelihood);
  const parts = (mean, width) => {
    const reconstruction = integral(
      (t) => Math.exp(logNormal(t, 0, 1)) * logPixel(mean + width * t), -9, 9, 360);
    const kl = 0.5 * (mean ** 2 + width ** 2 - 1) - Math.log(width);
    return { reconstruction, kl, bound: reconstruction - kl, logLikelihood };
  };
  return { posterior, parts };
}

// What is shown adds up to the last digit: differences are taken between rounded numbers.
const rounded = (value) => Math.round(value * 1000) / 1000;
function shownParts(parts) {
  const bound = rounded(parts.bound);
  const logLikelihood = rounded(parts.logLikelihood);
  const reconstruction = rounded(parts.reconstruction);
  return {
    bound, logLikelihood, reconstruction,
    gap: rounded(logLikelihood - bound), kl: rounded(reconstruction - bound),
  };
}

// The smallest of 1, 2.5, 5, 10, 25 … that leaves room for the longest bar.
function spanFor(length) {
  const power = 10 ** Math.floor(Math.log10(length));
  return power * [1, 2.5, 5, 10].find((step) => length <= power * step);
}

const grid = Array.from({ length: 351 }, (_, at) => (2 * at / 350 - 1) * REACH);

function peaksOf(density) {
  const values = grid.map(density);
  const tops = grid.filter((_, at) => values[at] > (values[at - 1] ?? 0) && values[at] > (values[at + 1] ?? 0));
  return `${tops.length === 1 ? "its peak" : "peaks"} at ${tops.map((z) => number(z, 1)).join(" and ")}`;
}

export default explorer("bound", ({ data: { models, ranges }, now, choose, id }) => {
  const known = Object.fromEntries(Object.entries(models).map(([name, model]) => [name, measured(model)]));
  const current = () => known[now().choice];
  const partsNow = () => shownParts(current().parts(now().mean, Math.exp(now().log_width)));

  function climb() {
    const height = ({ mean, log_width: width }) => current().parts(mean, Math.exp(width)).bound;
    const moved = (at, name, steps) => {
      const [low, high, step] = ranges[name];
      return clamp(Math.round(at[name] / step + steps) * step, low, high);
    };
    const near = (at, across, up) => ({ mean: moved(at, "mean", across), log_width: moved(at, "log_width", up) });
    let top = near(now(), 0, 0);
    for (;;) {
      const around = [-1, 0, 1].flatMap((across) => [-1, 0, 1].map((up) => near(top, across, up)));
      const best = around.reduce((a, b) => (height(b) > height(a) ? b : a), top);
      if (height(best) <= height(top)) break;
      top = best;
    }
    choose(top);
  }

  function drawDensities(width) {
    const { posterior } = current();
    const [at, spread] = [now().mean, Math.exp(now().log_width)];
    const approximate = (z) => Math.exp(logNormal(z, at, spread));
    const highest = Math.max(...grid.map(posterior));
    // A needle of a q is cut off, or the true posterior would shrink to nothing beside it.
    const top = 1.08 * Math.max(highest, Math.min(approximate(at), 2 * highest));
    const curve = (density, look) => line(grid.map((x) => ({ x, y: density(x) })), look);
    const area = (density, look) => band(grid.map((x) => ({ x, low: 0, high: density(x) })), look);
    return chart({ width, height: 208, left: 0, right: 0, top: 0, y: even(0, top, [0], () => ""),
      x: even(-REACH, REACH, [-3, -2, -1, 0, 1, 2, 3, 3.4], (z) => (z === 3.4 ? "z" : number(z, 0))),
      label: `Densities over the latent z. q has its mean at ${number(at)} and the width ${number(spread)}. `
        + `The true posterior has ${peaksOf(posterior)}.`,
      marks: [curve((z) => Math.exp(logNormal(z, 0, 1)), "tvae-prior"), area(posterior, "tvae-latent"),
        curve(posterior, "tvae-latent"), area(approximate, "tvae-encoder"), curve(approximate, "tvae-encoder")] });
  }

  // The bound taken apart in two ways, on one scale that ends at zero.
  const hatch = (name, turned) => node("pattern", { id: `${id}-${name}`, width: 7, height: 7, patternUnits: "userSpaceOnUse",
    patternTransform: `rotate(${turned})` }, node("rect", { width: 7, height: 7, class: "tvae-void" }),
  node("line", { y2: 7, class: `tvae-stripe-${name}` }));
  const account = (shown, ...named) => {
    const [first, second] = named.map(([name, title]) => node("span", { class: "tvae-key" },
      node("span", { class: `tvae-swatch tvae-swatch-${name}` }), `${title} `, node("strong", {}, number(shown[name], 3))));
    return node("p", { class: "tvae-account" }, first, "minus", second,
      node("span", { class: "tvae-key" }, "= bound ", node("strong", {}, number(shown.bound, 3))));
  };

  function drawBars(width) {
    const shown = partsNow();
    const [bar, gap] = [30, 12];
    const span = spanFor(Math.max(1, -Math.min(shown.bound, shown.reconstruction) * 1.02));
    const ticks = Array.from({ length: 6 }, (_, index) => -span * (index / 5));
    const decimals = span / 5 < 0.5 || span % 5 ? 1 : 0;
    const segment = (name, from, to, row, more = {}) => ({ x }) => [node("rect", { x: x(to), width: Math.max(0, x(from) - x(to)),
      y: 2 + row * (bar + gap), height: bar, class: `tvae-segment-${name}`, ...more })];
    const hatched = (name, from, to, row) => segment(name, from, to, row, { fill: `url(#${id}-${name})` });
    const wall = ({ x, base }) => [node("line", { x1: x(shown.logLikelihood), x2: x(shown.logLikelihood), y1: 0, y2: base, class: "tvae-wall" })];
    return [account(shown, ["logLikelihood", "log-likelihood"], ["gap", "gap"]),
      chart({ width, height: 2 * bar + gap + 4, left: 16, right: 16, top: 2, look: "tvae-bars", y: even(0, 1, []),
        x: { ...even(-span, 0, ticks, (tick) => number(tick, decimals)), grid: true },
        label: `Two bars of the same length, in nats: log-likelihood ${number(shown.logLikelihood, 3)} minus gap `
          + `${number(shown.gap, 3)}, and reconstruction ${number(shown.reconstruction, 3)} minus KL to the prior `
          + `${number(shown.kl, 3)}. Both end at the bound ${number(shown.bound, 3)}.`,
        marks: [() => [node("defs", {}, hatch("gap", 45), hatch("kl", -45))],
          segment("likelihood", 0, shown.logLikelihood, 0), hatched("gap", shown.logLikelihood, shown.bound, 0),
          segment("reconstruction", 0, shown.reconstruction, 1), hatched("kl", shown.reconstruction, shown.bound, 1), wall] }),
      account(shown, ["reconstruction", "reconstruction"], ["kl", "KL to prior"])];
  }

  const stroke = (look) => [node("line", { x1: 0, x2: 28, y1: 7, y2: 7, class: `tvae-curve ${look}` })];
  return {
    reading() {
      const shown = partsNow();
      return ["The bound lies ", `${number(shown.gap, 3)} nats`, ` below the log-likelihood of ${number(shown.logLikelihood, 3)}.`];
    },
    controls: { mean: { title: (mean) => number(mean) }, log_width: { title: (width) => number(Math.exp(width)) } },
    beside: [buttonOf("Climb to the nearest top", climb)],
    figures: [
      { draw: drawDensities, after: [legend([stroke("tvae-encoder"), "q(z), yours"],
        [stroke("tvae-latent"), "true posterior p(z | x)"], [stroke("tvae-prior"), "prior p(z)"])] },
      { draw: drawBars, after: [note("Nats below zero. The upright line is the log-likelihood: no q takes the bound past it.")] }],
  };
});
