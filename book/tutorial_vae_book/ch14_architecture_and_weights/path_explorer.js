// The front end of PathExplorer.
import { clamp, field, meanOf, menuOf, node, number, percent, text, unpack } from "tutorial_vae/explorer/controls.js";
import { chart, even, markOf, roundTicks } from "tutorial_vae/explorer/chart.js";
import { explorer, legend, note, tableOf } from "tutorial_vae/explorer/view.js";

const ROW = 46; // from one block to the next below it, pixels
const TAU = "Kendall\u2019s \u03c4";

const rangeOf = (values) => [Math.min(...values), Math.max(...values)];
const measured = (values) => values.filter((value) => !Number.isNaN(value));

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
  const { candidates, source, measures } = data;
  const [tasks, paths, starts, seeds] = [valuesOf("task"), valuesOf("path"), valuesOf("shared"), valuesOf("seed").filter((seed) => seed !== null)];
  const costs = unpack(data.costs).values;
  const read = { shared: unpack(data.scores.shared), alone: unpack(data.scores.alone) };
  const stages = paths[0].split("-").map((_, stage) => stage);
  const meanWords = `mean of ${seeds.length} seed${seeds.length === 1 ? "" : "s"}`;
  const blocks = (path) => paths[path].split("-").map((choice) => candidates[choice]).join(", ");

  // Of one seed, or the mean of those that were measured, rounded so that equal means tie.
  const scoreOf = (values, seed) => (seed >= 0 ? values[seed] : Number(meanOf(measured(values)).toFixed(9)));

  // What is chosen; a start that was not tried with the task gives way to one that was.
  function here() {
    const [task, seed] = [tasks.indexOf(now().task), seeds.indexOf(now().seed)];
    const all = ["shared", "alone"].flatMap((kind) => starts.map((start, s) => {
      const values = paths.map((_, path) => seeds.map((__, at) => read[kind].at(task, s, path, at)));
      return { kind, start, values, scores: values.map((each) => scoreOf(each, seed)) };
    })).filter(({ values }) => measured(values.flat()).length);
    const empty = { values: paths.map(() => []), scores: paths.map(() => NaN) };
    const of = (kind) => all.find((each) => each.kind === kind && each.start === now()[kind]) ?? all.find((each) => each.kind === kind) ?? empty;
    return { name: tasks[task], measure: measures[task], seed, path: paths.indexOf(now().path), all, shared: of("shared"), alone: of("alone") };
  }

  const rankWords = (scores, path) => `${1 + scores.filter((score) => score > scores[path]).length} of ${measured(scores).length}`;

  // A path that is at least as good by itself, costs no more and is not equal in both.
  const beats = ({ alone: { scores } }, path) => paths.findIndex((_, other) => scores[other] >= scores[path]
    && costs[other] <= costs[path] && (scores[other] !== scores[path] || costs[other] !== costs[path]));
  const judged = ({ alone: { scores } }, path) => !Number.isNaN(scores[path]) && !costs.some(Number.isNaN);
  const onFront = (at, path) => judged(at, path) && beats(at, path) < 0;

  // Seed by seed, over the paths that have both scores.
  function tauWords({ shared, alone, seed: chosen }) {
    const taus = seeds.map((_, seed) => {
      const both = paths.map((__, path) => [shared.values[path][seed] ?? NaN, alone.values[path][seed] ?? NaN]).filter((pair) => !pair.some(Number.isNaN));
      return kendall(both.map(([x]) => x), both.map(([, y]) => y));
    });
    const defined = measured(taus);
    if (!defined.length) return ["not defined", ""];
    const spread = defined.length > 1 ? ` (${rangeOf(defined).map((tau) => number(tau)).join(" to ")})` : "";
    const mean = number(meanOf(defined));
    return chosen < 0 ? [mean, `, ${meanWords}${spread}`] : [number(taus[chosen]), ` for seed ${seeds[chosen]}; ${meanWords}: ${mean}${spread}`];
  }

  // The source has no weights from before.
  const titleOf = (start) => (now().task === source || start === "fresh" ? "fresh ones" : "the source\u2019s");
  const chooseBlock = (stage, choice) => choose({ path: now().path.split("-").map((each, at) => (at === stage ? choice : each)).join("-") });
  const blockMenus = stages.map((stage) => {
    const menu = menuOf(`${id}-stage${stage}`, [], (choice) => chooseBlock(stage, choice));
    menu.replaceChildren(...candidates.map((name, choice) => node("option", { value: choice }, name)));
    return menu;
  });

  // Each stage is a convolution that all paths share, then its blocks; what is chosen comes last, on top.
  function drawNetwork(at, width) {
    const column = width / stages.length;
    const size = Math.min(86, column - 42);
    const [centre, low] = [(ROW * candidates.length) / 2, candidates.length * ROW + 18];
    const chosen = paths[at.path].split("-").map(Number);
    const [back, front] = [[], []];
    stages.forEach((stage) => {
      const [from, to] = [stage * column, (stage + 1) * column];
      const [gate, begin] = [from + 12, from + column / 2 - size / 2 + 3];
      const end = begin + size;
      candidates.forEach((name, choice) => {
        const [mine, layer] = chosen[stage] === choice ? [" tvae-chosen", front] : ["", back];
        const y = ROW * (choice + 0.5);
        layer.push(node("path", { class: `tvae-flow${mine}`, d: `M${gate + 5} ${centre}C${gate + 14} ${centre} ${gate + 6} ${y} ${begin} ${y}M${
          end} ${y}C${to - 2} ${y} ${end + 4} ${centre} ${to} ${centre}` }),
        node("rect", { x: begin, y: y - 15, width: size, height: 30, rx: 6, class: `tvae-block${mine}` }),
        text(name, begin + size / 2, y, { "text-anchor": "middle", "dominant-baseline": "central", class: mine ? "tvae-strong" : "" }),
        node("rect", { x: begin - 8, y: y - ROW / 2, width: size + 16, height: ROW, fill: "transparent",
          class: "tvae-touch", "data-stage": stage, "data-choice": choice }));
      });
      front.push(node("path", { d: `M${from} ${centre}H${gate}`, class: "tvae-flow tvae-chosen" }),
        node("rect", { x: gate - 3, y: centre - 24, width: 8, height: 48, rx: 2, class: "tvae-gate" }));
    });
    const drawn = node("svg", { role: "img", class: "tvae-network tvae-chart", width, height: low + 8,
      "aria-label": `Super-network of ${stages.length} stages, each with the blocks ${candidates.join(", ")}. The chosen path takes ${
        chosen.map((choice, stage) => `${candidates[choice]} in stage ${stage + 1}`).join(", ")}.` }, ...back, ...front,
    text("image", 0, low), text("bars: side halved, on all paths", width / 2, low, { "text-anchor": "middle", "font-size": 10.5 }),
    text("head", width, low, { "text-anchor": "end" }));
    drawn.addEventListener("click", ({ target: { dataset } }) => "stage" in dataset && chooseBlock(Number(dataset.stage), dataset.choice));
    return drawn;
  }

  const tableFor = (at) => tableOf(["weights", "score", "rank"], at.all.map((each) => {
    const score = each.scores[at.path];
    const known = measured(each.values[at.path]);
    const spread = at.seed < 0 && known.length > 1 ? `(${rangeOf(known).map((value) => number(100 * value, 1)).join(" to ")})` : "";
    return { look: each === at.shared || each === at.alone ? "tvae-drawn" : "",
      cells: [`${each.kind === "shared" ? "shared" : "by itself"}, from ${titleOf(each.start)}`,
        Number.isNaN(score) ? "not measured" : [`${percent(score)} `, node("span", { class: "tvae-quiet" }, spread)],
        Number.isNaN(score) ? "" : rankWords(each.scores, at.path)] };
  }));

  function costOf(at) {
    const cost = costs[at.path];
    const price = Number.isNaN(cost) ? "Multiply-adds not measured" : `${number(cost / 1e6)} million multiply-adds for an image of the source, rank ${
      1 + costs.filter((other) => other < cost).length} of ${measured(costs).length} from the cheapest`;
    const better = beats(at, at.path);
    const front = !judged(at, at.path) ? "" : better < 0 ? " On the Pareto front: no other path is as good by itself for as little."
      : ` Not on the Pareto front: ${blocks(better)} is at least as good by itself and costs no more.`;
    return node("p", { class: "tvae-cost" }, `${price}.${front}`);
  }

  // One scale for all seeds and their mean, so that marks move and scales do not.
  function scaleOf({ values }, title) {
    const [low, high] = measured(values.flat()).length ? rangeOf(measured(values.flat())) : [0, 1];
    const room = Math.max(0.01, high - low) * 0.06;
    const ticks = roundTicks(low - room, high + room);
    return { ...even(low - room, high + room, ticks, (tick) => percent(tick, ticks[1] - ticks[0] < 0.01 ? 1 : 0)), title, grid: true };
  }

  const looks = { chosen: "square", front: "diamond", plain: "circle" };
  const mark = (look, x, y, size = 5) => markOf(looks[look], x, y, size, { class: `tvae-mark tvae-${look}` });
  function drawScatter(at, width) {
    const { shared, alone, path: chosen } = at;
    const there = paths.map((_, path) => path).filter((path) => !Number.isNaN(shared.scores[path] + alone.scores[path]));
    const others = there.filter((path) => path !== chosen);
    const marks = ({ x, y }) => {
      const place = (path) => [x(shared.scores[path]), y(alone.scores[path])];
      const [cx, cy] = place(chosen);
      const spread = () => [shared, alone].map(({ values }) => rangeOf(measured(values[chosen])));
      const [[x1, x2], [y1, y2]] = there.includes(chosen) ? spread() : [[], []];
      return [...others.map((path) => mark(onFront(at, path) ? "front" : "plain", ...place(path))),
        ...(there.includes(chosen) && at.seed < 0 ? [node("path", { d: `M${x(x1)} ${cy}H${x(x2)}M${cx} ${y(y1)}V${y(y2)}`, class: "tvae-spread" })] : []),
        ...(there.includes(chosen) ? [mark("chosen", cx, cy, 6.5)] : []),
        ...others.map((path) => {
          const [left, top] = place(path);
          return node("circle", { cx: left, cy: top, r: 9, fill: "transparent", class: "tvae-touch", "data-path": paths[path] });
        })];
    };
    const [value, more] = tauWords(at);
    const ends = (scores) => rangeOf(there.map((path) => scores[path])).map((score) => percent(score)).join(" to ");
    const drawn = chart({ width, height: clamp(width * 0.8, 250, 340) - 66, left: 46, look: "tvae-scatter", marks: [marks],
      x: scaleOf(shared, "with shared weights, validation images"), y: scaleOf(alone, "by itself, test images"),
      label: !there.length ? `No path of ${at.name} has both scores.`
        : `Scatter plot of ${there.length} paths: with shared weights ${ends(shared.scores)}, by itself ${ends(alone.scores)}. ${
          there.includes(chosen) ? `The chosen one: ${percent(shared.scores[chosen])} and ${percent(alone.scores[chosen])}. ` : ""}${TAU} ${value}${more}.` });
    drawn.addEventListener("click", ({ target: { dataset } }) => "path" in dataset && choose({ path: dataset.path }));
    const key = (look, words) => [[mark(look, 7, 7)], words, 14];
    return [node("h3", { class: "tvae-heading" }, `${at.measure[0].toUpperCase()}${at.measure.slice(1)} of ${there.length} paths`), drawn,
      legend(key("chosen", "chosen path; lines reach over its seeds"), key("front", "on the Pareto front"), key("plain", "other path")),
      node("p", { class: "tvae-tau" }, `${TAU} between the two: `, node("strong", {}, value), `${more}.`)];
  }

  function reading() {
    const at = here();
    const words = ({ scores }) => (Number.isNaN(scores[at.path]) ? "not measured" : `${percent(scores[at.path])}, rank ${rankWords(scores, at.path)}`);
    const price = Number.isNaN(costs[at.path]) ? "" : ` ${number(costs[at.path] / 1e6)} million multiply-adds${
      judged(at, at.path) ? `, ${onFront(at, at.path) ? "" : "not "}on the Pareto front` : ""}.`;
    const [value, more] = tauWords(at);
    return [`${blocks(at.path)} on ${at.name}, ${at.seed < 0 ? meanWords : `seed ${seeds[at.seed]}`}: `,
      `shared weights ${words(at.shared)}; by itself ${words(at.alone)}`, `.${price} ${TAU} over the paths: ${value}${more}.`];
  }

  const startMenu = (kind) => ({ title: titleOf, shown: () => here()[kind].start,
    offered: () => here().all.filter((each) => each.kind === kind).map(({ start }) => start) });
  return {
    reading,
    painted: () => now().path.split("-").forEach((choice, stage) => { blockMenus[stage].value = choice; }),
    controls: { task: { wide: true, title: (task) => (task === source ? `${task}, the source` : task) }, path: { hidden: () => true },
      seed: { title: (seed) => (seed === null ? meanWords : `seed ${seed}`), offered: () => [null, ...seeds] },
      shared: startMenu("shared"), alone: startMenu("alone") },
    figures: [
      { before: [node("div", { class: "tvae-stages" }, ...stages.map((stage) => field(blockMenus[stage], `stage ${stage + 1}`)))],
        draw: (width) => [drawNetwork(here(), width), tableFor(here()), costOf(here())] },
      { draw: (width) => drawScatter(here(), width) }],
    below: [note("Scores with shared weights are of validation images, which a search reads; scores by itself of test images. The rows that are " +
      "drawn are bold. Behind a mean stand the least and the most of its seeds. Equal scores share the better rank. Click a block or a mark to choose it.")],
  };
});
