// The front end of MethodExplorer.
import { native, node, number, percent, signed, spreadOf, unpack } from "tutorial_vae/explorer/controls.js";
import { band, chart, dots, even, line, markOf, roundTicks, rows, squeezed } from "tutorial_vae/explorer/chart.js";
import { explorer, legend, note, tableOf } from "tutorial_vae/explorer/view.js";

const POINTS = [-100, -30, -10, -3, -1, 0, 1, 3, 10, 30, 100];
const NAMES = { "linear-probe": "linear probe", "source-only": "source only", "l2-sp": "L2-SP" };
const CAPITALS = ["delta", "bss", "dan", "coral", "dann", "cdan", "mcc"];
const SHAPES = { chosen: "square", scratch: "diamond", base: "circle" };

function titleOf(name) {
  const [kind, method] = name.includes(": ") ? name.split(": ") : ["", name];
  const title = NAMES[method] ?? (CAPITALS.includes(method) ? method.toUpperCase() : method);
  return kind ? `${kind}: ${title}` : title;
}

export default explorer("methods", ({ data: { scratch, student, ...data }, now, choose }) => {
  // Mean, ends and Student's 95 % interval of the seeds that were measured.
  function spread(values) {
    const points = values.filter((value) => !Number.isNaN(value));
    const all = spreadOf(points);
    if (!all) return null;
    const deviation = Math.sqrt(points.reduce((sum, value) => sum + (value - all.mean) ** 2, 0) / (points.length - 1));
    const half = student[points.length] === null ? 0 : student[points.length] * deviation;
    return { ...all, points, from: all.mean - half, to: all.mean + half };
  }

  // One seed after the other, at a task, a method and a share of labels.
  const kinds = data.kinds.map((kind) => {
    const read = Object.fromEntries(["accuracy", "source", "before", "used"].map((name) => [name, unpack(kind[name])]));
    const seeds = read.before.shape[1];
    const each = (measure, ...place) => Array.from({ length: seeds }, (_, seed) => read[measure].at(...place, seed));
    const base = kind.names.indexOf(kind.reference);
    const gain = (task, method, fraction) => spread(each("accuracy", task, method, fraction)
      .map((value, seed) => 100 * (value - read.accuracy.at(task, base, fraction, seed))));
    const every = (of) => kind.tasks.flatMap((_, task) => kind.names.flatMap((__, method) =>
      kind.fractions.map((___, fraction) => of(task, method, fraction) ?? []).flat()));
    // One scale for all that may be chosen of a kind.
    const points = squeezed(Math.min(-3, ...every(gain).map(({ low }) => low)), Math.max(3, ...every(gain).map(({ high }) => high)),
      { ticks: POINTS, say: (tick) => signed(tick, 0), room: 1.08 });
    // Only what was trained on the source's labels has a classifier of the source.
    const kept = kind.names.map((_, method) => kind.tasks.some((__, task) => kind.fractions.some((___, f) => spread(each("source", task, method, f)))));
    const labelled = kind.fractions[0] > 0;
    return { ...kind, each, base, gain, points, kept, labelled, beside: labelled ? "plain fine-tuning" : "source only" };
  });

  // What is chosen; a method that was not tried with the task gives way to one that was.
  function here() {
    const kind = kinds.find(({ tasks }) => tasks.includes(now().task));
    const [task, fraction] = [kind.tasks.indexOf(now().task), Math.max(0, kind.fractions.indexOf(now().fraction))];
    const asked = kind.names.indexOf(now().method);
    const chosen = asked < 0 ? kind.first : asked;
    return { ...kind, task, fraction, chosen, name: kind.names[chosen], scratch: kind.names.indexOf(scratch),
      accuracy: (method, at = fraction) => spread(kind.each("accuracy", task, method, at)),
      after: (method) => spread(kind.each("source", task, method, fraction)), before: spread(kind.each("before", task)) };
  }
  const lookOf = (at, method) => (method === at.chosen ? "chosen" : method === at.scratch ? "scratch" : "base");

  function drawCurves(at, width) {
    const shown = [...new Set([at.scratch, at.base, at.chosen])].filter((method) => method >= 0).map((method) => {
      const look = method === at.scratch ? "scratch" : method === at.base ? "base" : "chosen";
      return { look, title: titleOf(at.names[method]), points: at.fractions.map((x, f) => {
        const of = at.accuracy(method, f);
        return { x, y: of ? of.mean : NaN, low: of ? of.low : NaN, high: of ? of.high : NaN, part: look, shape: SHAPES[look] };
      }) };
    });
    const known = at.names.flatMap((_, method) => at.fractions.flatMap((__, f) => at.accuracy(method, f) ?? []));
    const [floor, roof] = [Math.max(0, Math.floor(10 * Math.min(...known.map(({ low }) => low))) / 10),
      Math.min(1, Math.ceil(10 * Math.max(...known.map(({ high }) => high))) / 10)];
    const [first, last] = [at.fractions[0], at.fractions.at(-1)];
    const x = { low: first, high: last, title: "labels of the target that may be used",
      place: (share) => (last === first ? 0.5 : 0.02 + 0.96 * (Math.log(share / first) / Math.log(last / first))),
      ticks: at.fractions.map((share, f) => ({ at: share, name: share === last ? `${share} %` : String(share), strong: f === at.fraction })) };
    const measured = ({ points }) => ({ points: points.filter(({ y }) => !Number.isNaN(y)) });
    return [chart({ width, height: 214, left: 44, x, y: even(floor, roof, roundTicks(floor, roof, 5), (share) => percent(share, 0)), here: at.fractions[at.fraction],
      label: `Accuracy over the share of labels: ${shown.map(({ title, points }) => `${title} ${points.map((point) =>
        `${Number.isNaN(point.y) ? "not measured" : percent(point.y)} with ${point.x} %`).join(", ")}`).join("; ")}.`,
      marks: shown.flatMap((of) => [band(of.points, `tvae-${of.look}`), line(measured(of).points, `tvae-${of.look}`), dots(of.points)]) }),
    legend(...shown.toReversed().map(({ look, title }) => [[node("line", { x1: 1, x2: 29, y1: 7, y2: 7, class: `tvae-curve tvae-${look}` }),
      markOf(SHAPES[look], 15, 7, 4, { class: `tvae-dot tvae-${look}` })], look === "base" ? "plain fine-tuning" : title, 30]))];
  }

  // A row for each method, under the name of the pre-training that came before it.
  const drawRows = (at, width, look, label, x, lineOf, has = () => true) => rows({ width, look, label, x, chosen: at.name, left: 92, right: 52,
    choose: ({ method }) => method && choose({ method }),
    lines: at.names.map((name, method) => ({ name, title: titleOf(name.split(": ").at(-1)), pick: { "data-method": name },
      part: lookOf(at, method), shape: SHAPES[lookOf(at, method)],
      group: new Set(at.pretraining).size > 1 && at.pretraining[method] !== at.pretraining[method - 1]
        ? `${at.pretraining[method] === "none" ? "no" : at.pretraining[method]} pre-training` : "", ...lineOf(method) }))
      .filter((_, method) => has(method)) });

  function drawBars(at, width) {
    const x = even(0, 1, [0, 0.25, 0.5, 0.75, 1], (share) => percent(share, 0));
    const base = at.accuracy(at.base);
    if (base) x.ticks.push({ at: base.mean, name: "", strong: true });
    return drawRows(at, width, "tvae-top", `Accuracy without labels of the target: ${at.names.map((name, method) =>
      `${titleOf(name)} ${at.accuracy(method) ? percent(at.accuracy(method).mean) : "not measured"}`).join(", ")}.`, x, (method) => {
      const of = at.accuracy(method);
      return { spread: of, points: of?.points, aside: of ? percent(of.mean) : "" };
    });
  }

  function drawGains(at, width) {
    const all = at.names.map((_, method) => at.gain(at.task, method, at.fraction));
    return drawRows(at, width, "tvae-gains", `Accuracy minus that of ${at.beside}, in points, mean and 95 % interval: ${at.names.map((name, method) =>
      `${titleOf(name)} ${method === at.base ? "is the reference" : all[method]
        ? `${signed(all[method].mean)} (${signed(all[method].from)} to ${signed(all[method].to)})` : "not measured"}`).join("; ")}.`, at.points, (method) => {
      const of = all[method];
      if (!of || method === at.base) return { missing: of ? "reference" : "not measured" };
      return { spread: { mean: of.mean, low: of.from, high: of.to }, points: of.points, aside: signed(of.mean) };
    });
  }

  function drawKept(at, width) {
    const all = at.names.map((_, method) => (at.before ? at.after(method) : null));
    const has = (method) => at.kept[method];
    return drawRows(at, width, "tvae-kept", `Accuracy on the source, ${at.before ? percent(at.before.mean) : "not measured"} before; after: ${
      at.names.flatMap((name, method) => (has(method) ? `${titleOf(name)} ${all[method] ? percent(all[method].mean) : "not measured"}` : [])).join("; ")}.`,
    even(0, 1, [0, 0.5, 1], (share) => percent(share, 0)), (method) => {
      const of = all[method];
      return of ? { spread: { mean: of.mean, low: of.mean, high: at.before.mean }, from: at.before.mean, points: of.points, aside: percent(of.mean) } : {};
    }, has);
  }

  // Which setting each seed came to.
  function settingsOf(at, method) {
    const used = at.each("used", at.task, method, at.fraction).map((index) => (at.settings[index] ?? "").replaceAll("=", " "));
    const known = [...new Set(used.filter(Boolean))];
    if (known.length < 2) return known[0] ?? "not measured";
    return known.map((setting) => {
      const seeds = used.flatMap((each, seed) => (each === setting ? [seed] : []));
      return `${setting} (seed${seeds.length > 1 ? "s" : ""} ${seeds.join(" and ")})`;
    }).join("; ");
  }
  const [tuned, settings] = [note(), node("div", {})];
  function painted() {
    const at = here();
    tuned.textContent = `${titleOf(at.name)}: ${settingsOf(at, at.chosen)}, chosen ${at.labelled
      ? "by labelled images that were held back from training, seed by seed" : "by the accuracy on the other tasks, for no label of this target may be read"}.`;
    settings.replaceChildren(tableOf(["method", "chosen setting"], at.names.map((name, method) => ({ cells: [titleOf(name), settingsOf(at, method)] }))));
  }

  function reading() {
    const at = here();
    const of = at.accuracy(at.chosen);
    const about = `${titleOf(at.name)}, ${now().task}${at.labelled ? `, with ${at.fractions[at.fraction]}\u00a0% of the labels` : ""}: `;
    if (!of) return [about, "not measured", "."];
    const gain = at.gain(at.task, at.chosen, at.fraction);
    const other = at.scratch >= 0 && at.chosen !== at.scratch ? at.accuracy(at.scratch) : null;
    const after = at.after(at.chosen);
    const rest = [of.seeds > 1 ? ` (${of.seeds} seeds: ${number(100 * of.low, 1)} to ${number(100 * of.high, 1)})` : "",
      at.chosen === at.base ? "; it is what the others are compared with" : gain ? `; ${signed(gain.mean)} points beside ${at.beside}${
        gain.seeds > 1 ? ` (95\u00a0% interval ${signed(gain.from)} to ${signed(gain.to)})` : ""}` : "",
      other ? `; from scratch ${percent(other.mean)}` : "", ".",
      at.before && after ? ` On the source ${percent(after.mean)} are right, ${percent(at.before.mean)} before.` : ""];
    return [about, percent(of.mean), rest.join("")];
  }

  return {
    reading, painted,
    controls: { task: { wide: true }, method: { title: titleOf, offered: () => here().names, shown: () => here().name },
      fraction: { title: (share) => (share ? `${share} %` : "no labels"), say: (share) => (share ? `${share} per cent` : "no labels"),
        offered: () => here().fractions, shown: () => here().fractions[here().fraction] } },
    figures: [
      { wide: true, title: () => "Accuracy on held-out images of the target",
        draw: (width) => (here().labelled ? drawCurves : drawBars)(here(), width) },
      { title: () => `Beside ${here().beside}, points of accuracy`, draw: (width) => drawGains(here(), width) },
      { title: () => "Accuracy on the source, before and after", draw: (width) => drawKept(here(), width),
        after: [note("Large marks are means over the seeds, small dots the seeds. Lines of differences reach over the 95\u00a0% interval of the " +
          "mean, by Student\u2019s t; the scale of points is widest near 0. A diamond on the source is the accuracy before. Bands reach over all " +
          "seeds; the dark line across the rows is the reference. Click a row to choose its method."), tuned] }],
    below: [node("details", { class: "tvae-settings" }, node("summary", native, "The settings of every method"), settings)],
  };
});
