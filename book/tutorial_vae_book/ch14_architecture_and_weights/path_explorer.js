// The front end of PathExplorer.
import { field, meanOf, menuOf, node, number, percent, text, unpack } from "tutorial_vae/explorer/controls.js";
import { chart, even, markOf, roundTicks } from "tutorial_vae/explorer/chart.js";
import { explorer, legend, note, tableOf } from "tutorial_vae/explorer/view.js";

const ROW = 46; // from one block to the next below it, pixels
const TAU = "Kendall\u2019s \u03c4";

const present = (values) => values.filter((value) => !Number.isNaN(value));
const rangeOf = (values) => [Math.min(...values), Math.max(...values)];
const capital = (words) => words[0].toUpperCase() + words.slice(1);

// Kendall's rank correlation of two lists, corrected for ties (tau-b).
function kendall(xs, ys) {
  let [agreement, pairsOfX, pairsOfY] = [0, 0, 0];
  xs.forEach((x, i) => xs.slice(0, i).forEach((other, j) => {
    const [a, b] = [Math.sign(x - other), Math.sign(ys[i] - ys[j])];
    agreement += a * b;
    pairsOfX += a * a;
    pairsOfY += b * b;
  }));
  return agreement / Math.sqrt(pairsOfX * pairsOfY);
}

export default explorer("paths", ({ data, now, choose, valuesOf, id }) => {
  const { candidates, tasks } = data;
  const [paths, seeds, costs] = [valuesOf("path"), valuesOf("seed").filter((seed) => seed !== null), unpack(data.multiply_adds).values];
  const [shared, alone] = [data.shared, data.alone].map(unpack);
  const starts = valuesOf("shared");
  const stages = paths[0].split("-").map((_, stage) => stage);
  const meanWords = `mean of ${seeds.length} seed${seeds.length === 1 ? "" : "s"}`;
  const blocks = (path) => paths[path].split("-").map((choice) => candidates[choice]).join(", ");

  // Of one seed, or the mean of those that were measured, rounded so that equal means tie.
  const valueOf = (values, seed) => (seed >= 0 ? values[seed] : Number(meanOf(present(values)).toFixed(9)));

  // Scores of all paths by their start, of those starts that were tried with a task.
  function tables(kind, scores, task, seed) {
    return starts.flatMap((start, s) => {
      const values = paths.map((_, path) => seeds.map((__, i) => scores.at(task, s, path, i)));
      return present(values.flat()).length ? [{ kind, start, values, scores: values.map((each) => valueOf(each, seed)) }] : [];
    });
  }

  // What is chosen; a start that was not tried with the task gives way to one that was.
  function state() {
    const at = now();
    const [task, seed] = [valuesOf("task").indexOf(at.task), seeds.indexOf(at.seed)];
    const all = [...tables("shared", shared, task, seed), ...tables("alone", alone, task, seed)];
    const some = (kind) => all.filter((each) => each.kind === kind);
    const pick = (kind) => some(kind).find(({ start }) => start === at[kind]) ?? some(kind)[0]
      ?? { start: at[kind], values: paths.map(() => []), scores: paths.map(() => NaN) };
    return { ...tasks[task], name: at.task, seed, path: paths.indexOf(at.path), all, some, shared: pick("shared"), alone: pick("alone") };
  }

  const rankWords = (scores, path) => {
    const measured = present(scores);
    return `${1 + measured.filter((score) => score > scores[path]).length} of ${measured.length}`;
  };

  // A path that is at least as good by itself, costs no more and is not equal in both.
  const beats = ({ alone: { scores } }, path) => paths.findIndex((_, other) => scores[other] >= scores[path]
    && costs[other] <= costs[path] && (scores[other] !== scores[path] || costs[other] !== costs[path]));
  const judged = ({ alone: { scores } }, path) => !Number.isNaN(scores[path]) && present(costs).length === costs.length;
  const onFront = (at, path) => judged(at, path) && beats(at, path) < 0;

  // Seed by seed, over the paths that have both scores: the value, and where it comes from.
  function tauWords(at) {
    const taus = seeds.map((_, seed) => {
      const both = paths.map((__, path) => [at.shared.values[path][seed], at.alone.values[path][seed]])
        .filter(([x, y]) => !Number.isNaN(x + y));
      return kendall(both.map(([x]) => x), both.map(([, y]) => y));
    });
    const defined = present(taus);
    if (!defined.length) return ["not defined", ""];
    const mean = number(meanOf(defined));
    const [least, most] = rangeOf(defined).map((tau) => number(tau));
    const spread = defined.length > 1 ? ` (${least} to ${most})` : "";
    return at.seed < 0 ? [mean, `, ${meanWords}${spread}`]
      : [number(taus[at.seed]), ` for seed ${seeds[at.seed]}; ${meanWords}: ${mean}${spread}`];
  }

  // The source has no weights from before.
  const titleOf = (start) => (state().source || start === "fresh" ? "fresh ones" : "the source\u2019s");
  const chooseBlock = (stage, choice) => choose({ path: now().path.split("-").with(stage, choice).join("-") });
  const blockMenus = stages.map((stage) => {
    const menu = menuOf(`${id}-stage${stage}`, [], (choice) => chooseBlock(stage, choice));
    menu.replaceChildren(...candidates.map((name, choice) => node("option", { value: choice }, name)));
    return menu;
  });

  // Each stage is a convolution that all paths share, then its blocks; what is chosen comes last, on top.
  function drawNetwork(width) {
    const column = width / stages.length;
    const height = candidates.length * ROW + 26;
    const size = Math.min(86, column - 42);
    const centre = (ROW * candidates.length) / 2;
    const chosen = now().path.split("-").map(Number);
    const [back, front] = [[], []];
    for (const stage of stages) {
      const [from, to] = [stage * column, (stage + 1) * column];
      const [gate, begin] = [from + 12, from + column / 2 - size / 2 + 3];
      const end = begin + size;
      candidates.forEach((name, choice) => {
        const [mine, layer] = chosen[stage] === choice ? [" tvae-chosen", front] : ["", back];
        const y = ROW * (choice + 0.5);
        const flow = `M${gate + 5} ${centre}C${gate + 14} ${centre} ${gate + 6} ${y} ${begin} ${y}` +
          `M${end} ${y}C${to - 2} ${y} ${end + 4} ${centre} ${to} ${centre}`;
        layer.push(node("path", { d: flow, class: `tvae-flow${mine}` }),
          node("rect", { x: begin, y: y - 15, width: size, height: 30, rx: 6, class: `tvae-block${mine}` }),
          text(name, begin + size / 2, y, { "text-anchor": "middle", "dominant-baseline": "central", class: mine ? "tvae-strong" : "" }),
          node("rect", { x: begin - 8, y: y - ROW / 2, width: size + 16, height: ROW, fill: "transparent",
            class: "tvae-touch", "data-stage": stage, "data-choice": choice }));
      });
      front.push(node("path", { d: `M${from} ${centre}H${gate}`, class: "tvae-flow tvae-chosen" }),
        node("rect", { x: gate - 3, y: centre - 24, width: 8, height: 48, rx: 2, class: "tvae-gate" }));
    }
    const taken = chosen.map((choice, stage) => `${candidates[choice]} in stage ${stage + 1}`).join(", ");
    const svg = node("svg", { role: "img", class: "tvae-chart", width, height,
      "aria-label": `Super-network of ${stages.length} stages, each with the blocks ${candidates.join(", ")}. The chosen path takes ${taken}.` },
    ...back, ...front, text("image", 0, height - 8), text("head", width, height - 8, { "text-anchor": "end" }),
    text("bars: side halved, on all paths", width / 2, height - 8, { "text-anchor": "middle", class: "tvae-small" }));
    svg.addEventListener("click", ({ target: { dataset } }) => "stage" in dataset && chooseBlock(Number(dataset.stage), dataset.choice));
    return svg;
  }

  function drawTable(at) {
    return tableOf(["weights", "score", "rank"], at.all.map((each) => {
      const { kind, start, scores, values } = each;
      const [score, measured] = [scores[at.path], present(values[at.path])];
      const spread = at.seed < 0 && measured.length > 1 ? `(${rangeOf(measured).map((value) => number(100 * value, 1)).join(" to ")})` : "";
      return { look: each === at.shared || each === at.alone ? "tvae-drawn" : "", cells: [
        `${kind === "shared" ? kind : "by itself"}, from ${titleOf(start)}`,
        [Number.isNaN(score) ? "not measured" : percent(score), " ", node("span", { class: "tvae-quiet" }, spread)],
        Number.isNaN(score) ? "" : rankWords(scores, at.path)] };
    }));
  }

  const millions = (path) => `${number(costs[path] / 1e6)} million multiply-adds`;
  function costWords(at) {
    const price = Number.isNaN(costs[at.path]) ? "Multiply-adds not measured"
      : `${millions(at.path)} for an image of the source, rank ${
        1 + costs.filter((other) => other < costs[at.path]).length} of ${present(costs).length} from the cheapest`;
    const better = beats(at, at.path);
    const front = !judged(at, at.path) ? "" : better < 0 ? " On the Pareto front: no other path is as good by itself for as little."
      : ` Not on the Pareto front: ${blocks(better)} is at least as good by itself and costs no more.`;
    return node("p", { class: "tvae-cost" }, `${price}.${front}`);
  }

  function scaleOf(values, more) {
    const [low, high] = values.length ? rangeOf(values) : [0, 1];
    const room = Math.max(0.01, high - low) * 0.06;
    const ticks = roundTicks(low - room, high + room);
    return { ...even(low - room, high + room, ticks, (tick) => percent(tick, ticks[1] - ticks[0] < 0.0099 ? 1 : 0)), ...more };
  }

  function markFor(at, path, x, y) {
    if (path === at.path) return markOf("square", x, y, 6.8, { class: "tvae-mark tvae-chosen" });
    const isBest = onFront(at, path);
    return markOf(isBest ? "diamond" : "circle", x, y, isBest ? 4.6 : 4.2, { class: `tvae-mark ${isBest ? "tvae-front" : ""}` });
  }

  function drawScatter(width) {
    const at = state();
    const [xs, ys] = [at.shared, at.alone].map(({ scores }) => scores);
    const there = paths.map((_, path) => path).filter((path) => !Number.isNaN(xs[path] + ys[path]));
    const others = there.filter((path) => path !== at.path);
    const isThere = there.includes(at.path);
    const ends = (scores) => rangeOf(there.map((path) => scores[path])).map((score) => percent(score)).join(" to ");
    const chosen = isThere ? `The chosen one: ${percent(xs[at.path])} and ${percent(ys[at.path])}. ` : "";
    const svg = chart({ width, height: Math.min(280, Math.max(190, width * 0.8 - 66)), left: 46, look: "tvae-scatter",
      // One scale for all seeds and their mean, so that marks move and scales do not.
      x: scaleOf(present(at.shared.values.flat()), { title: "with shared weights, validation images", grid: true }),
      y: scaleOf(present(at.alone.values.flat()), { title: "by itself, test images" }),
      label: !there.length ? `No path of ${at.name} has both scores.`
        : `Scatter plot of ${there.length} paths: with shared weights ${ends(xs)}, by itself ${ends(ys)}. ${chosen}${TAU} ${tauWords(at).join("")}.`,
      marks: [({ x, y }) => {
        const mark = (path) => markFor(at, path, x(xs[path]), y(ys[path]));
        const drawn = others.map(mark);
        if (isThere && at.seed < 0) {
          const [[x1, x2], [y1, y2]] = [at.shared, at.alone].map(({ values }) => rangeOf(present(values[at.path])));
          drawn.push(node("path", { class: "tvae-spread",
            d: `M${x(x1)} ${y(ys[at.path])}H${x(x2)}M${x(xs[at.path])} ${y(y1)}V${y(y2)}` }));
        }
        return [...drawn, ...(isThere ? [mark(at.path)] : []), ...others.map((path) => node("circle",
          { cx: x(xs[path]), cy: y(ys[path]), r: 9, fill: "transparent", class: "tvae-touch", "data-path": paths[path] }))];
      }] });
    svg.addEventListener("click", ({ target: { dataset: { path } } }) => path && choose({ path }));
    return [node("h3", { class: "tvae-heading" }, `${capital(at.measure)} of ${there.length} paths`), svg];
  }

  function reading() {
    const at = state();
    const words = ({ scores }) => (Number.isNaN(scores[at.path]) ? "not measured" : `${percent(scores[at.path])}, rank ${rankWords(scores, at.path)}`);
    const front = judged(at, at.path) ? `, ${onFront(at, at.path) ? "" : "not "}on the Pareto front` : "";
    const price = Number.isNaN(costs[at.path]) ? "" : ` ${millions(at.path)}${front}.`;
    return [`${blocks(at.path)} on ${at.name}, ${at.seed < 0 ? meanWords : `seed ${seeds[at.seed]}`}: `,
      `shared weights ${words(at.shared)}; by itself ${words(at.alone)}`, `.${price} ${TAU} over the paths: ${tauWords(at).join("")}.`];
  }

  const tau = node("p", { class: "tvae-tau" });
  const starting = node("div", { class: "tvae-controls" });
  const startOf = (kind) => ({ into: starting, title: titleOf, offered: () => state().some(kind).map(({ start }) => start),
    shown: () => state()[kind].start });
  const key = (shape, size, look, words) => [[markOf(shape, 7, 7, size, { class: `tvae-mark ${look}` })], words, 14];
  return {
    reading,
    controls: {
      task: { wide: true, title: (task) => (tasks[valuesOf("task").indexOf(task)].source ? `${task}, the source` : task) },
      path: { hidden: true }, shared: startOf("shared"), alone: startOf("alone"),
      seed: { title: (seed) => (seed === null ? meanWords : `seed ${seed}`) },
    },
    figures: [
      { draw: (width) => [drawNetwork(width), drawTable(state()), costWords(state())],
        before: [node("div", { class: "tvae-stages" }, ...stages.map((stage) => field(blockMenus[stage], `stage ${stage + 1}`)))] },
      { draw: drawScatter, before: [starting],
        after: [legend(key("square", 6.8, "tvae-chosen", "chosen path; lines reach over its seeds"),
          key("diamond", 4.6, "tvae-front", "on the Pareto front"), key("circle", 4.2, "", "other path")), tau] }],
    below: [note("Scores with shared weights are of validation images, which a search reads; scores by itself of test images. " +
      "The rows that are drawn are bold. Behind a mean stand the least and the most of its seeds. Equal scores share the better " +
      "rank. Click a block or a mark to choose it.")],
    painted() {
      now().path.split("-").forEach((choice, stage) => { blockMenus[stage].value = choice; });
      const [value, more] = tauWords(state());
      tau.replaceChildren(`${TAU} between the two: `, node("strong", {}, value), `${more}.`);
    },
  };
});
