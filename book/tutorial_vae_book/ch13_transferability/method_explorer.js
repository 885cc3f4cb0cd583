// The front end of MethodExplorer, after the text of controls.js. Notebooks run it through anywidget;
// pages without a kernel run the same text from the stored state.
import {
  chooserOf, clamp, field, freshId, keepPainted, meanOf, menuOf, native, node, number,
  readingLine, sliderOf, text,
} from "tutorial_vae/explorer/controls.js";

const LINE = 27; // height of a method's row, pixels
const RISE = 3; // of its mean above its middle, for the seeds lie below
const POINTS = [-100, -30, -10, -3, -1, 0, 1, 3, 10, 30, 100];
const NAMES = { "linear-probe": "linear probe", "source-only": "source only", "l2-sp": "L2-SP" };
const CAPITALS = ["delta", "bss", "dan", "coral", "dann", "cdan", "mcc"];

const percent = (share, decimals = 1) => `${number(100 * share, decimals)}\u00a0%`;
const signed = (value) => {
  const shown = number(value, 1);
  return value > 0 && shown !== "0.0" ? `+${shown}` : shown;
};
// Points: nearly even near 0, then each factor of ten takes the same room.
const squeezed = (points) => Math.sign(points) * Math.log10(1 + Math.abs(points));

function titleOf(name) {
  const [kind, method] = name.includes(": ") ? name.split(": ") : ["", name];
  const title = NAMES[method] ?? (CAPITALS.includes(method) ? method.toUpperCase() : method);
  return kind ? `${kind}: ${title}` : title;
}

function render({ model, el }) {
  const { kinds, scratch, student } = model.get("data");
  const id = freshId();
  const choose = chooserOf(model);

  // What is chosen; a method that was not tried with the task gives way to one that was.
  function now() {
    const kind = kinds.find(({ tasks }) => tasks.includes(model.get("task")));
    const { tasks, methods, fractions, first, reference } = kind;
    const at = (name) => methods.findIndex((method) => method.name === name);
    return { ...kind, task: tasks.indexOf(model.get("task")), chosen: at(model.get("method")) < 0 ? first
      : at(model.get("method")), base: at(reference), scratch: at(scratch), labelled: fractions[0] > 0,
      fraction: Math.max(0, fractions.indexOf(model.get("fraction"))) };
  }

  // Mean, ends and Student's 95 % interval of the seeds that were measured.
  function spreadOf(values) {
    const seeds = values.filter((value) => value !== null);
    if (!seeds.length) return null;
    const mean = meanOf(seeds);
    const deviation = Math.sqrt(seeds.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (seeds.length - 1));
    const half = student[seeds.length] === null ? 0 : student[seeds.length] * deviation;
    return { seeds, mean, low: Math.min(...seeds), high: Math.max(...seeds), from: mean - half, to: mean + half };
  }
  const accuracyOf = (at, method, fraction = at.fraction) => spreadOf(at.accuracy[at.task][method][fraction]);
  const afterOf = (at, method) => spreadOf(at.source[at.task][method][at.fraction]);
  const gainOf = (at, method, task = at.task, fraction = at.fraction) => {
    const [own, base] = [method, at.base].map((row) => at.accuracy[task][row][fraction]);
    return spreadOf(own.map((value, seed) => (value === null || base[seed] === null ? null : 100 * (value - base[seed]))));
  };

  const tasks = kinds.flatMap((kind) => kind.tasks);
  const taskMenu = menuOf(`${id}-task`, tasks, (task) => choose({ task }));
  const methodMenu = menuOf(`${id}-method`, [], (method) => choose({ method }));
  const label = sliderOf(`${id}-fraction`, { max: 1 }, (index) => choose({ fraction: now().fractions[index] }));
  const ofTask = field(taskMenu, "task");
  ofTask.classList.add("tvae-wide"); // its names are long
  const controls = node("div", { class: "tvae-controls" }, ofTask, field(methodMenu, "method"),
    field(label.slider, "labels of the target", label.output));
  const reading = readingLine();

  // Each measure is drawn on one scale for all that may be chosen of a kind.
  const reach = new Map(kinds.map((kind) => {
    const at = { ...kind, base: kind.methods.findIndex(({ name }) => name === kind.reference) };
    const gains = kind.tasks.flatMap((_, task) => kind.methods.flatMap((__, method) =>
      kind.fractions.map((___, fraction) => gainOf(at, method, task, fraction)))).filter(Boolean);
    const ends = [Math.min(-3, ...gains.map(({ low }) => low)), Math.max(3, ...gains.map(({ high }) => high))];
    return [kind.tasks, ends.map((points) => squeezed(points) * 1.08)];
  }));

  const titled = (svg) => {
    const heading = node("h3", { class: "tvae-heading" });
    return { svg, heading, box: node("div", { class: "tvae-figure" }, heading, svg) };
  };
  const top = titled(node("svg", { role: "img" }));
  const gains = titled(node("svg", { role: "img", class: "tvae-gains" }));
  const kept = titled(node("svg", { role: "img", class: "tvae-kept" }));
  const middle = { "dominant-baseline": "central" };

  function show({ svg, heading }, width, height, title, words, drawn) {
    svg.setAttribute("width", width);
    svg.setAttribute("height", height);
    svg.setAttribute("aria-label", words);
    heading.textContent = title;
    svg.replaceChildren(...drawn);
  }

  const markOf = (shape, x, y, size, more) => (shape === "circle"
    ? node("circle", { cx: x, cy: y, r: size, ...more })
    : node("path", { d: shape === "square" ? `M${x - size} ${y - size}h${2 * size}v${2 * size}h${-2 * size}Z`
      : `M${x} ${y - size - 1}l${size + 1} ${size + 1}l${-size - 1} ${size + 1}l${-size - 1} ${-size - 1}Z`, ...more }));

  // The curves that are shown together, the chosen one last and so on top.
  function linesOf(at) {
    const lines = [{ method: at.scratch, look: "scratch", shape: "diamond" },
      { method: at.base, look: "base", shape: "circle" }, { method: at.chosen, look: "chosen", shape: "square" }];
    return lines.filter(({ method, look }) => method >= 0 && (look === "chosen"
      ? method !== at.base && method !== at.scratch : true));
  }

  function drawCurves(at, width) {
    const height = 268;
    const [left, right, high, low] = [44, 14, 12, 42];
    const lines = linesOf(at).map((line) => ({ ...line,
      points: at.fractions.map((_, fraction) => accuracyOf(at, line.method, fraction)) }));
    const known = at.methods.flatMap((_, method) => at.fractions.map((__, f) => accuracyOf(at, method, f))).filter(Boolean);
    const floor = Math.max(0, Math.floor(10 * Math.min(...known.map((each) => each.low))) / 10);
    const roof = Math.min(1, Math.ceil(10 * Math.max(...known.map((each) => each.high))) / 10);
    const [first, last] = [at.fractions[0], at.fractions.at(-1)];
    const x = (f) => left + 10 + (last === first ? 0.5 : Math.log(at.fractions[f] / first) / Math.log(last / first))
      * (width - left - right - 20);
    const y = (share) => height - low - ((share - floor) / (roof - floor || 1)) * (height - low - high);
    const drawn = [];
    const step = roof - floor > 0.45 ? 0.2 : 0.1;
    for (let tick = Math.ceil(floor / step - 1e-9) * step; tick <= roof + 1e-9; tick += step) {
      drawn.push(node("line", { x1: left, x2: width - right, y1: y(tick), y2: y(tick), class: "tvae-grid" }),
        text(percent(tick, 0), left - 6, y(tick), { ...middle, "text-anchor": "end" }));
    }
    drawn.push(node("rect", { x: x(at.fraction) - 11, y: high - 6, width: 22, height: height - low - high + 6, rx: 4, class: "tvae-now" }));
    at.fractions.forEach((fraction, f) => drawn.push(text(f === at.fractions.length - 1 ? `${fraction} %` : fraction, x(f), height - low + 17,
      { "text-anchor": "middle", class: f === at.fraction ? "tvae-strong" : "" })));
    drawn.push(text("labels of the target that may be used", (left + width - right) / 2, height - 5, { "text-anchor": "middle" }));
    for (const { points, look, shape } of lines) {
      const there = points.flatMap((point, f) => (point ? [{ ...point, x: x(f) }] : []));
      const edge = (side) => there.map((point) => `${point.x.toFixed(1)} ${y(point[side]).toFixed(1)}`);
      if (!there.length) continue;
      drawn.push(node("path", { d: `M${[...edge("low"), ...edge("high").reverse()].join("L")}Z`, class: `tvae-band tvae-${look}` }),
        node("path", { d: `M${edge("mean").join("L")}`, class: `tvae-curve tvae-${look}` }),
        ...there.map((point) => markOf(shape, point.x, y(point.mean), 4, { class: `tvae-mark tvae-${look}` })));
    }
    show(top, width, height, "Accuracy on held-out images of the target", `Accuracy over the share of labels: ${
      lines.map(({ method, points }) => `${titleOf(at.methods[method].name)} ${points.map((point, f) =>
        `${point ? percent(point.mean) : "not measured"} with ${at.fractions[f]} %`).join(", ")}`).join("; ")}.`, drawn);
  }

  function drawBars(at, width) {
    const [left, right, high] = [92, 56, 8];
    const height = high + at.methods.length * 31 + 26;
    const x = (share) => left + share * (width - left - right);
    const bottom = height - 26;
    const drawn = [0, 0.25, 0.5, 0.75, 1].flatMap((tick) => [
      node("line", { x1: x(tick), x2: x(tick), y1: high, y2: bottom, class: "tvae-grid" }),
      text(percent(tick, 0), x(tick), bottom + 16, { "text-anchor": "middle" })]);
    const base = accuracyOf(at, at.base);
    at.methods.forEach(({ short }, method) => {
      const y = high + method * 31 + 15.5;
      const look = method === at.chosen ? "chosen" : method === at.base ? "scratch" : "base";
      const spread = accuracyOf(at, method);
      drawn.push(text(titleOf(short), left - 10, y, { ...middle, "text-anchor": "end", class: `tvae-name${method === at.chosen ? " tvae-strong" : ""}` }));
      if (!spread) drawn.push(text("not measured", left + 6, y, { ...middle, class: "tvae-void" }));
      else {
        drawn.push(node("rect", { x: left, width: x(spread.mean) - left, y: y - 9, height: 18, rx: 2, class: `tvae-bar tvae-${look}` }),
          ...spread.seeds.map((seed) => node("circle", { cx: x(seed), cy: y, r: 3.2, class: "tvae-seed" })),
          text(percent(spread.mean), width, y, { ...middle, "text-anchor": "end", class: `tvae-name${method === at.chosen ? " tvae-strong" : ""}` }));
      }
      drawn.push(touch(at, method, width, y, 31));
    });
    if (base) drawn.push(node("line", { x1: x(base.mean), x2: x(base.mean), y1: high, y2: bottom, class: "tvae-rule" }));
    show(top, width, height, "Accuracy on held-out images of the target", `Accuracy without labels of the target: ${
      at.methods.map(({ name }, method) => [titleOf(name), accuracyOf(at, method)]).map(([name, spread]) =>
        `${name} ${spread ? percent(spread.mean) : "not measured"}`).join(", ")}.`, drawn);
  }

  const touch = (at, method, width, y, height) => node("rect", { x: 0, width, y: y - height / 2, height,
    fill: "transparent", "data-method": at.methods[method].name, class: "tvae-touch" });

  // A row for each method under the name of the pre-training that came before it.
  function drawRows(at, figure, width, { place, ticks, row, title, words, right, has = () => true }) {
    const [left, high] = [92, 6];
    const x = (value) => left + place(value) * (width - left - right);
    const groups = new Set(at.methods.map(({ pretraining }) => pretraining)).size;
    const drawn = [];
    const rows = [];
    let y = high;
    at.methods.forEach(({ short, pretraining }, method) => {
      if (!has(method)) return;
      if (groups > 1 && pretraining !== at.methods[method - 1]?.pretraining) {
        drawn.push(text(`${pretraining === "none" ? "no" : pretraining} pre-training`, 0, y + 14, { class: "tvae-group" }));
        y += 21;
      }
      if (method === at.chosen) drawn.push(node("rect", { x: 0, width, y, height: LINE, rx: 4, class: "tvae-now" }));
      rows.push({ short, method, y: y + LINE / 2 });
      y += LINE;
    });
    const spaced = [];
    ticks.forEach(({ at: value, label: words }) => {
      drawn.push(node("line", { x1: x(value), x2: x(value), y1: high, y2: y, class: value === 0 && place(0) > 0 ? "tvae-zero" : "tvae-grid" }));
      const meets = (other) => Math.abs(x(other.value) - x(value)) < 3.4 * (other.words.length + words.length) + 7;
      if (spaced.some(meets)) return;
      spaced.push({ value, words });
      drawn.push(text(words, x(value), y + 16, { "text-anchor": "middle" }));
    });
    rows.forEach(({ short, method, y: level }) => {
      drawn.push(text(titleOf(short), left - 10, level, { ...middle, "text-anchor": "end",
        class: `tvae-name${method === at.chosen ? " tvae-strong" : ""}` }), ...row(method, x, level), touch(at, method, width, level, LINE));
    });
    show(figure, width, y + 24, title, words, drawn);
  }

  const seedsOf = ({ seeds }, x, y) => seeds.map((seed) => node("circle", { cx: x(seed), cy: y + 7, r: 2.4, class: "tvae-seed-dot" }));
  const besideWhat = (at) => (at.labelled ? "plain fine-tuning" : "source only");
  function drawGains(at, width) {
    const [low, high] = reach.get(at.tasks);
    const inside = (points) => clamp(squeezed(points), low, high);
    // 0 gets its label first.
    const ticks = POINTS.filter((points) => squeezed(points) > low && squeezed(points) < high)
      .sort((a, b) => Math.abs(a) - Math.abs(b)).map((points) => ({ at: points, label: signed(points).replace(".0", "") }));
    const all = at.methods.map((_, method) => gainOf(at, method));
    drawRows(at, gains, width, {
      place: (points) => (inside(points) - low) / (high - low), ticks, right: 48,
      title: `Beside ${besideWhat(at)}, points of accuracy`,
      words: `Accuracy minus that of ${besideWhat(at)}, in points, mean and 95 % interval: ${at.methods.map(({ name }, method) =>
        `${titleOf(name)} ${method === at.base ? "is the reference" : all[method]
          ? `${signed(all[method].mean)} (${signed(all[method].from)} to ${signed(all[method].to)})` : "not measured"}`).join("; ")}.`,
      row: (method, x, y) => {
        const spread = all[method];
        if (method === at.base) return [text("reference", width, y, { ...middle, "text-anchor": "end", class: "tvae-void" })];
        if (!spread) return [text("not measured", width, y, { ...middle, "text-anchor": "end", class: "tvae-void" })];
        const look = method === at.chosen ? "chosen" : method === at.scratch ? "scratch" : "base";
        return [node("line", { x1: x(spread.from), x2: x(spread.to), y1: y - RISE, y2: y - RISE, class: `tvae-interval tvae-${look}` }),
          ...seedsOf(spread, x, y),
          markOf(method === at.scratch ? "diamond" : method === at.chosen ? "square" : "circle", x(spread.mean), y - RISE, 5, { class: `tvae-mark tvae-${look}` }),
          text(signed(spread.mean), width, y, { ...middle, "text-anchor": "end", class: `tvae-name${method === at.chosen ? " tvae-strong" : ""}` })];
      },
    });
  }

  function drawKept(at, width) {
    const before = spreadOf(at.before[at.task]);
    const all = at.methods.map((_, method) => afterOf(at, method));
    // Only what was trained on the source's labels has a classifier of the source.
    const has = (method) => at.source.some((task) => task[method].flat().some((value) => value !== null));
    drawRows(at, kept, width, {
      place: (share) => share, right: 48, has,
      ticks: [0, 1, 0.5].map((tick) => ({ at: tick, label: percent(tick, 0) })),
      title: "Accuracy on the source, before and after",
      words: `Accuracy on the source, ${before ? percent(before.mean) : "not measured"} before; after: ${at.methods.flatMap(({ name }, method) => (
        has(method) ? [`${titleOf(name)} ${all[method] ? percent(all[method].mean) : "not measured"}`] : [])).join("; ")}.`,
      row: (method, x, y) => {
        const spread = all[method];
        if (!spread || !before) return [text("not measured", width, y, { ...middle, "text-anchor": "end", class: "tvae-void" })];
        const look = method === at.chosen ? "chosen" : "base";
        return [node("line", { x1: x(before.mean), x2: x(spread.mean), y1: y - RISE, y2: y - RISE, class: `tvae-interval tvae-${look}` }),
          markOf("diamond", x(before.mean), y - RISE, 4.5, { class: "tvae-before" }),
          ...seedsOf(spread, x, y),
          markOf(method === at.chosen ? "square" : "circle", x(spread.mean), y - RISE, 5, { class: `tvae-mark tvae-${look}` }),
          text(percent(spread.mean), width, y, { ...middle, "text-anchor": "end", class: `tvae-name${method === at.chosen ? " tvae-strong" : ""}` })];
      },
    });
  }

  for (const { svg } of [top, gains, kept]) {
    svg.addEventListener("click", ({ target }) => {
      if ("method" in target.dataset) choose({ method: target.dataset.method });
    });
  }

  // Which setting each seed came to.
  function settingsOf(at, method) {
    const used = at.used[at.task][method][at.fraction].map((index) => (index === null ? null : at.settings[index].replaceAll("=", " ")));
    const known = [...new Set(used.filter(Boolean))];
    const seedsWith = (setting) => used.flatMap((each, seed) => (each === setting ? [seed] : []));
    if (known.length < 2) return known[0] ?? "not measured";
    return known.map((setting) => {
      const seeds = seedsWith(setting);
      return `${setting} (seed${seeds.length > 1 ? "s" : ""} ${seeds.join(" and ")})`;
    }).join("; ");
  }

  const tuned = node("p", { class: "tvae-note" });
  const settingRows = node("tbody");
  const settings = node("details", { class: "tvae-settings" }, node("summary", native, "The settings of every method"),
    node("table", {}, node("thead", {}, node("tr", {}, node("th", { scope: "col" }, "method"), node("th", { scope: "col" }, "chosen setting"))), settingRows));

  function drawSettings(at) {
    tuned.replaceChildren(`${titleOf(at.methods[at.chosen].name)}: ${settingsOf(at, at.chosen)}, chosen ${
      at.labelled ? "by labelled images that were held back from training, seed by seed" : "by the accuracy on the other tasks, for no label of this target may be read"}.`);
    settingRows.replaceChildren(...at.methods.map(({ name }, method) => node("tr", {},
      node("th", { scope: "row" }, titleOf(name)), node("td", {}, settingsOf(at, method)))));
  }

  const key = (look, shape, words) => node("span", { class: "tvae-key" },
    node("svg", { width: 30, height: 14, "aria-hidden": "true" },
      node("line", { x1: 1, x2: 29, y1: 7, y2: 7, class: `tvae-curve tvae-${look}` }),
      markOf(shape, 15, 7, 4, { class: `tvae-mark tvae-${look}` })), words);
  const keys = node("p", { class: "tvae-legend" });

  function say(at) {
    const { name } = at.methods[at.chosen];
    const spread = accuracyOf(at, at.chosen);
    const how = at.labelled ? `, with ${at.fractions[at.fraction]}\u00a0% of the labels: ` : ": ";
    const about = `${titleOf(name)}, ${model.get("task")}${how}`;
    if (!spread) return reading.say(about, "not measured", ".");
    const several = spread.seeds.length > 1;
    const gain = gainOf(at, at.chosen);
    const other = at.scratch >= 0 && at.chosen !== at.scratch ? accuracyOf(at, at.scratch) : null;
    const [before, after] = [spreadOf(at.before[at.task]), afterOf(at, at.chosen)];
    const rest = [several ? ` (${spread.seeds.length} seeds: ${number(100 * spread.low, 1)} to ${number(100 * spread.high, 1)})` : "",
      at.chosen === at.base ? "; it is what the others are compared with" : gain ? `; ${signed(gain.mean)} points beside ${besideWhat(at)}${
        gain.seeds.length > 1 ? ` (95\u00a0% interval ${signed(gain.from)} to ${signed(gain.to)})` : ""}` : "",
      other ? `; from scratch ${percent(other.mean)}` : "", ".",
      before && after ? ` On the source ${percent(after.mean)} are right, ${percent(before.mean)} before.` : ""];
    return reading.say(about, percent(spread.mean), rest.join(""));
  }

  function paint() {
    const at = now();
    taskMenu.value = model.get("task");
    methodMenu.replaceChildren(...at.methods.map(({ name }) => node("option", { value: name }, titleOf(name))));
    methodMenu.value = at.methods[at.chosen].name;
    label.slider.max = at.fractions.length - 1;
    label.slider.disabled = !at.labelled;
    label.show(at.fraction, at.labelled ? `${at.fractions[at.fraction]} %` : "no labels",
      at.labelled ? `${at.fractions[at.fraction]} per cent` : "no labels");
    keys.hidden = !at.labelled;
    keys.replaceChildren(...linesOf(at).reverse().map(({ method, look, shape }) =>
      key(look, shape, look === "base" ? "plain fine-tuning" : titleOf(at.methods[method].name))));
    say(at);
    (at.labelled ? drawCurves : drawBars)(at, top.box.clientWidth || 600);
    drawGains(at, gains.box.clientWidth || 320);
    drawKept(at, kept.box.clientWidth || 320);
    drawSettings(at);
  }

  top.box.append(keys);
  kept.box.append(node("p", { class: "tvae-note" }, "Large marks are means over the seeds, small dots the seeds. Lines of differences " +
    "reach over the 95\u00a0% interval of the mean, by Student\u2019s t; the scale of points is widest near 0. A diamond on the source is " +
    "the accuracy before. Bands reach over all seeds; what is grey and dashed is the control. Click a row to choose its method."), tuned);
  const pair = node("div", { class: "tvae-figures" }, gains.box, kept.box);
  el.replaceChildren(node("div", { class: "tvae-explorer tvae-methods" }, controls, reading.line, top.box, pair, settings));
  return keepPainted(model, ["task", "method", "fraction"], paint, pair);
}

export default { render };
