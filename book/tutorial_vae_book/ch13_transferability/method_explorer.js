// The front end of MethodExplorer.
import { clamp, meanOf, native, node, number, percent, signed, spreadOf, text, unpack } from "tutorial_vae/explorer/controls.js";
import { band, chart, even, line, markOf, squeezed, withRoom } from "tutorial_vae/explorer/chart.js";
import { explorer, legend, note, tableOf } from "tutorial_vae/explorer/view.js";

const NAMES = { "linear-probe": "linear probe", "source-only": "source only", "l2-sp": "L2-SP" };
const CAPITALS = ["delta", "bss", "dan", "coral", "dann", "cdan", "mcc"];
const CENTRAL = { "dominant-baseline": "central" };
const ENDING = { ...CENTRAL, "text-anchor": "end" };

function titleOf(name) {
  const [kind, method] = name.includes(": ") ? name.split(": ") : ["", name];
  const title = NAMES[method] ?? (CAPITALS.includes(method) ? method.toUpperCase() : method);
  return kind ? `${kind}: ${title}` : title;
}

export default explorer("methods", ({ data: { kinds, scratch, student }, now, choose, valuesOf }) => {
  const known = kinds.map((kind) => ({ ...kind, labelled: kind.fractions[0] > 0, base: kind.methods.findIndex(({ name }) => name === kind.reference),
    ...Object.fromEntries(["accuracy", "source", "before", "used"].map((name) => [name, unpack(kind[name])])) }));

  // What is chosen; a method that was not tried with the task gives way to one that was.
  function state() {
    const { task, method, fraction } = now();
    const kind = known.find(({ tasks }) => tasks.includes(task));
    const index = (name) => kind.methods.findIndex((each) => each.name === name);
    return { ...kind, task: kind.tasks.indexOf(task), chosen: index(method) < 0 ? kind.first : index(method),
      scratch: index(scratch), fraction: Math.max(0, kind.fractions.indexOf(fraction)) };
  }

  // Mean, ends and Student's 95 % interval of the seeds that were measured.
  function estimate(values) {
    const seeds = values.filter((value) => !Number.isNaN(value));
    if (!seeds.length) return null;
    const mean = meanOf(seeds);
    const deviation = Math.sqrt(seeds.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (seeds.length - 1));
    const half = student[seeds.length] === null ? 0 : student[seeds.length] * deviation;
    return { ...spreadOf(seeds), seeds, from: mean - half, to: mean + half };
  }
  const seedsOf = (table, ...place) => Array.from({ length: table.shape.at(-1) }, (_, seed) => table.at(...place, seed));
  const accuracyOf = (at, method, fraction = at.fraction) => estimate(seedsOf(at.accuracy, at.task, method, fraction));
  const afterOf = (at, method) => estimate(seedsOf(at.source, at.task, method, at.fraction));
  function gainOf(at, method, task = at.task, fraction = at.fraction) {
    const [own, base] = [method, at.base].map((row) => seedsOf(at.accuracy, task, row, fraction));
    return estimate(own.map((value, seed) => 100 * (value - base[seed])));
  }

  // Each measure is drawn on one scale for all that may be chosen of a kind.
  const reach = new Map(known.map((kind) => {
    const gains = kind.tasks.flatMap((_, task) => kind.methods.flatMap((__, method) =>
      kind.fractions.flatMap((___, fraction) => gainOf(kind, method, task, fraction) ?? [])));
    return [kind.tasks, squeezed(Math.min(-3, ...gains.map(({ low }) => low)), Math.max(3, ...gains.map(({ high }) => high)),
      { ticks: [-100, -30, -10, -3, -1, 0, 1, 3, 10, 30, 100], say: (tick) => signed(tick, 0), room: 1.08 })];
  }));

  const lookOf = (at, method) => (method === at.chosen ? "chosen" : method === at.scratch ? "scratch" : "base");
  const strongIf = (isStrong) => `tvae-name${isStrong ? " tvae-strong" : ""}`;

  // The curves that are shown together, the chosen one last and so on top.
  function linesOf(at) {
    const lines = [{ method: at.scratch, look: "scratch", shape: "diamond" },
      { method: at.base, look: "base", shape: "circle" }, { method: at.chosen, look: "chosen", shape: "square" }];
    return lines.filter(({ method, look }) => method >= 0 && (look !== "chosen" || (method !== at.base && method !== at.scratch)));
  }

  function drawCurves(at, width) {
    const lines = linesOf(at).map((each) => ({ ...each, points: at.fractions.map((fraction, f) => {
      const spread = accuracyOf(at, each.method, f);
      return spread ? { ...spread, x: fraction, y: spread.mean } : { x: fraction, y: NaN, low: NaN, high: NaN };
    }) }));
    const all = at.methods.flatMap((_, method) => at.fractions.flatMap((__, f) => accuracyOf(at, method, f) ?? []));
    const floor = Math.max(0, Math.floor(10 * Math.min(...all.map(({ low }) => low))) / 10);
    const roof = Math.min(1, Math.ceil(10 * Math.max(...all.map(({ high }) => high))) / 10);
    const [first, last] = [at.fractions[0], at.fractions.at(-1)];
    const ticks = [0, 0.2, 0.4, 0.6, 0.8, 1, ...(roof - floor > 0.45 ? [] : [0.1, 0.3, 0.5, 0.7, 0.9])];
    const y = even(floor, roof, ticks.filter((tick) => tick > floor - 1e-9 && tick < roof + 1e-9), (tick) => percent(tick, 0));
    const x = { title: "labels of the target that may be used",
      place: (fraction) => 0.03 + 0.94 * (last === first ? 0.5 : Math.log(fraction / first) / Math.log(last / first)),
      ticks: at.fractions.map((fraction, f) => ({ at: fraction, name: `${fraction}${fraction === last ? " %" : ""}`, strong: f === at.fraction })) };
    const told = lines.map(({ method, points }) => `${titleOf(at.methods[method].name)} ${points.map(({ x: fraction, y: mean }) =>
      `${Number.isNaN(mean) ? "not measured" : percent(mean)} with ${fraction} %`).join(", ")}`);
    return chart({ width, height: 214, left: 44, right: 14, top: 12, x, y, here: at.fractions[at.fraction],
      label: `Accuracy over the share of labels: ${told.join("; ")}.`,
      marks: lines.flatMap(({ points, look, shape }) => [band(points, `tvae-${look}`), line(points, `tvae-${look}`),
        (frame) => points.filter((point) => !Number.isNaN(point.y)).map((point) =>
          markOf(shape, frame.x(point.x), frame.y(point.y), 4, { class: `tvae-mark tvae-${look}` }))]) });
  }

  // A row for each method, where it is `grouped` under the name of the pre-training that came before it.
  // `row` draws one: of a method, its place across and down, and the value at its right end.
  function drawRows(at, width, { scale, row, words, look = "", grouped = true, has = () => true, right = 48, height = 27, after = [] }) {
    const [left, high] = [92, 6];
    const x = (value) => left + scale.place(clamp(value, scale.low, scale.high)) * (width - left - right);
    const groups = grouped && new Set(at.methods.map(({ pretraining }) => pretraining)).size > 1;
    let bottom = high;
    const drawn = at.methods.flatMap(({ name, short, pretraining }, method) => {
      if (!has(method)) return [];
      const isNew = groups && pretraining !== at.methods[method - 1]?.pretraining;
      const heading = isNew ? [text(`${pretraining === "none" ? "no" : pretraining} pre-training`, 0, bottom + 14, { class: "tvae-group" })] : [];
      const top = bottom + (isNew ? 21 : 0);
      const y = top + height / 2;
      bottom = top + height;
      const { marks = [], value, quiet = false } = row(method, x, y);
      const isChosen = method === at.chosen;
      return [...heading, ...(isChosen ? [node("rect", { x: 0, width, y: top, height, rx: 4, class: "tvae-now" })] : []),
        text(titleOf(short), left - 10, y, { ...ENDING, class: strongIf(isChosen) }), ...marks,
        text(value, width, y, { ...ENDING, class: quiet ? "tvae-void-text" : strongIf(isChosen) }),
        node("rect", { x: 0, width, y: top, height, fill: "transparent", "data-method": name, class: "tvae-touch" })];
    });
    const svg = node("svg", { role: "img", class: `tvae-chart ${look}`, width, height: bottom + 24, "aria-label": words },
      ...scale.ticks.map(({ at: tick }) => node("line", { x1: x(tick), x2: x(tick), y1: high, y2: bottom,
        class: tick === 0 && scale.low < 0 ? "tvae-zero" : "tvae-grid" })),
      ...withRoom(scale.ticks, x).map(({ at: tick, name }) => text(name, x(tick), bottom + 16, { "text-anchor": "middle" })),
      ...drawn, ...after.map((value) => node("line", { x1: x(value), x2: x(value), y1: high, y2: bottom, class: "tvae-rule" })));
    svg.addEventListener("click", ({ target: { dataset: { method } } }) => method && choose({ method }));
    return svg;
  }
  const missing = { value: "not measured", quiet: true };

  function drawBars(at, width) {
    const base = accuracyOf(at, at.base);
    const told = at.methods.map(({ name }, method) => [titleOf(name), accuracyOf(at, method)])
      .map(([name, spread]) => `${name} ${spread ? percent(spread.mean) : "not measured"}`);
    return drawRows(at, width, { grouped: false, height: 31, right: 56, after: base ? [base.mean] : [],
      scale: even(0, 1, [0, 0.25, 0.5, 0.75, 1], (tick) => percent(tick, 0)), words: `Accuracy without labels of the target: ${told.join(", ")}.`,
      row(method, x, y) {
        const spread = accuracyOf(at, method);
        if (!spread) return missing;
        const look = method === at.chosen ? "chosen" : method === at.base ? "scratch" : "base";
        return { value: percent(spread.mean), marks: [
          node("rect", { x: x(0), width: x(spread.mean) - x(0), y: y - 9, height: 18, rx: 2, class: `tvae-bar tvae-${look}` }),
          ...spread.seeds.map((seed) => node("circle", { cx: x(seed), cy: y, r: 3.2, class: "tvae-seed" }))] };
      } });
  }

  // A mean with its line a little above the middle of its row, and the seeds below it.
  const meanAndSeeds = ({ seeds, mean }, [from, to], x, y, look, shape, more = []) => [
    node("line", { x1: x(from), x2: x(to), y1: y - 3, y2: y - 3, class: `tvae-interval tvae-${look}` }), ...more,
    ...seeds.map((seed) => node("circle", { cx: x(seed), cy: y + 7, r: 2.4, class: "tvae-seed-dot" })),
    markOf(shape, x(mean), y - 3, 5, { class: `tvae-mark tvae-${look}` })];

  const besideWhat = (at) => (at.labelled ? "plain fine-tuning" : "source only");
  function drawGains(at, width) {
    const all = at.methods.map((_, method) => gainOf(at, method));
    const told = at.methods.map(({ name }, method) => `${titleOf(name)} ${method === at.base ? "is the reference" : all[method]
      ? `${signed(all[method].mean)} (${signed(all[method].from)} to ${signed(all[method].to)})` : "not measured"}`);
    return drawRows(at, width, { look: "tvae-gains", scale: reach.get(at.tasks),
      words: `Accuracy minus that of ${besideWhat(at)}, in points, mean and 95 % interval: ${told.join("; ")}.`,
      row(method, x, y) {
        const [spread, look] = [all[method], lookOf(at, method)];
        if (method === at.base) return { value: "reference", quiet: true };
        return !spread ? missing : { value: signed(spread.mean), marks: meanAndSeeds(spread, [spread.from, spread.to], x, y, look,
          { chosen: "square", scratch: "diamond", base: "circle" }[method === at.scratch ? "scratch" : look]) };
      } });
  }

  function drawKept(at, width) {
    const before = estimate(seedsOf(at.before, at.task));
    const all = at.methods.map((_, method) => afterOf(at, method));
    // Only what was trained on the source's labels has a classifier of the source.
    const has = (method) => at.tasks.some((_, task) => at.fractions.some((__, f) => spreadOf(seedsOf(at.source, task, method, f))));
    const told = at.methods.flatMap(({ name }, method) => (has(method)
      ? [`${titleOf(name)} ${all[method] ? percent(all[method].mean) : "not measured"}`] : []));
    return drawRows(at, width, { look: "tvae-kept", has, scale: even(0, 1, [0, 0.5, 1], (tick) => percent(tick, 0)),
      words: `Accuracy on the source, ${before ? percent(before.mean) : "not measured"} before; after: ${told.join("; ")}.`,
      row(method, x, y) {
        const spread = all[method];
        if (!spread || !before) return missing;
        const isChosen = method === at.chosen;
        return { value: percent(spread.mean), marks: meanAndSeeds(spread, [before.mean, spread.mean], x, y, isChosen ? "chosen" : "base",
          isChosen ? "square" : "circle", [markOf("diamond", x(before.mean), y - 3, 4.5, { class: "tvae-before" })]) };
      } });
  }

  // Which setting each seed came to.
  function settingsOf(at, method) {
    const used = seedsOf(at.used, at.task, method, at.fraction).map((index) => (Number.isNaN(index) ? null : at.settings[index].replaceAll("=", " ")));
    const different = [...new Set(used.filter(Boolean))];
    if (different.length < 2) return different[0] ?? "not measured";
    return different.map((setting) => {
      const seeds = used.flatMap((each, seed) => (each === setting ? [seed] : []));
      return `${setting} (seed${seeds.length > 1 ? "s" : ""} ${seeds.join(" and ")})`;
    }).join("; ");
  }

  function reading() {
    const at = state();
    const spread = accuracyOf(at, at.chosen);
    const how = at.labelled ? `, with ${at.fractions[at.fraction]}\u00a0% of the labels: ` : ": ";
    const about = `${titleOf(at.methods[at.chosen].name)}, ${now().task}${how}`;
    if (!spread) return [about, "not measured", "."];
    const gain = gainOf(at, at.chosen);
    const other = at.scratch >= 0 && at.chosen !== at.scratch ? accuracyOf(at, at.scratch) : null;
    const [before, after] = [estimate(seedsOf(at.before, at.task)), afterOf(at, at.chosen)];
    const [low, high] = [spread.low, spread.high].map((share) => number(100 * share, 1));
    const interval = gain?.seeds.length > 1 ? ` (95\u00a0% interval ${signed(gain.from)} to ${signed(gain.to)})` : "";
    return [about, percent(spread.mean), [
      spread.seeds.length > 1 ? ` (${spread.seeds.length} seeds: ${low} to ${high})` : "",
      at.chosen === at.base ? "; it is what the others are compared with"
        : gain ? `; ${signed(gain.mean)} points beside ${besideWhat(at)}${interval}` : "",
      other ? `; from scratch ${percent(other.mean)}` : "", ".",
      before && after ? ` On the source ${percent(after.mean)} are right, ${percent(before.mean)} before.` : ""].join("")];
  }

  const key = (look, shape, words) => [[node("line", { x1: 1, x2: 29, y1: 7, y2: 7, class: `tvae-curve tvae-${look}` }),
    markOf(shape, 15, 7, 4, { class: `tvae-mark tvae-${look}` })], words, 30];
  const [tuned, settings] = [note(), node("div")];
  const heading = (title, draw, more) => ({ title, draw: (width) => draw(state(), width), ...more });
  const labelsOf = (say) => (fraction) => (fraction ? say(fraction) : "no labels");
  return {
    reading,
    controls: {
      task: { wide: true },
      method: { title: titleOf, offered: () => state().methods.map(({ name }) => name), shown: () => state().methods[state().chosen].name },
      fraction: { title: labelsOf((fraction) => `${fraction} %`), say: labelsOf((fraction) => `${fraction} per cent`),
        offered: () => state().fractions, shown: () => state().fractions[state().fraction] },
    },
    figures: [
      heading(() => "Accuracy on held-out images of the target", (at, width) => (!at.labelled ? drawBars(at, width)
        : [drawCurves(at, width), legend(...linesOf(at).reverse().map(({ method, look, shape }) =>
          key(look, shape, look === "base" ? "plain fine-tuning" : titleOf(at.methods[method].name))))]), { wide: true }),
      heading(() => `Beside ${besideWhat(state())}, points of accuracy`, drawGains),
      heading(() => "Accuracy on the source, before and after", drawKept, { after: [
        note("Large marks are means over the seeds, small dots the seeds. Lines of differences reach over the 95\u00a0% interval of the mean, " +
          "by Student\u2019s t; the scale of points is widest near 0. A diamond on the source is the accuracy before. Bands reach over all " +
          "seeds; what is grey and dashed is the control. Click a row to choose its method."), tuned] })],
    below: [node("details", { class: "tvae-settings" }, node("summary", native, "The settings of every method"), settings)],
    painted() {
      const at = state();
      tuned.textContent = `${titleOf(at.methods[at.chosen].name)}: ${settingsOf(at, at.chosen)}, chosen ${at.labelled
        ? "by labelled images that were held back from training, seed by seed"
        : "by the accuracy on the other tasks, for no label of this target may be read"}.`;
      settings.replaceChildren(tableOf(["method", "chosen setting"],
        at.methods.map(({ name }, method) => ({ cells: [titleOf(name), settingsOf(at, method)] }))));
    },
  };
});
