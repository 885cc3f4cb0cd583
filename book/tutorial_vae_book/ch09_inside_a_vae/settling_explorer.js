// The front end of SettlingExplorer, after the text of controls.js. Notebooks run it through
// anywidget; pages without a kernel run the same text from the stored state.
import {
  chooserOf, clamp, decodeBytes, field, freshId, keepPainted, meanOf, menuOf, node, number,
  placeOf, readingLine, sliderOf, text,
} from "tutorial_vae/explorer/controls.js";

const LEVELS = 30_000; // steps from 0 to 1 of a stored similarity

// Two bytes a value, the smaller one first, of shape (seeds, steps, layers).
function unpack({ values, seeds }, steps, layers) {
  const bytes = decodeBytes(values);
  const at = (i) => (bytes[2 * i] + 256 * bytes[2 * i + 1]) / LEVELS - 1;
  return Array.from({ length: seeds }, (_, seed) => Array.from({ length: steps }, (_, step) =>
    Array.from({ length: layers }, (_, layer) => at((seed * steps + step) * layers + layer))));
}

const progress = (value, first) => (value - first) / (1 - first);

const place = (step) => placeOf(step, 3);

const RAW = { name: "CKA with the end", low: 0, high: 1, ticks: [0, 0.5, 1] };
const DONE = { name: "progress since the start", low: -1, high: 1, ticks: [-1, 0, 1] };

function render({ model, el }) {
  const { steps, layers, parts, sets } = model.get("data");
  const id = freshId();
  const runs = new Map(sets.map((set) => [set.name, unpack(set, steps.length, layers.length)]));
  const choose = chooserOf(model);

  const menu = menuOf(`${id}-images`, sets.map(({ name }) => name), (images) => choose({ images }));
  const stepSlider = sliderOf(`${id}-step`, { max: steps.length - 1 },
    (at) => choose({ step: steps[at] }));
  const layerSlider = sliderOf(`${id}-layer`, { max: layers.length - 1 },
    (at) => choose({ layer: layers[at] }));
  const controls = node("div", { class: "tvae-controls" }, field(menu, "images"),
    field(stepSlider.slider, "training step", stepSlider.output),
    field(layerSlider.slider, "layer", layerSlider.output));
  const reading = readingLine();

  // The mean over seeds at a step and layer, with the lowest and the highest seed.
  function summary(kind, step, layer) {
    const seeds = runs.get(model.get("images"));
    const [now, first] = [step, 0].map((at) => seeds.map((seed) => seed[at][layer]));
    const each = kind === RAW ? now : now.map((value, seed) => progress(value, first[seed]))
      .filter((value) => !Number.isNaN(value));
    const mean = kind === RAW ? meanOf(now) : progress(meanOf(now), meanOf(first));
    return { mean, low: Math.min(...each), high: Math.max(...each) };
  }

  const middle = { "text-anchor": "middle" };
  const panels = ["layers", "steps"].map((along) => ({
    along,
    width: 320,
    heading: node("p", { class: "tvae-heading" }),
    charts: [RAW, DONE].map((kind) => ({
      kind, caption: node("p", { class: "tvae-caption-line" }, kind.name),
      svg: node("svg", { class: "tvae-chart", role: "img" }),
    })),
  }));

  // A value outside the frame is drawn as a small triangle at its edge.
  function mark(x, value, y, { low, high }, part, large) {
    const size = large ? 5.5 : 4;
    if (value >= low && value <= high) {
      return node("circle", { cx: x, cy: y(value), r: size, class: `tvae-dot tvae-${part}` });
    }
    const [edge, tip] = value < low ? [y(low), 7] : [y(high), -7];
    return node("path", { class: `tvae-dot tvae-${part}`,
      d: `M${x - 5} ${edge - tip}L${x + 5} ${edge - tip}L${x} ${edge}Z` });
  }

  function drawChart(panel, { kind, svg }) {
    const { along, width } = panel;
    const [left, right, top] = [34, 10, 8];
    const last = kind === DONE;
    const bottom = last ? (along === "layers" ? 74 : 24) : 8;
    const height = 150 + top + bottom;
    const [stepNow, layerNow] = [steps.indexOf(model.get("step")), layers.indexOf(model.get("layer"))];
    const points = along === "layers" ? layers : steps;
    const room = width - left - right;
    const x = along === "layers" ? (i) => left + ((i + 0.5) / layers.length) * room
      : (i) => left + 8 + ((place(steps[i]) - place(steps[0])) / (place(steps.at(-1)) - place(steps[0])))
        * (room - 16);
    const y = (value) => top + ((kind.high - clamp(value, kind.low, kind.high)) / (kind.high - kind.low)) * 150;
    const here = along === "layers" ? layerNow : stepNow;
    const drawn = [node("line", { class: "tvae-here", x1: x(here), x2: x(here), y1: top, y2: top + 150 })];
    for (const tick of kind.ticks) {
      drawn.push(node("line", { class: tick === 0 ? "tvae-zero" : "tvae-grid", x1: left, x2: width - right,
        y1: y(tick), y2: y(tick) }), text(number(tick, tick % 1 ? 1 : 0), left - 6, y(tick),
        { "text-anchor": "end", "dominant-baseline": "central" }));
    }
    if (last && along === "steps") {
      let taken = Infinity; // labels that would run into the next one are left out
      for (let i = steps.length - 1; i >= 0; i -= 1) {
        if (taken - x(i) < 34) continue;
        drawn.push(text(steps[i], x(i), height - 6, middle));
        taken = x(i);
      }
    }
    if (last && along === "layers") {
      layers.forEach((layer, i) => drawn.push(text(layer.replace("encoder.", "").replace("decoder.", ""), 0, 0, {
        class: `tvae-tick tvae-${parts[i]}`, "text-anchor": "end", "dominant-baseline": "central",
        transform: `translate(${x(i)} ${top + 158}) rotate(-60)`,
      })));
      for (const name of ["encoder", "decoder"]) {
        const own = layers.flatMap((layer, i) => (layer.startsWith(`${name}.`) ? [i] : []));
        if (own.length) {
          drawn.push(text(name, x((own[0] + own.at(-1)) / 2), height - 4,
            { ...middle, class: `tvae-tick tvae-${name}` }));
        }
      }
    }
    const values = points.map((_, i) => (along === "layers" ? summary(kind, stepNow, i)
      : summary(kind, i, layerNow)));
    const partOf = (i) => parts[along === "layers" ? i : layerNow];
    const start = along === "layers" ? layers.map((_, i) => summary(kind, 0, i).mean)
      : points.map(() => summary(kind, 0, layerNow).mean);
    if (kind === RAW) {
      drawn.push(node("polyline", { class: "tvae-start",
        points: start.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(" ") }));
    }
    if (along === "steps") {
      drawn.push(node("polyline", { class: `tvae-curve tvae-${partOf(0)}`,
        points: values.flatMap(({ mean }, i) => (Number.isNaN(mean) ? []
          : [`${x(i).toFixed(1)},${y(mean).toFixed(1)}`])).join(" ") }));
    }
    values.forEach(({ mean, low, high }, i) => {
      if (Number.isNaN(mean)) return; // a layer that was at its end from the start
      drawn.push(node("line", { class: `tvae-range tvae-${partOf(i)}`, x1: x(i), x2: x(i), y1: y(low), y2: y(high) }),
        mark(x(i), mean, y, kind, partOf(i), i === here));
    });
    svg.setAttribute("width", width);
    svg.setAttribute("height", height);
    svg.replaceChildren(...drawn);
    const words = points.map((point, i) => `${point} ${number(values[i].mean)}`).join(", ");
    svg.setAttribute("aria-label", along === "layers"
      ? `${kind.name} of each layer at step ${model.get("step")}, mean over seeds: ${words}.`
      : `${kind.name} of ${model.get("layer")} at each step, mean over seeds: ${words}.`);
  }

  function paint() {
    const [step, layer] = [model.get("step"), model.get("layer")];
    const [stepNow, layerNow] = [steps.indexOf(step), layers.indexOf(layer)];
    menu.value = model.get("images");
    stepSlider.show(stepNow, step, `step ${step}`);
    layerSlider.show(layerNow, layer);
    layerSlider.output.className = `tvae-layer tvae-${parts[layerNow]}`;
    const [raw, done] = [RAW, DONE].map((kind) => summary(kind, stepNow, layerNow));
    const spread = ({ low, high }) => ` (${number(low)} to ${number(high)})`;
    const first = summary(RAW, 0, layerNow).mean;
    const tail = Number.isNaN(done.mean) ? "it had nowhere to go"
      : `of the way from its untrained ${number(first)}`;
    reading.say(`${model.get("images")}, step ${step}, ${layer}: CKA with the end ${number(raw.mean)}` +
      `${spread(raw)}; progress `, `${number(done.mean)}`, `${Number.isNaN(done.mean) ? ": " : `${spread(done)} `}${tail}.`);
    const [byLayer, byStep] = panels;
    byLayer.heading.replaceChildren("All layers at ", node("strong", {}, `step ${step}`));
    byStep.heading.replaceChildren(node("strong", { class: `tvae-layer tvae-${parts[layerNow]}` }, layer),
      " at all steps");
    for (const panel of panels) for (const chart of panel.charts) drawChart(panel, chart);
  }

  const key = (content, label) => node("span", {},
    node("svg", { width: 28, height: 14, "aria-hidden": "true" }, ...content), label);
  const legend = node("div", { class: "tvae-legend tvae-keys" },
    key([node("line", { x1: 14, x2: 14, y1: 0, y2: 14, class: "tvae-range tvae-other" }),
      node("circle", { cx: 14, cy: 7, r: 4, class: "tvae-dot tvae-other" })], "mean, lowest to highest seed"),
    key([node("line", { x1: 0, x2: 28, y1: 7, y2: 7, class: "tvae-start" })], "untrained, step 0"),
    key([node("path", { d: "M9 3L19 3L14 11Z", class: "tvae-dot tvae-other" })], "off the scale"));
  const figures = panels.map(({ heading, charts }) => node("div", { class: "tvae-figure" }, heading,
    ...charts.flatMap(({ caption, svg }) => [caption, svg])));
  el.replaceChildren(node("div", { class: "tvae-explorer tvae-settling" }, controls, reading.line,
    node("div", { class: "tvae-figures" }, ...figures), legend));

  const fit = () => {
    panels.forEach((panel, i) => { panel.width = figures[i].clientWidth || 320; });
    paint();
  };
  return keepPainted(model, ["images", "step", "layer"], paint, figures[0], fit);
}

export default { render };
