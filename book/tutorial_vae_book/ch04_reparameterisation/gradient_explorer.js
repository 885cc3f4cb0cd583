// The front end of GradientExplorer.
import { clamp, node, number, text } from "tutorial_vae/explorer/controls.js";
import { chart, dots, doubling, even, line, markOf } from "tutorial_vae/explorer/chart.js";
import { explorer, legend } from "tutorial_vae/explorer/view.js";
import { sampleOf, seededNoise } from "tutorial_vae_book/noise.js";

const MARKS = ["circle", "square", "diamond"];
const DECADES = [-3, -2, -1, 0, 1, 2, 3];

// The quadratic needs the first number of each draw, and of the first d numbers two sums.
function summed(data, dimensions, most) {
  const widest = dimensions.at(-1);
  const count = data.estimates * most;
  const noise = seededNoise(0, count * widest, data.seed);
  const first = Float64Array.from({ length: count }, (_, draw) => noise[draw * widest]);
  const sums = dimensions.map(() => [new Float64Array(count), new Float64Array(count)]);
  for (let draw = 0; draw < count; draw += 1) {
    let [sum, squares] = [0, 0];
    for (let at = 0; at < widest; at += 1) {
      const each = noise[draw * widest + at];
      sum += each;
      squares += each * each;
      const which = dimensions.indexOf(at + 1);
      if (which >= 0) [sums[which][0][draw], sums[which][1][draw]] = [sum, squares];
    }
  }
  return { first, sums, dimensions, most };
}

function cloudsOf(data, { first, sums, dimensions, most }, { sigma, draws, dimension }) {
  const { distance } = data;
  const [sum, squares] = sums[dimensions.indexOf(dimension)];
  const baseline = -0.5 * dimension * (distance ** 2 + sigma ** 2);
  const clouds = data.estimators.map(() => new Float64Array(data.estimates));
  for (let estimate = 0; estimate < data.estimates; estimate += 1) {
    for (let each = 0; each < draws; each += 1) {
      const draw = estimate * most + each;
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
const rounded = (value) => Math.round(value).toLocaleString("en");
const plural = (count, one) => `${count} ${one}${count === 1 ? "" : "s"}`;

export default explorer("gradients", ({ data, now, valuesOf }) => {
  const { estimators, distance: truth } = data;
  const sigmas = valuesOf("sigma");
  const noise = summed(data, valuesOf("dimension"), valuesOf("draws").at(-1));
  const clouds = () => cloudsOf(data, noise, now());
  const samples = () => clouds().map((values) => sampleOf(values));

  function drawClouds(width) {
    const { reach } = now();
    const [drawn, spreads, row] = [clouds(), samples(), 86];
    const cloudOf = (values, at) => ({ x, left, right }) => {
      const [top, inside] = [at * row, [...values.keys()].filter((index) => Math.abs(values[index] - truth) <= reach)];
      const outside = values.length - inside.length;
      // Steps of the golden ratio spread the dots evenly over the height of their row.
      const down = (index) => top + 30 + (row - 40) * ((index * 0.6180339887) % 1);
      return [node("g", { class: `tvae-dots tvae-estimator-${at}` }, ...inside.map((index) => markOf(MARKS[at], x(values[index]), down(index), 2.2))),
        text(estimators[at], left - 8, top + 16, { class: `tvae-strong tvae-estimator-${at}` }),
        text(`s.d. ${short(spreads[at].deviation)}${outside ? `, ${outside} off the axis` : ""}`, right + 8, top + 16,
          { "text-anchor": "end", class: "tvae-name tvae-detail" })];
    };
    const ticks = [-1, -0.5, 0, 0.5, 1].map((part) => truth + part * reach);
    return chart({ width, height: row * drawn.length, left: 8, right: 8, top: 0,
      x: { ...even(truth - reach, truth + reach, ticks, (tick) => number(tick, reach < 30 ? 1 : 0)), grid: true, title: "true gradient" },
      y: even(0, 1, []),
      label: `Clouds of ${data.estimates} gradient estimates each, around the true gradient ${number(truth)}. ${estimators.map((name, at) =>
        `${name}: mean ${short(spreads[at].mean)}, standard deviation ${short(spreads[at].deviation)}`).join("; ")}`,
      marks: [({ x, top, base }) => [node("line", { x1: x(truth), x2: x(truth), y1: top, y2: base, class: "tvae-truth" })],
        ...drawn.map(cloudOf)] });
  }

  function drawCurves(width) {
    const { sigma } = now();
    const [exact, spreads] = [exactDeviations(data, now()), samples()];
    return chart({ width, height: 252, left: 40, here: sigma, y: even(-3, 3, DECADES, (decade) => String(Number(`1e${decade}`))),
      x: { ...doubling(sigmas, { unit: 0.001, ticks: [0.05, 0.1, 0.2, 0.5, 1, 2] }), title: "width σ of q" },
      label: `Exact standard deviation of each estimator against σ, as lines; at σ = ${number(sigma)}: ${estimators.map((name, at) =>
        `${name} ${short(exact[at])}, measured ${short(spreads[at].deviation)}`).join("; ")}`,
      marks: estimators.flatMap((_, at) => [
        line(sigmas.map((each) => ({ x: each, y: Math.log10(exactDeviations(data, { ...now(), sigma: each })[at]) })), `tvae-estimator-${at}`),
        dots([{ x: sigma, y: Math.log10(spreads[at].deviation), part: `estimator-${at}`, shape: MARKS[at] }], () => true)]) });
  }

  const keys = legend(...estimators.map((name, at) => [[
    node("line", { x1: 0, x2: 34, y1: 7, y2: 7, class: `tvae-curve tvae-estimator-${at}` }),
    markOf(MARKS[at], 17, 7, 4.5, { class: `tvae-dot tvae-estimator-${at}` })], name, 34]));
  keys.append(node("span", {}, "lines: exact; marks: measured"));
  return {
    reading() {
      const exact = exactDeviations(data, now());
      const worth = (at) => rounded((exact[at] / exact[2]) ** 2);
      const [plain, based, path] = samples().map(({ deviation }) => short(deviation));
      return [`Standard deviation over ${data.estimates} estimates, ${plural(now().draws, "draw")} each: `
        + `${plain} by the score function, ${based} with a baseline, `, `${path} reparameterised`,
      `. One reparameterised draw is as precise as ${worth(1)} with a baseline and ${worth(0)} without.`];
    },
    controls: { sigma: { title: (value) => number(value) }, reach: { title: (reach) => `${truth} ± ${reach}` } },
    figures: [{ title: () => `${data.estimates} estimates by each estimator`, draw: drawClouds },
      { title: () => "standard deviation of one estimate", draw: drawCurves }],
    below: [keys],
  };
});
