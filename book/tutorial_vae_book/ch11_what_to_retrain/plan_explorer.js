// The front end of PlanExplorer, after the texts of controls.js and layers.js. Notebooks run it through
// anywidget; pages without a kernel run the same text from the stored state.
import {
  chooserOf, decodeBytes, field, freshId, keepPainted, meanOf, menuOf, node, number, readingLine,
  text,
} from "tutorial_vae/explorer/controls.js";
import { hatchOf, part, shortName } from "tutorial_vae/explorer/layers.js";

const SCRATCH = "scratch";
const ROW = 26; // height of a plan's row, pixels
const TICKS = [-1000, -100, -10, 0, 10, 100, 1000];

// Nats: nearly even near 0, then each factor of ten takes the same room.
const squeezed = (nats) => Math.sign(nats) * Math.log10(1 + Math.abs(nats));

// The longest name has no room beside a chart; the menu has it in full.
const SHOWN = { "heads-and-first-decoder-layer": "heads + 1st decoder", pca: "PCA" };
const brief = (name) => SHOWN[name] ?? name;

function seedsReader(data) {
  const { targets, sources, plans, baselines, sizes, seeds } = data;
  const arrays = Object.fromEntries(["elbo", "kl", "accuracy", "baseline"]
    .map((name) => [name, new Float32Array(decodeBytes(data[name]).buffer)]));
  const cut = (array, at) => Array.from(array.subarray(at * seeds, (at + 1) * seeds));
  const plan = (measure, target, source, name, size) => cut(arrays[measure],
    ((targets.indexOf(target) * sources.length + sources.indexOf(source)) * plans.length
      + plans.findIndex((each) => each.name === name)) * sizes.length + sizes.indexOf(size));
  const baseline = (target, name, size) => cut(arrays.baseline,
    (targets.indexOf(target) * baselines.length + baselines.indexOf(name)) * sizes.length + sizes.indexOf(size));
  return { plan, baseline };
}

// Mean, lowest and highest of the seeds that were measured.
function spreadOf(values) {
  const known = values.filter((value) => !Number.isNaN(value));
  if (!known.length) return null;
  return { mean: meanOf(known), low: Math.min(...known), high: Math.max(...known), seeds: known.length };
}

const signed = (value, decimals = 1) => {
  const shown = number(value, decimals);
  return value > 0 && Number(value.toFixed(decimals)) !== 0 ? `+${shown}` : shown;
};

function render({ model, el }) {
  const data = model.get("data");
  const { targets, sources, plans, baselines, sizes, layers } = data;
  const read = seedsReader(data);
  const id = freshId();
  const choose = chooserOf(model);
  const now = () => Object.fromEntries(["target", "source", "plan", "size"].map((n) => [n, model.get(n)]));

  const menus = [["source", "weights from", sources], ["target", "new images", targets],
    ["size", "how many of them", sizes], ["plan", "plan", plans.map(({ name }) => name)]]
    .map(([name, label, options]) => {
      const menu = menuOf(`${id}-${name}`, options,
        (option) => choose({ [name]: name === "size" ? Number(option) : option }));
      return { name, menu, box: field(menu, label) };
    });
  const offered = menus.filter(({ menu }) => menu.options.length > 1);
  const controls = node("div", { class: "tvae-controls" }, ...offered.map(({ box }) => box));
  const reading = readingLine();

  // The differences to training from scratch, seed by seed.
  function gain({ target, source, size }, name) {
    const [own, scratch] = [name, SCRATCH].map((plan) => read.plan("elbo", target, source, plan, size));
    return spreadOf(own.map((value, seed) => value - scratch[seed]));
  }
  const measured = ({ target, source, size }, measure, name) =>
    spreadOf(read.plan(measure, target, source, name, size));

  // The network: as high as its layers' place in the hourglass, as dark as what the plan does to them.
  const network = node("svg", { class: "tvae-network", role: "img" });
  const hatch = `${id}-hatch`;
  function drawNetwork(width) {
    const chosen = plans.find(({ name }) => name === model.get("plan"));
    const [middle, bottom] = [46, 92];
    const step = width / layers.length;
    const latent = layers.flatMap((layer, i) => (part(layer) === "latent" ? [i] : []));
    const [first, last] = latent.length ? [latent[0], latent.at(-1)] : [0, 0];
    const half = (i) => 16 + Math.min(24, 6 * Math.max(0, first - i, i - last));
    const drawn = [hatchOf(hatch)];
    layers.forEach((layer, i) => {
      const box = { x: i * step + 1.5, width: step - 3, y: middle - half(i), height: 2 * half(i), rx: 3 };
      const state = chosen.states[i];
      const of = `tvae-${part(layer)}`;
      if (state === "frozen") drawn.push(node("rect", { ...box, fill: `url(#${hatch})` }));
      drawn.push(node("rect", { ...box, class: `tvae-box tvae-${state} ${of}` }));
      if (state === "fresh") {
        drawn.push(node("circle", { cx: (i + 0.5) * step, cy: middle, r: 4.5, class: "tvae-seed" }));
      }
      drawn.push(text(shortName(layer), 0, 0, { class: of, "text-anchor": "end", "dominant-baseline": "central",
        transform: `translate(${(i + 0.5) * step} ${bottom + 26}) rotate(-60)` }));
    });
    // One word below each run of layers that fare alike.
    let start = 0;
    layers.forEach((_, i) => {
      if (i + 1 < layers.length && chosen.states[i + 1] === chosen.states[i]) return;
      drawn.push(node("path", { class: "tvae-brace",
        d: `M${start * step + 3} ${bottom - 2}v4H${(i + 1) * step - 3}v-4` }));
      drawn.push(text(chosen.states[i], ((start + i + 1) / 2) * step, bottom + 14,
        { "text-anchor": "middle", class: "tvae-strong" }));
      start = i + 1;
    });
    network.setAttribute("width", width);
    network.setAttribute("height", bottom + 74);
    network.replaceChildren(...drawn);
    const said = layers.map((layer, i) => `${layer} ${chosen.states[i]}`).join(", ");
    network.setAttribute("aria-label", `The network under the plan ${chosen.name}: ${said}.`);
  }

  const titles = ["Test ELBO, relative to scratch (nats)", "Accuracy of a linear probe"];
  const panels = titles.map((title, i) => ({ heading: node("p", { class: "tvae-heading" }, title),
    svg: node("svg", { role: "img", class: `tvae-chart tvae-${i ? "probe" : "elbo"}` }) }));

  const everyGain = targets.flatMap((target) => sources.flatMap((source) => sizes.flatMap((size) =>
    plans.map(({ name }) => gain({ target, source, size }, name)).filter(Boolean)))); // for one scale
  const [lowest, highest] = [Math.min(-10, ...everyGain.map(({ low }) => low)),
    Math.max(10, ...everyGain.map(({ high }) => high))].map((nats) => squeezed(nats) * 1.06);

  function drawPanel(svg, width, rows, { place, ticks, show, extra }) {
    const [left, right, top] = [138, extra ? 44 : 14, 22];
    const bottom = top + rows.length * ROW;
    const x = (value) => left + place(value) * (width - left - right);
    const y = (row) => top + (row + 0.5) * ROW;
    const central = { "dominant-baseline": "central" };
    const drawn = [];
    const chosen = rows.findIndex(({ name }) => name === model.get("plan"));
    drawn.push(node("rect", { x: 0, width, y: y(chosen) - ROW / 2, height: ROW, rx: 4, class: "tvae-now" }));
    const labels = ticks.filter((tick) => tick.strong); // others that would run into one are left out
    for (const tick of ticks) {
      const strong = tick.strong ? "tvae-zero" : "tvae-grid";
      drawn.push(node("line", { x1: x(tick.at), x2: x(tick.at), y1: top, y2: bottom, class: strong }));
      const meets = ({ at, label }) => Math.abs(x(at) - x(tick.at)) < 3.2 * (label.length + tick.label.length) + 6;
      if (!tick.strong && labels.some((other) => other.label && meets(other))) continue;
      labels.push(tick);
      drawn.push(text(tick.label, x(tick.at), bottom + 14, { "text-anchor": "middle" }));
    }
    if (extra) drawn.push(text("KL", width - 2, top - 8, { "text-anchor": "end" }));
    rows.forEach((row, i) => {
      const strong = i === chosen ? " tvae-strong" : "";
      drawn.push(text(brief(row.name), left - 10, y(i), { ...central, "text-anchor": "end", class: `tvae-name${strong}` }));
      if (!row.spread) {
        drawn.push(text("not measured", left + 6, y(i), { ...central, class: "tvae-void-text" }));
      } else {
        const { mean, low, high } = row.spread;
        drawn.push(node("line", { x1: x(low), x2: x(high), y1: y(i), y2: y(i), class: `tvae-range tvae-${row.part}` }));
        drawn.push(row.control
          ? node("path", { d: `M${x(mean)} ${y(i) - 6}l6 6l-6 6l-6 -6Z`, class: "tvae-control-mark" })
          : node("circle", { cx: x(mean), cy: y(i), r: i === chosen ? 6.5 : 5, class: `tvae-dot tvae-${row.part}` }));
      }
      if (extra && row.kl) drawn.push(text(number(row.kl.mean, 1), width - 2, y(i), { ...central, "text-anchor": "end", class: `tvae-name${strong}` }));
      if (!row.baseline) {
        drawn.push(node("rect", { x: 0, width, y: y(i) - ROW / 2, height: ROW, fill: "transparent",
          "data-plan": row.name, class: "tvae-touch" }));
      }
    });
    svg.setAttribute("width", width);
    svg.setAttribute("height", bottom + 22);
    svg.replaceChildren(...drawn);
    return rows.map(({ name, spread, kl }) => `${name} ${spread ? show(spread.mean) : "not measured"}` +
      (kl ? ` with KL ${number(kl.mean, 1)}` : "")).join("; ");
  }

  function drawPanels(widths) {
    const at = now();
    const ofPlans = plans.map(({ name, part: of }) => ({ name, part: of, control: name === SCRATCH }));
    const span = highest - lowest;
    const ticks = TICKS.filter((tick) => squeezed(tick) >= lowest && squeezed(tick) <= highest);
    const nats = drawPanel(panels[0].svg, widths[0],
      ofPlans.map((row) => ({ ...row, spread: gain(at, row.name), kl: measured(at, "kl", row.name) })), {
        place: (value) => (squeezed(value) - lowest) / span,
        ticks: ticks.map((tick) => ({ at: tick, label: signed(tick, 0), strong: tick === 0 })),
        show: (value) => signed(value), extra: true,
      });
    const fair = [...ofPlans.map((row) => ({ ...row, spread: measured(at, "accuracy", row.name) })),
      ...baselines.map((name) => ({ name, part: "other", control: true, baseline: true,
        spread: spreadOf(read.baseline(at.target, name, at.size)) }))];
    const scratch = measured(at, "accuracy", SCRATCH);
    const accuracies = drawPanel(panels[1].svg, widths[1], fair, {
      place: (value) => value,
      ticks: [0, 0.25, 0.5, 0.75, 1].map((tick) => ({ at: tick, label: number(tick, tick % 0.5 ? 2 : 1) }))
        .concat(scratch ? [{ at: scratch.mean, label: "", strong: true }] : []),
      show: (value) => number(value), extra: false,
    });
    const who = `from ${at.source} to ${at.size} images of ${at.target}`;
    panels[0].svg.setAttribute("aria-label", `${titles[0]} of each plan, ${who}: ${nats}.`);
    panels[1].svg.setAttribute("aria-label", `${titles[1]} of each plan and baseline, ${who}: ${accuracies}.`);
  }
  for (const { svg } of panels) {
    svg.addEventListener("click", ({ target }) => {
      if ("plan" in target.dataset) choose({ plan: target.dataset.plan });
    });
  }

  function sentence() {
    const at = now();
    const { share } = plans.find(({ name }) => name === at.plan);
    const about = `${at.plan}, from ${at.source} to ${at.size} images of ${at.target}: `;
    const nats = gain(at, at.plan);
    if (!nats) {
      return at.source === at.target
        ? [about, "not measured", ", since a set is no new one for its own VAE. Choose another source."]
        : [about, "not measured", "."];
    }
    const range = ({ low, high, seeds }, show) => (seeds > 1 ? ` (${seeds} seeds: ${show(low)} to ${show(high)})` : "");
    const [kl, accuracy] = ["kl", "accuracy"].map((measure) => measured(at, measure, at.plan));
    const beside = [["scratch", measured(at, "accuracy", SCRATCH)],
      ...baselines.map((name) => [name, spreadOf(read.baseline(at.target, name, at.size))])]
      .filter(([, spread]) => spread).map(([name, { mean }]) => `${brief(name)} ${number(mean)}`).join(", ");
    const more = [range(nats, signed), kl ? `, KL ${number(kl.mean, 1)}` : "",
      accuracy ? `; probe ${number(accuracy.mean)}${range(accuracy, number)}` : "",
      accuracy && beside ? `, beside ${beside}` : ""];
    return [`${about}ELBO beside scratch `, signed(nats.mean),
      ` nats${more.join("")}. Trains ${number(100 * share, 1)} % of the weights.`];
  }

  function paint() {
    for (const { name, menu } of menus) menu.value = model.get(name);
    reading.say(...sentence());
    drawNetwork(networkBox.clientWidth || 420);
    drawPanels(figures.map((figure) => figure.clientWidth || 420));
  }

  const key = (state, label) => node("span", { class: "tvae-key" },
    node("svg", { width: 18, height: 16, "aria-hidden": "true" },
      ...(state === "frozen" ? [node("rect", { x: 1.5, y: 1.5, width: 15, height: 13, rx: 3, fill: `url(#${hatch})` })] : []),
      node("rect", { x: 1.5, y: 1.5, width: 15, height: 13, rx: 3, class: `tvae-box tvae-${state} tvae-other` }),
      ...(state === "fresh" ? [node("circle", { cx: 9, cy: 8, r: 3.5, class: "tvae-seed" })] : [])), label);
  const networkBox = node("div", { class: "tvae-network-box" }, network);
  const legend = node("div", { class: "tvae-legend" }, key("frozen", "frozen: inherited, not trained"),
    key("trained", "inherited and trained"), key("fresh", "fresh weights, trained"));
  const figures = panels.map(({ heading, svg }) => node("div", { class: "tvae-figure" }, heading, svg));
  const note = node("p", { class: "tvae-note" }, "Dots are means over seeds, lines reach from the lowest seed to " +
    "the highest; diamonds take nothing from the source. Click a row to choose its plan.");
  el.replaceChildren(node("div", { class: "tvae-explorer tvae-plans" }, controls, reading.line,
    networkBox, legend, node("div", { class: "tvae-figures" }, ...figures), note));
  return keepPainted(model, ["target", "source", "plan", "size"], paint, figures[0]);
}

export default { render };
