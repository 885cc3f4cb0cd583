// The front end of GradientExplorer, after the texts of controls.js and noise.js.
import {
  chooserOf, clamp, field, freshId, keepPainted, menuOf, node, number, readingLine,
} from "tutorial_vae/explorer/controls.js";
import { label, seededNoise, slidersOf, spreadOf } from "tutorial_vae_book/noise.js";

const MARKS = ["circle", "square", "diamond"];

// The quadratic needs the first number of each draw, and of the first d numbers two sums.
function summed(data) {
  const [most, widest] = [data.draws.at(-1), data.dimension.at(-1)];
  const count = data.estimates * most;
  const noise = seededNoise(0, count * widest, data.seed);
  const first = Float64Array.from({ length: count }, (_, draw) => noise[draw * widest]);
  const sums = data.dimension.map(() => [new Float64Array(count), new Float64Array(count)]);
  for (let draw = 0; draw < count; draw += 1) {
    let [sum, squares] = [0, 0];
    for (let at = 0; at < widest; at += 1) {
      const number = noise[draw * widest + at];
      sum += number;
      squares += number * number;
      const which = data.dimension.indexOf(at + 1);
      if (which >= 0) [sums[which][0][draw], sums[which][1][draw]] = [sum, squares];
    }
  }
  return { first, sums };
}

function cloudsOf(data, { first, sums }, { sigma, draws, dimension }) {
  const { distance } = data;
  const [sum, squares] = sums[data.dimension.indexOf(dimension)];
  const baseline = -0.5 * dimension * (distance ** 2 + sigma ** 2);
  const clouds = data.estimators.map(() => new Float64Array(data.estimates));
  for (let estimate = 0; estimate < data.estimates; estimate += 1) {
    for (let each = 0; each < draws; each += 1) {
      const draw = estimate * data.draws.at(-1) + each;
      const value = -0.5 * (dimension * distance ** 2
        - 2 * distance * sigma * sum[draw] + sigma ** 2 * squares[draw]);
      const score = first[draw] / sigma;
      clouds[0][estimate] += value * score / draws;
      clouds[1][estimate] += (value - baseline) * score / draws;
      clouds[2][estimate] += (distance - sigma * first[draw]) / draws;
    }
  }
  return clouds;
}

function exactDeviations({ distance }, { sigma, draws, dimension }) {
  const variance = sigma ** 2;
  const least = (dimension + 1) * distance ** 2 + (dimension / 2 + 1) * variance;
  const best = -dimension * (distance ** 2 + variance) / 2 - variance;
  return [least + best ** 2 / variance, least + variance, variance]
    .map((each) => Math.sqrt(each / draws));
}

// Three digits, but no more than three decimals.
const short = (value) => number(value, clamp(2 - Math.floor(Math.log10(Math.abs(value) || 1)), 0, 3));
const whole = (value) => Math.round(value).toLocaleString("en");
const plural = (count, one) => `${count} ${one}${count === 1 ? "" : "s"}`;

function mark(kind, x, y, size, more = {}) {
  if (kind === "circle") return node("circle", { cx: x, cy: y, r: size, ...more });
  if (kind === "square") {
    return node("rect", { x: x - size, y: y - size, width: 2 * size, height: 2 * size, ...more });
  }
  const [far, d] = [1.35 * size, (a, b) => `${x + a} ${y + b}`];
  return node("path",
    { d: `M${d(0, -far)}L${d(far, 0)}L${d(0, far)}L${d(-far, 0)}Z`, ...more });
}

function render({ model, el }) {
  const data = model.get("data");
  const noise = summed(data);
  const id = freshId();
  const truth = data.distance;
  const names = ["sigma", "draws", "dimension", "reach"];
  const chosen = () => Object.fromEntries(names.map((name) => [name, model.get(name)]));
  const choose = chooserOf(model);

  const sliders = slidersOf(id, data, choose, [
    ["sigma", "width σ of q", (value) => number(value)],
    ["draws", "draws per estimate", String],
    ["dimension", "latent dimensions d", String],
  ]);
  const menu = menuOf(`${id}-reach`, data.reach.map((reach) => `${truth} ± ${reach}`),
    () => choose({ reach: data.reach[menu.selectedIndex] }));
  const controls = node("div", { class: "tvae-controls" }, ...sliders.map(({ box }) => box),
    field(menu, "axis"));
  const reading = readingLine();

  const clouds = node("svg", { class: "tvae-plot", role: "img" });
  const curves = node("svg", { class: "tvae-plot", role: "img" });
  const cloudBox = node("div", { class: "tvae-figure" },
    node("p", { class: "tvae-heading" }, `${data.estimates} estimates by each estimator`), clouds);
  const curveBox = node("div", { class: "tvae-figure" },
    node("p", { class: "tvae-heading" }, "standard deviation of one estimate"), curves);

  function drawClouds(width, now, drawn, spreads) {
    const [row, size, bottom] = [86, 2.2, 40];
    const height = row * drawn.length + bottom;
    const edge = 8;
    const x = (value) => edge
      + (width - 2 * edge) * (value - truth + now.reach) / (2 * now.reach);
    const parts = [];
    const floor = row * drawn.length;
    for (const part of [-1, -0.5, 0, 0.5, 1]) {
      const value = truth + part * now.reach;
      const anchor = part === -1 ? "start" : part === 1 ? "end" : "middle";
      const across = part === -1 ? 0 : part === 1 ? width : x(value);
      parts.push(node("line", { x1: x(value), x2: x(value), y1: 0, y2: floor, class: "tvae-grid" }),
        label(number(value, now.reach < 30 ? 1 : 0), across, floor + 15, anchor));
    }
    parts.push(node("line", { x1: x(truth), x2: x(truth), y1: 0, y2: floor, class: "tvae-truth" }),
      label("true gradient", x(truth), floor + 32));
    drawn.forEach((values, at) => {
      const top = at * row;
      const outside = values.filter((value) => Math.abs(value - truth) > now.reach).length;
      const dots = node("g", { class: `tvae-dots tvae-estimator-${at}` });
      values.forEach((value, index) => {
        if (Math.abs(value - truth) > now.reach) return;
        // Steps of the golden ratio spread the dots evenly over the height of their row.
        const down = top + 30 + (row - 40) * ((index * 0.6180339887) % 1);
        dots.append(mark(MARKS[at], x(value), down, size));
      });
      const name = label(data.estimators[at], 0, top + 16, "start",
        { class: `tvae-name tvae-estimator-${at}` });
      const detail = `s.d. ${short(spreads[at].deviation)}`
        + (outside ? `, ${outside} off the axis` : "");
      parts.push(dots, name, label(detail, width, top + 16, "end", { class: "tvae-detail" }));
    });
    clouds.setAttribute("width", width);
    clouds.setAttribute("height", height);
    clouds.replaceChildren(...parts);
    clouds.setAttribute("aria-label", `Clouds of ${data.estimates} gradient estimates each, around `
      + `the true gradient ${number(truth)}. ` + data.estimators.map((name, at) =>
      `${name}: mean ${short(spreads[at].mean)}, standard deviation ${short(spreads[at].deviation)}`,
    ).join("; "));
  }

  function drawCurves(width, now, spreads) {
    const [left, right, top, height, bottom] = [40, 10, 6, 252, 40];
    const [low, high] = [Math.log10(data.sigma[0]), Math.log10(data.sigma.at(-1))];
    const decades = [-3, 3];
    const x = (sigma) => left + 6
      + (width - left - right - 6) * (Math.log10(sigma) - low) / (high - low);
    const y = (value) => top
      + height * (decades[1] - clamp(Math.log10(value), ...decades)) / (decades[1] - decades[0]);
    const parts = [];
    for (let decade = decades[0]; decade <= decades[1]; decade += 1) {
      const down = y(10 ** decade);
      parts.push(node("line", { x1: left, x2: width - right, y1: down, y2: down, class: "tvae-grid" }),
        label(String(10 ** Math.max(decade, 0) / 10 ** Math.max(-decade, 0)), left - 6, down + 4, "end"));
    }
    for (const sigma of [0.05, 0.1, 0.2, 0.5, 1, 2]) {
      parts.push(label(String(sigma), x(sigma), top + height + 17));
    }
    parts.push(label("width σ of q", left + (width - left - right) / 2, top + height + 34),
      node("line", { x1: x(now.sigma), x2: x(now.sigma), y1: top, y2: top + height, class: "tvae-truth" }));
    data.estimators.forEach((_, at) => {
      const points = data.sigma.map((sigma) =>
        `${x(sigma)},${y(exactDeviations(data, { ...now, sigma })[at])}`).join(" ");
      parts.push(node("polyline", { points, class: `tvae-curve tvae-estimator-${at}` }),
        mark(MARKS[at], x(now.sigma), y(spreads[at].deviation), 5, { class: `tvae-mark tvae-estimator-${at}` }));
    });
    curves.setAttribute("width", width);
    curves.setAttribute("height", top + height + bottom);
    curves.replaceChildren(...parts);
    const exact = exactDeviations(data, now);
    curves.setAttribute("aria-label", "Exact standard deviation of each estimator against σ, as lines; "
      + `at σ = ${number(now.sigma)}: ` + data.estimators.map((name, at) =>
      `${name} ${short(exact[at])}, measured ${short(spreads[at].deviation)}`).join("; "));
  }

  const legend = node("div", { class: "tvae-legend tvae-keys" },
    ...data.estimators.map((name, at) => node("span", { class: "tvae-key" },
      node("svg", { width: 34, height: 12, "aria-hidden": "true" },
        node("line", { x1: 0, x2: 34, y1: 6, y2: 6, class: `tvae-curve tvae-estimator-${at}` }),
        mark(MARKS[at], 17, 6, 4.5, { class: `tvae-mark tvae-estimator-${at}` })), name)),
    node("span", {}, "lines: exact; marks: measured"));

  function paint() {
    const now = chosen();
    for (const { show } of sliders) show(now);
    menu.selectedIndex = data.reach.indexOf(now.reach);
    const drawn = cloudsOf(data, noise, now);
    const spreads = drawn.map(spreadOf);
    const exact = exactDeviations(data, now);
    const worth = (at) => whole((exact[at] / exact[2]) ** 2);
    const [plain, based, path] = spreads.map(({ deviation }) => short(deviation));
    reading.say(`Standard deviation over ${data.estimates} estimates, ${plural(now.draws, "draw")} each: `
      + `${plain} by the score function, ${based} with a baseline, `, `${path} reparameterised`,
    `. One reparameterised draw is as precise as ${worth(1)} with a baseline and ${worth(0)} without.`);
    drawClouds(cloudBox.clientWidth || 420, now, drawn, spreads);
    drawCurves(curveBox.clientWidth || 360, now, spreads);
  }

  el.replaceChildren(node("div", { class: "tvae-explorer tvae-gradients" }, controls, reading.line,
    node("div", { class: "tvae-figures" }, cloudBox, curveBox), legend));
  return keepPainted(model, names, paint, controls);
}

export default { render };
