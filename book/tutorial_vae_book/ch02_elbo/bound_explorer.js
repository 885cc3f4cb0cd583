// The front end of BoundExplorer, after the text of controls.js. Notebooks run it through anywidget;
// pages without a kernel run the same text from the stored state. All integrals are done here.
import {
  buttonOf, chooserOf, clamp, field, freshId, keepPainted, menuOf, node, number, readingLine,
  sliderOf,
} from "tutorial_vae/explorer/controls.js";

const LOG_ROOT = 0.5 * Math.log(2 * Math.PI);
const STEP = 0.05; // of both sliders
const FIRST = -3.5; // the drawn range of z
const LAST = 3.5;

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

function render({ model, el }) {
  const { models, means, log_widths: logWidths } = model.get("data");
  const id = freshId();
  const known = new Map();
  const current = () => {
    const name = model.get("choice");
    if (!known.has(name)) known.set(name, measured(models.find((each) => each.name === name)));
    return known.get(name);
  };

  // Controls.
  const choose = chooserOf(model);
  const menu = menuOf(`${id}-model`, models.map((each) => each.name), (choice) => choose({ choice }));
  const sliderFor = (name, [min, max]) =>
    sliderOf(`${id}-${name}`, { min, max, step: STEP }, (value) => choose({ [name]: value }));
  const mean = sliderFor("mean", means);
  const width = sliderFor("log_width", logWidths);
  for (const { output } of [mean, width]) output.className = "tvae-layer tvae-encoder";
  const climb = buttonOf("Climb to the nearest top", () => {
    const { parts } = current();
    const height = ([at, spread]) => parts(at, Math.exp(spread)).bound;
    const onGrid = (value) => Math.round(value / STEP) * STEP;
    let top = [onGrid(model.get("mean")), onGrid(model.get("log_width"))];
    for (;;) {
      const around = [-1, 0, 1].flatMap((across) => [-1, 0, 1].map((up) => [
        clamp(onGrid(top[0] + across * STEP), ...means),
        clamp(onGrid(top[1] + up * STEP), ...logWidths)]));
      const best = around.reduce((a, b) => (height(b) > height(a) ? b : a), top);
      if (height(best) <= height(top)) break;
      top = best;
    }
    choose({ mean: top[0], log_width: top[1] });
  });
  const controls = node("div", { class: "tvae-controls" },
    ...(models.length > 1 ? [field(menu, "true posterior")] : []),
    field(mean.slider, "mean μ of q", mean.output),
    field(width.slider, "width σ of q", width.output), climb);
  const reading = readingLine();

  // Densities.
  const plot = node("svg", { class: "tvae-densities", role: "img" });
  const keyOf = (name, text) => node("span", { class: "tvae-key" },
    node("span", { class: `tvae-key-${name}` }), text);
  const legend = node("p", { class: "tvae-legend tvae-keys" }, keyOf("q", "q(z), yours"),
    keyOf("posterior", "true posterior p(z | x)"), keyOf("prior", "prior p(z)"));

  function drawDensities(room) {
    const { posterior } = current();
    const [at, spread] = [model.get("mean"), Math.exp(model.get("log_width"))];
    const approximate = (z) => Math.exp(logNormal(z, at, spread));
    const [height, foot] = [230, 22];
    const pieces = 350;
    const grid = Array.from({ length: pieces + 1 }, (_, index) =>
      FIRST + (index / pieces) * (LAST - FIRST));
    const highest = Math.max(...grid.map(posterior));
    // A needle of a q is cut off, or the true posterior would shrink to nothing beside it.
    const top = 1.08 * Math.max(highest, Math.min(approximate(at), 2 * highest));
    const x = (z) => ((z - FIRST) / (LAST - FIRST)) * room;
    const y = (density) => (height - foot) * (1 - Math.min(density / top, 1));
    const curve = (density) => grid.map((z) => `${x(z).toFixed(1)},${y(density(z)).toFixed(1)}`);
    const line = (density, name) =>
      node("polyline", { points: curve(density).join(" "), class: `tvae-line-${name}` });
    const area = (density, name) => node("path", {
      d: `M${x(FIRST)},${y(0)}L${curve(density).join("L")}L${x(LAST)},${y(0)}Z`,
      class: `tvae-area-${name}`,
    });
    const ticks = [-3, -2, -1, 0, 1, 2, 3].map((z) => node("text", {
      x: x(z), y: height - 5, "text-anchor": "middle",
    }, number(z, 0)));
    plot.setAttribute("width", room);
    plot.setAttribute("height", height);
    plot.replaceChildren(
      line((z) => Math.exp(logNormal(z, 0, 1)), "prior"),
      area(posterior, "posterior"), line(posterior, "posterior"),
      area(approximate, "q"), line(approximate, "q"),
      node("line", { x1: 0, x2: room, y1: y(0), y2: y(0), class: "tvae-axis" }),
      ...ticks, node("text", { x: room - 2, y: height - 5, "text-anchor": "end" }, "z"));
    plot.setAttribute("aria-label", `Densities over the latent z. q has its mean at ${number(at)} ` +
      `and the width ${number(spread)}. The true posterior has ${peaks(grid.map(posterior), grid)}.`);
  }

  function peaks(values, grid) {
    const tops = grid.filter((_, index) =>
      values[index] > (values[index - 1] ?? 0) && values[index] > (values[index + 1] ?? 0));
    const places = tops.map((z) => number(z, 1)).join(" and ");
    return `${tops.length === 1 ? "its peak" : "peaks"} at ${places}`;
  }

  // Bars: the bound taken apart in two ways, on one scale that ends at zero.
  const bars = node("svg", { class: "tvae-bars", role: "img" });
  const entry = (name, text) => {
    const value = node("strong");
    return { value, line: node("span", { class: "tvae-key" },
      node("span", { class: `tvae-swatch tvae-swatch-${name}` }), `${text} `, value) };
  };
  const entries = {
    logLikelihood: entry("likelihood", "log-likelihood"),
    gap: entry("gap", "gap"),
    reconstruction: entry("reconstruction", "reconstruction"),
    kl: entry("kl", "KL to prior"),
  };
  const sums = [node("strong"), node("strong")];
  const account = (first, second, sum) => node("p", { class: "tvae-account" },
    entries[first].line, "minus", entries[second].line,
    node("span", { class: "tvae-key" }, "= bound ", sum));
  const above = account("logLikelihood", "gap", sums[0]);
  const below = account("reconstruction", "kl", sums[1]);

  function drawBars(room, shown) {
    const [bar, gap, foot, edge] = [30, 12, 24, 16];
    const span = spanFor(Math.max(1, -Math.min(shown.bound, shown.reconstruction) * 1.02));
    const x = (nats) => edge + (room - 2 * edge) * (1 + nats / span);
    const bottom = 2 * bar + gap;
    const segment = (name, from, to, row) => node("rect", {
      x: x(to), width: Math.max(0, x(from) - x(to)), y: row * (bar + gap), height: bar,
      class: `tvae-segment-${name}`,
    });
    const hatch = (name, turned) => node("pattern", {
      id: `${id}-${name}`, width: 7, height: 7, patternUnits: "userSpaceOnUse",
      patternTransform: `rotate(${turned})`,
    }, node("rect", { width: 7, height: 7, class: `tvae-ground-${name}` }),
    node("line", { y2: 7, class: `tvae-stripe-${name}` }));
    const hatched = (name, ...where) => {
      const rectangle = segment(name, ...where);
      rectangle.setAttribute("fill", `url(#${id}-${name})`);
      return rectangle;
    };
    const ticks = Array.from({ length: 6 }, (_, index) => -span * (index / 5));
    const decimals = span / 5 < 0.5 ? 1 : span % 5 ? 1 : 0;
    const wall = x(shown.logLikelihood);
    bars.setAttribute("width", room);
    bars.setAttribute("height", bottom + foot);
    bars.replaceChildren(
      node("defs", {}, hatch("gap", 45), hatch("kl", -45)),
      ...ticks.flatMap((nats) => [
        node("line", { x1: x(nats), x2: x(nats), y1: 0, y2: bottom + 4, class: "tvae-tick" }),
        node("text", {
          x: x(nats), y: bottom + foot - 5, "text-anchor": "middle",
        }, number(nats, decimals)),
      ]),
      segment("likelihood", 0, shown.logLikelihood, 0),
      hatched("gap", shown.logLikelihood, shown.bound, 0),
      segment("reconstruction", 0, shown.reconstruction, 1),
      hatched("kl", shown.reconstruction, shown.bound, 1),
      node("line", { x1: wall, x2: wall, y1: -2, y2: bottom + 4, class: "tvae-wall" }));
    bars.setAttribute("aria-label", "Two bars of the same length, in nats: log-likelihood " +
      `${number(shown.logLikelihood, 3)} minus gap ${number(shown.gap, 3)}, and reconstruction ` +
      `${number(shown.reconstruction, 3)} minus KL to the prior ${number(shown.kl, 3)}. Both end at ` +
      `the bound ${number(shown.bound, 3)}.`);
  }

  function paint() {
    const [at, logWidth] = [model.get("mean"), model.get("log_width")];
    const spread = Math.exp(logWidth);
    const shown = shownParts(current().parts(at, spread));
    menu.value = model.get("choice");
    mean.show(at, number(at));
    width.show(logWidth, number(spread));
    reading.say("The bound lies ", `${number(shown.gap, 3)} nats`,
      ` below the log-likelihood of ${number(shown.logLikelihood, 3)}.`);
    for (const [name, { value }] of Object.entries(entries)) {
      value.textContent = number(shown[name], 3);
    }
    for (const sum of sums) sum.textContent = number(shown.bound, 3);
    drawDensities(legend.clientWidth || 420);
    drawBars(above.clientWidth || 420, shown);
  }

  el.replaceChildren(node("div", { class: "tvae-explorer tvae-bound" }, controls, reading.line,
    node("div", { class: "tvae-figures" },
      node("div", { class: "tvae-figure" }, plot, legend),
      node("div", { class: "tvae-figure" }, above, bars, below,
        node("p", { class: "tvae-note" },
          "Nats below zero. The upright line is the log-likelihood: no q takes the bound past it.")))));
  // The legend is as wide as the drawings may be, and unlike those never pushes the page.
  return keepPainted(model, ["choice", "mean", "log_width"], paint, legend);
}

export default { render };
