// The front end of DivergenceExplorer, after the text of controls.js. Notebooks run it through
// anywidget; pages without a kernel run the same text from the stored state.
import {
  buttonOf, chooserOf, field, freshId, keepPainted, node, number, readingLine, sliderOf, text,
} from "tutorial_vae/explorer/controls.js";

const EDGE = 8; // what is drawn lies between -EDGE and EDGE
const POINTS = 640;
const REACH = 9; // standard deviations beyond which a density adds nothing to an area

function logDensity({ mean, std }, z) {
  return -0.5 * ((z - mean) / std) ** 2 - Math.log(std) - 0.5 * Math.log(2 * Math.PI);
}

// KL divergence of one Gaussian from another, in nats.
function divergence(one, other) {
  const spread = one.std ** 2 + (one.mean - other.mean) ** 2;
  return Math.log(other.std / one.std) + spread / (2 * other.std ** 2) - 0.5;
}

// What KL(one‖other) integrates.
function integrand(one, other, z) {
  const log = logDensity(one, z);
  return Math.exp(log) * (log - logDensity(other, z));
}

// The area above zero and the area below it, both as positive numbers.
function areas(one, other) {
  const steps = 4000;
  const step = (2 * REACH * one.std) / steps;
  const area = { above: 0, below: 0 };
  for (let i = 0; i < steps; i += 1) {
    const value = integrand(one, other, one.mean - REACH * one.std + (i + 0.5) * step);
    area[value > 0 ? "above" : "below"] += Math.abs(value) * step;
  }
  return area;
}

const inNats = (value) => number(value, value < 99.9995 ? 3 : 1);

// Even, round steps that give three to six ticks.
function ticksOf(low, high) {
  const rough = (high - low) / 5.5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i += 1) {
    ticks.push([i * step, number(i * step, decimals)]);
  }
  return ticks;
}

function render({ model, el }) {
  const id = freshId();
  const ranges = model.get("data");
  const choose = chooserOf(model);
  const gaussian = (name) => ({ mean: model.get(`mean_${name}`), std: model.get(`std_${name}`) });

  const sliders = ["q", "p"].flatMap((name) => ["mean", "std"].map((kind) => {
    const trait = `${kind}_${name}`;
    const [min, max, step] = ranges[kind];
    const { slider, output, show } = sliderOf(`${id}-${trait}`, { min, max, step },
      (value) => choose({ [trait]: value }));
    const label = `${kind === "mean" ? "mean" : "width"} of ${name}`;
    return { trait, name, show, box: field(slider, label, output) };
  }));
  const boxesOf = (name) => sliders.filter((each) => each.name === name).map((each) => each.box);
  const swap = buttonOf("Swap q and p", () => {
    const [q, p] = [gaussian("q"), gaussian("p")];
    choose({ mean_q: p.mean, mean_p: q.mean, std_q: p.std, std_p: q.std });
  });
  const controls = node("div", { class: "tvae-controls" },
    node("div", { class: "tvae-pair tvae-q" }, ...boxesOf("q")),
    node("div", { class: "tvae-pair tvae-p" }, ...boxesOf("p")));
  const reading = readingLine();

  // One drawing: a frame with ticks, into which curves and areas are put.
  function plot(height) {
    const svg = node("svg", { class: "tvae-plot", role: "img" });
    return { svg, height, width: 300 };
  }

  function frame(drawing, low, high) {
    const { svg, height, width } = drawing;
    const [left, right, top, bottom] = [40, 8, 8, 22];
    const x = (z) => left + ((z + EDGE) / (2 * EDGE)) * (width - left - right);
    const y = (value) => height - bottom - ((value - low) / (high - low)) * (height - top - bottom);
    svg.setAttribute("width", width);
    svg.setAttribute("height", height);
    const lines = ticksOf(low, high).flatMap(([value, label]) => [
      node("line", { x1: left, x2: width - right, y1: y(value), y2: y(value),
        class: Math.abs(value) < 1e-12 ? "tvae-zero" : "tvae-grid" }),
      text(label, left - 6, y(value), { "text-anchor": "end", "dominant-baseline": "central" }),
    ]);
    for (const z of [-8, -4, 0, 4, 8]) {
      lines.push(text(number(z, 0), x(z), height - 6, { "text-anchor": "middle" }));
    }
    return { x, y, lines };
  }

  const grid = Array.from({ length: POINTS + 1 }, (_, i) => -EDGE + (2 * EDGE * i) / POINTS);
  const path = (x, y, values) => values
    .map((value, i) => `${i ? "L" : "M"}${x(grid[i]).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const areaPath = (x, y, values) =>
    `${path(x, y, values)}L${x(EDGE).toFixed(1)} ${y(0).toFixed(1)}L${x(-EDGE).toFixed(1)} ${y(0).toFixed(1)}Z`;

  const densities = plot(170);
  const sides = [["q", "p"], ["p", "q"]].map(([one, other]) => ({
    one, other, name: `KL(${one}‖${other})`, drawing: plot(170),
    heading: node("p", { class: "tvae-heading" }),
    note: node("p", { class: "tvae-areas" }),
    value: node("span", { class: "tvae-value" }),
    fill: node("div", { class: `tvae-fill tvae-${one}` }),
  }));

  function drawDensities(q, p) {
    const [ofQ, ofP] = [q, p].map((each) => grid.map((z) => Math.exp(logDensity(each, z))));
    const high = 1.08 * Math.max(...ofQ, ...ofP);
    const { x, y, lines } = frame(densities, 0, high);
    densities.svg.replaceChildren(...lines,
      node("path", { d: areaPath(x, y, ofQ), class: "tvae-area tvae-q" }),
      node("path", { d: path(x, y, ofP), class: "tvae-curve tvae-p" }),
      node("path", { d: path(x, y, ofQ), class: "tvae-curve tvae-q" }));
    densities.svg.setAttribute("aria-label",
      `Densities of q, with mean ${number(q.mean, 1)} and width ${number(q.std, 1)}, and of p, ` +
      `with mean ${number(p.mean, 1)} and width ${number(p.std, 1)}.`);
  }

  function drawSide({ one, other, name, drawing, heading, note }) {
    const [a, b] = [gaussian(one), gaussian(other)];
    const values = grid.map((z) => integrand(a, b, z));
    const room = 0.12 * Math.max(0.05, Math.max(...values) - Math.min(...values));
    const { x, y, lines } = frame(drawing, Math.min(...values) - room, Math.max(...values) + room);
    const pattern = `${id}-${one}-hatch`;
    const negative = node("path", {
      d: areaPath(x, y, values.map((value) => Math.min(value, 0))), fill: `url(#${pattern})`,
    });
    drawing.svg.replaceChildren(
      node("defs", {}, node("pattern", {
        id: pattern, width: 6, height: 6, patternUnits: "userSpaceOnUse",
        patternTransform: "rotate(45)",
      }, node("line", { y2: 6, class: `tvae-hatching tvae-${one}` }))),
      ...lines, negative,
      node("path", {
        d: areaPath(x, y, values.map((value) => Math.max(value, 0))), class: `tvae-area tvae-${one}`,
      }),
      node("path", { d: path(x, y, values), class: `tvae-curve tvae-thin tvae-${one}` }));
    const { above, below } = areas(a, b);
    heading.replaceChildren(node("strong", { class: `tvae-name-${one}` }, name),
      ` integrates ${one} log(${one}/${other})`);
    note.textContent =
      `area above zero ${inNats(above)}, below zero ${inNats(below)}, difference ${inNats(divergence(a, b))}`;
    drawing.svg.setAttribute("aria-label",
      `The curve ${one} log(${one}/${other}). Its area above zero is ${inNats(above)}, its ` +
      `hatched area below zero ${inNats(below)}.`);
  }

  function sentence(q, p, there, back) {
    const numbers = `KL(q‖p) = ${inNats(there)} nats, KL(p‖q) = ${inNats(back)} nats. `;
    if (q.std === p.std) {
      return [numbers, q.mean === p.mean ? "q and p are the same." : "Equal widths: both agree."];
    }
    const [more, less] = back > there ? [back, there] : [there, back];
    const times = more / less;
    const factor = times < 9.95 ? number(times, 1) : number(times, 0);
    const [larger, smaller] = back > there ? ["second", "first"] : ["first", "second"];
    return [numbers, `The ${larger} is ${factor} times the ${smaller}`,
      `: it averages over the wider one, ${back > there ? "p" : "q"}.`];
  }

  function paint() {
    const [q, p] = [gaussian("q"), gaussian("p")];
    for (const { trait, show } of sliders) show(model.get(trait), number(model.get(trait), 1));
    const [there, back] = [divergence(q, p), divergence(p, q)];
    reading.say(...sentence(q, p, there, back));
    drawDensities(q, p);
    sides.forEach(drawSide);
    const largest = Math.max(there, back, 1e-9);
    sides.forEach(({ fill, value }, side) => {
      const nats = [there, back][side];
      value.textContent = inNats(nats);
      fill.style.width = `${(100 * Math.max(nats, 0)) / largest}%`;
    });
  }

  const legend = node("div", { class: "tvae-legend tvae-keys" },
    ...[["q", "q, solid"], ["p", "p, dashed"]].map(([name, label]) => node("span", {},
      node("svg", { width: 28, height: 10, "aria-hidden": "true" },
        node("line", { x1: 0, x2: 28, y1: 5, y2: 5, class: `tvae-curve tvae-${name}` })), label)));
  const bars = node("div", { class: "tvae-bars" }, ...sides.map(({ name, value, fill, one }) =>
    node("div", { class: "tvae-bar-line" }, node("span", { class: `tvae-name-${one}` }, name),
      node("div", { class: "tvae-track" }, fill), value)));
  const top = node("div", { class: "tvae-figure" }, legend, densities.svg);
  const panels = sides.map(({ heading, drawing, note }) =>
    node("div", { class: "tvae-figure" }, heading, drawing.svg, note));
  el.replaceChildren(node("div", { class: "tvae-explorer tvae-divergence" }, controls,
    node("div", { class: "tvae-below" }, reading.line, swap), bars, top,
    node("div", { class: "tvae-figures tvae-halves" }, ...panels)));
  const fit = () => {
    densities.width = top.clientWidth || 560;
    panels.forEach((panel, side) => { sides[side].drawing.width = panel.clientWidth || 270; });
    paint();
  };
  return keepPainted(model, sliders.map(({ trait }) => trait), paint, top, fit);
}

export default { render };
