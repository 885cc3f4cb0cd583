// The front end of TrainingExplorer, after the text of controls.js. Notebooks run it through
// anywidget; pages without a kernel run the same text from the stored state.
import {
  chooserOf, clamp, decodeBytes, field, freshId, greyImage, keepPainted, menuOf, node, number,
  placeOf, readingLine, sliderOf, text,
} from "tutorial_vae/explorer/controls.js";

// Sixteen grey levels, two pixels a byte.
const unpack = (text) => {
  const levels = [];
  for (const byte of decodeBytes(text)) levels.push((byte >> 4) * 17, (byte & 15) * 17);
  return levels;
};

// Ordinary numbers with one decimal, very large ones as a power of ten.
function inNats(value) {
  if (Math.abs(value) < 99_999.5) return number(value, 1);
  const power = Math.floor(Math.log10(Math.abs(value)));
  const raised = [...String(power)].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("");
  return `${number(value / 10 ** power, 1)} × 10${raised}`;
}

function render({ model, el }) {
  const { steps, runs, count, height, width, originals } = model.get("data");
  const id = freshId();
  const [healthy, ...others] = runs.map((run) => ({ ...run, pixels: unpack(run.pictures) }));
  const chosen = () => others.find(({ name }) => name === model.get("run"));
  const look = () => steps.indexOf(model.get("step"));
  const choose = chooserOf(model);

  const menu = menuOf(`${id}-run`, others.map(({ name }) => name), (run) => choose({ run }));
  const { slider, output, show } = sliderOf(`${id}-step`, { max: steps.length - 1 },
    (at) => choose({ step: steps[at] }));
  const note = node("p", { class: "tvae-note" });
  const menuBox = field(menu, "broken run");
  menuBox.append(note);
  const controls = node("div", { class: "tvae-controls" }, menuBox,
    field(slider, "training step", output));
  const reading = readingLine();

  // One chart: a frame, the curves clamped to it, and a line at the step shown.
  const top = Math.max(0, ...healthy.elbo);
  const lowest = 2 * Math.min(...healthy.elbo);
  const charts = [
    { title: "ELBO and objective, nats per image", height: 210, low: lowest, high: top,
      scale: (value) => value, ticks: [0, -100, -200, -300].filter((tick) => tick >= lowest),
      curves: ["told", "elbo"] },
    { title: "KL, nats per image", height: 150, low: 0, high: placeOf(400), scale: (value) => placeOf(value),
      ticks: [0, 1, 10, 100], curves: ["kl"] },
  ].map((chart) => ({ ...chart, svg: node("svg", { class: "tvae-chart", role: "img" }) }));
  let across = 320;

  function drawChart({ svg, height: tall, low, high, scale, ticks, curves }) {
    const [left, right, above, below] = [40, 10, 8, 24];
    const x = (step) => left + (placeOf(step) / placeOf(steps.at(-1))) * (across - left - right);
    const y = (value) => above
      + ((high - clamp(scale(value), low, high)) / (high - low)) * (tall - above - below);
    const lines = ticks.flatMap((tick) => [
      node("line", { class: "tvae-grid", x1: left, x2: across - right, y1: y(tick), y2: y(tick) }),
      text(number(tick, 0), left - 6, y(tick), { "text-anchor": "end", "dominant-baseline": "central" }),
    ]);
    for (const step of [0, 1, 10, 100, 1000, 10_000].filter((each) => each <= steps.at(-1))) {
      lines.push(text(step, x(step), tall - 6, { "text-anchor": "middle" }));
    }
    const curve = (values, name) => node("polyline", { class: `tvae-curve tvae-${name}`,
      points: values.map((value, i) => `${x(steps[i]).toFixed(1)},${y(value).toFixed(1)}`).join(" ") });
    const run = chosen();
    lines.push(node("line", { class: "tvae-here", x1: x(model.get("step")), x2: x(model.get("step")),
      y1: above, y2: tall - below }));
    for (const name of curves) {
      if (name !== "told") lines.push(curve(healthy[name], "healthy"));
      lines.push(curve(run[name], name === "told" ? "told" : "broken"));
    }
    const last = run.elbo.length - 1;
    if (last < steps.length - 1) {
      const end = run[curves.at(-1)][last];
      lines.push(text("✕", x(steps[last]), y(end),
        { class: "tvae-end", "text-anchor": "middle", "dominant-baseline": "central" }));
    }
    svg.setAttribute("width", across);
    svg.setAttribute("height", tall);
    svg.replaceChildren(...lines);
    const ends = curves.map((name) => `${name === "told" ? "its own objective ends at"
      : `its ${name === "kl" ? "KL" : "ELBO"} on unseen images ends at`} ${inNats(run[name][last])}`);
    const control = curves.at(-1);
    svg.setAttribute("aria-label", `Curves of ${run.name} over training steps: ${ends.join(", ")} ` +
      `nats per image; that of the ${healthy.name} run at ${inNats(healthy[control].at(-1))}.`);
  }

  // Rows of pictures, each one canvas with gaps of one pixel.
  const size = height * width;
  const unseen = unpack(originals);
  const rows = [
    ["originals", () => "unseen images", () => [unseen, 0]],
    ["healthy-back", () => `${healthy.name}: reconstructed`, () => picturesOf(healthy, 0)],
    ["broken-back", () => `${chosen().name}: reconstructed`, () => picturesOf(chosen(), 0)],
    ["healthy-drawn", () => `${healthy.name}: from the prior`, () => picturesOf(healthy, 1)],
    ["broken-drawn", () => `${chosen().name}: from the prior`, () => picturesOf(chosen(), 1)],
  ].map(([name, label, source]) => ({
    label, source,
    caption: node("p", { class: "tvae-heading" }),
    canvas: node("canvas", { class: `tvae-row tvae-row-${name}`, role: "img",
      width: count * (width + 1) - 1, height }),
    broken: name.startsWith("broken"),
  }));
  function picturesOf(run, kind) {
    const at = Math.min(look(), run.elbo.length - 1);
    return [run.pixels, (2 * at + kind) * count * size];
  }
  function drawRow({ caption, canvas, label, source, broken }) {
    const [levels, start] = source();
    const context = canvas.getContext("2d");
    for (let i = 0; i < count; i += 1) {
      const own = levels.slice(start + i * size, start + (i + 1) * size);
      context.putImageData(greyImage(own, width, height), i * (width + 1), 0);
    }
    caption.textContent = label();
    caption.classList.toggle("tvae-of-broken", broken);
    canvas.setAttribute("aria-label", `${count} pictures, ${label()}, at step ${model.get("step")}`);
  }

  function paint() {
    const run = chosen();
    const step = model.get("step");
    const at = look();
    menu.value = run.name;
    show(at, step, `step ${step}`);
    note.textContent = run.note;
    const ended = at >= run.elbo.length;
    const now = Math.min(at, run.elbo.length - 1);
    const gap = run.elbo[now] - healthy.elbo[now];
    const side = gap < 0 ? "below" : "above";
    const seen = `It is told ${inNats(run.told[now])} nats; on unseen images its ELBO is ` +
      `${inNats(run.elbo[now])} and its KL ${inNats(run.kl[now])}, so the ELBO is `;
    reading.say(
      ended ? `${run.name}: diverged after step ${steps[now]}. ${seen}`
        : `${run.name}, step ${step}. ${seen}`,
      `${inNats(Math.abs(gap))} nats ${side}`, ` that of the ${healthy.name} run.`);
    charts.forEach(drawChart);
    rows.forEach(drawRow);
  }

  const key = (name, text) => node("span", {}, node("svg", { width: 28, height: 10, "aria-hidden": "true" },
    node("line", { x1: 0, x2: 28, y1: 5, y2: 5, class: `tvae-curve tvae-${name}` })), text);
  const legend = node("div", { class: "tvae-legend tvae-keys" }, key("broken", "broken run, unseen images"),
    key("told", "what it is told"), key("healthy", `${healthy.name} run, unseen images`));
  const drawn = node("div", { class: "tvae-figure" },
    ...charts.flatMap(({ title, svg }) => [node("p", { class: "tvae-heading" }, title), svg]), legend);
  const seen = node("div", { class: "tvae-figure tvae-rows" },
    ...rows.flatMap(({ caption, canvas }) => [caption, canvas]));
  el.replaceChildren(node("div", { class: "tvae-explorer tvae-training" }, controls, reading.line,
    node("div", { class: "tvae-figures" }, drawn, seen)));

  const fit = () => {
    across = drawn.clientWidth || 320;
    paint();
  };
  return keepPainted(model, ["run", "step"], paint, drawn, fit);
}

export default { render };
