// The front end of PathExplorer, after the text of controls.js. Notebooks run it through anywidget;
// pages without a kernel run the same text from the stored state.
import {
  chooserOf, clamp, field, freshId, keepPainted, meanOf, menuOf, node, number, readingLine, text,
} from "tutorial_vae/explorer/controls.js";

const ROW = 46; // from one block to the next below it, pixels
const STEPS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5]; // from tick to tick
const TAU = "Kendall\u2019s \u03c4";

const percent = (share, decimals = 1) => `${number(100 * share, decimals)}\u00a0%`;
const rangeOf = (values) => [Math.min(...values), Math.max(...values)];
const known = (values) => values.filter((value) => value !== null);

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

function render({ model, el }) {
  const { candidates, paths, seeds, tasks, multiply_adds: costs } = model.get("data");
  const id = freshId();
  const choose = chooserOf(model);
  const stages = paths[0].split("-").map((_, stage) => stage);
  const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
  const meanWords = `mean of ${plural(seeds.length, "seed")}`;
  const blocks = (path) => paths[path].split("-").map((choice) => candidates[choice]).join(", ");

  // Of one seed, or the mean of those that were measured, rounded so that equal means tie.
  const valueOf = (values, seed) => {
    if (seed >= 0) return values[seed];
    return known(values).length ? Number(meanOf(known(values)).toFixed(9)) : null;
  };

  // What is chosen; a start that was not tried with the task gives way to one that was.
  function now() {
    const task = tasks.find(({ name }) => name === model.get("task"));
    const starts = (kind) => Object.keys(task[kind]).filter((start) => task[kind][start]);
    const startOf = (kind) => (task[kind][model.get(kind)] ? model.get(kind) : starts(kind)[0]);
    const seed = seeds.indexOf(model.get("seed"));
    const tables = (kind) => starts(kind).map((start) => ({ kind, start, values: task[kind][start],
      scores: task[kind][start].map((values) => valueOf(values, seed)) }));
    const all = [...tables("shared"), ...tables("alone")];
    const find = (kind) => all.find((each) => each.kind === kind && each.start === startOf(kind));
    const empty = { values: paths.map(() => []), scores: paths.map(() => null) };
    return { task, seed, path: paths.indexOf(model.get("path")), all, starts,
      shared: find("shared") ?? empty, alone: find("alone") ?? empty };
  }

  const rankOf = (scores, path) => 1 + known(scores).filter((score) => score > scores[path]).length;
  const rankWords = (scores, path) => (scores[path] === null ? "not measured"
    : `${rankOf(scores, path)} of ${known(scores).length}`);

  // A path that is at least as good by itself, costs no more and is not equal in both.
  function beats({ alone: { scores } }, path) {
    return paths.findIndex((_, other) => scores[other] !== null && scores[other] >= scores[path]
      && costs[other] <= costs[path] && (scores[other] !== scores[path] || costs[other] !== costs[path]));
  }
  const judged = ({ alone: { scores } }, path) => scores[path] !== null && costs.every((cost) => cost !== null);
  const onFront = (at, path) => judged(at, path) && beats(at, path) < 0;

  // Seed by seed, over the paths that have both scores.
  function tausOf({ shared, alone }) {
    return seeds.map((_, seed) => {
      const both = paths.map((__, path) => [shared.values[path][seed], alone.values[path][seed]])
        .filter((pair) => pair.every((value) => value != null));
      return kendall(both.map(([x]) => x), both.map(([, y]) => y));
    });
  }
  function tauWords(at) {
    const taus = tausOf(at);
    const defined = taus.filter((tau) => !Number.isNaN(tau));
    if (!defined.length) return ["not defined", ""];
    const [least, most] = rangeOf(defined).map((tau) => number(tau));
    const mean = `${number(meanOf(defined))}`;
    const spread = defined.length > 1 ? ` (${least} to ${most})` : "";
    return at.seed < 0 ? [mean, `, ${meanWords}${spread}`]
      : [number(taus[at.seed]), ` for seed ${seeds[at.seed]}; ${meanWords}: ${mean}${spread}`];
  }

  // The source has no weights from before.
  const titleOf = (start, { task }) => (task.source || start === "fresh" ? "fresh ones" : "the source\u2019s");
  const nameOf = ({ kind, start }, at) => `${kind === "shared" ? kind : "by itself"}, from ${titleOf(start, at)}`;

  const option = (value, title) => node("option", { value }, title);
  const taskMenu = menuOf(`${id}-task`, [], (task) => choose({ task }));
  taskMenu.replaceChildren(...tasks.map(({ name, source }) => option(name, source ? `${name}, the source` : name)));
  const seedMenu = menuOf(`${id}-seed`, [], (seed) => choose({ seed: seed === "" ? null : Number(seed) }));
  seedMenu.replaceChildren(option("", meanWords), ...seeds.map((seed) => option(seed, `seed ${seed}`)));
  const ofTask = field(taskMenu, "task");
  ofTask.classList.add("tvae-wide"); // its names are long
  const controls = node("div", { class: "tvae-controls" }, ofTask, field(seedMenu, "scores"));
  const chooseBlock = (stage, choice) => choose({ path: paths[0].split("-").map((_, other) => (other === stage
    ? choice : model.get("path").split("-")[other])).join("-") });
  const blockMenus = stages.map((stage) => {
    const menu = menuOf(`${id}-stage${stage}`, [], (choice) => chooseBlock(stage, choice));
    menu.replaceChildren(...candidates.map((name, choice) => option(choice, name)));
    return menu;
  });
  const startMenus = { shared: menuOf(`${id}-shared`, [], (shared) => choose({ shared })),
    alone: menuOf(`${id}-alone`, [], (alone) => choose({ alone })) };
  const reading = readingLine();

  const network = node("svg", { role: "img", class: "tvae-network" });
  const cells = node("tbody");
  const cost = node("p", { class: "tvae-cost" });
  const table = node("table", {}, node("thead", {}, node("tr", {},
    ...["weights", "score", "rank"].map((name) => node("th", { scope: "col" }, name)))), cells);
  const left = node("div", { class: "tvae-figure" },
    node("div", { class: "tvae-stages" }, ...stages.map((stage) => field(blockMenus[stage], `stage ${stage + 1}`))),
    network, table, cost);
  const heading = node("h3", { class: "tvae-heading" });
  const scatter = node("svg", { role: "img", class: "tvae-scatter" });
  const tau = node("p", { class: "tvae-tau" });
  const right = node("div", { class: "tvae-figure" }, node("div", { class: "tvae-controls" },
    field(startMenus.shared, "shared weights start from"), field(startMenus.alone, "path by itself starts from")), heading, scatter);

  function show(svg, width, height, words, drawn) {
    svg.setAttribute("width", width);
    svg.setAttribute("height", height);
    svg.setAttribute("aria-label", words);
    svg.replaceChildren(...drawn);
  }

  // Each stage is a convolution that all paths share, then its blocks; what is chosen comes last, on top.
  function drawNetwork(at, width) {
    const column = width / stages.length;
    const height = candidates.length * ROW + 26;
    const size = Math.min(86, column - 42);
    const centre = (ROW * candidates.length) / 2;
    const y = (choice) => ROW * (choice + 0.5);
    const chosen = paths[at.path].split("-").map(Number);
    const [back, front] = [[], []];
    stages.forEach((stage) => {
      const [from, to] = [stage * column, (stage + 1) * column];
      const [gate, begin] = [from + 12, from + column / 2 - size / 2 + 3];
      const end = begin + size;
      const flow = (choice) => `M${gate + 5} ${centre}C${gate + 14} ${centre} ${gate + 6} ${y(choice)} ${begin} ${y(choice)}M${
        end} ${y(choice)}C${to - 2} ${y(choice)} ${end + 4} ${centre} ${to} ${centre}`;
      candidates.forEach((name, choice) => {
        const [mine, layer] = chosen[stage] === choice ? [" tvae-chosen", front] : ["", back];
        layer.push(node("path", { d: flow(choice), class: `tvae-flow${mine}` }),
          node("rect", { x: begin, y: y(choice) - 15, width: size, height: 30, rx: 6, class: `tvae-block${mine}` }),
          text(name, begin + size / 2, y(choice), { "text-anchor": "middle", "dominant-baseline": "central", class: mine ? "tvae-strong" : "" }),
          node("rect", { x: begin - 8, y: y(choice) - ROW / 2, width: size + 16, height: ROW, fill: "transparent",
            class: "tvae-touch", "data-stage": stage, "data-choice": choice }));
      });
      front.push(node("path", { d: `M${from} ${centre}H${gate}`, class: "tvae-flow tvae-chosen" }),
        node("rect", { x: gate - 3, y: centre - 24, width: 8, height: 48, rx: 2, class: "tvae-gate" }));
    });
    const low = height - 8;
    show(network, width, height, `Super-network of ${stages.length} stages, each with the blocks ${candidates.join(", ")}. The chosen path takes ${
      chosen.map((choice, stage) => `${candidates[choice]} in stage ${stage + 1}`).join(", ")}.`, [...back, ...front,
      text("image", 0, low), text("bars: side halved, on all paths", width / 2, low, { "text-anchor": "middle", class: "tvae-small" }),
      text("head", width, low, { "text-anchor": "end" })]);
  }

  function drawTable(at) {
    cells.replaceChildren(...at.all.map((each) => {
      const { scores, values } = each;
      const ends = rangeOf(known(values[at.path])).map((value) => number(100 * value, 1));
      const spread = at.seed < 0 && known(values[at.path]).length > 1 ? `(${ends.join(" to ")})` : "";
      const drawn = each === at.shared || each === at.alone;
      return node("tr", drawn ? { class: "tvae-drawn" } : {}, node("th", { scope: "row" }, nameOf(each, at)),
        node("td", {}, scores[at.path] === null ? "not measured" : percent(scores[at.path]), " ", node("span", { class: "tvae-quiet" }, spread)),
        node("td", {}, scores[at.path] === null ? "" : rankWords(scores, at.path)));
    }));
    const price = costs[at.path] === null ? "Multiply-adds not measured"
      : `${number(costs[at.path] / 1e6)} million multiply-adds for an image of the source, rank ${
        1 + known(costs).filter((other) => other < costs[at.path]).length} of ${known(costs).length} from the cheapest`;
    const better = beats(at, at.path);
    const front = !judged(at, at.path) ? "" : better < 0 ? " On the Pareto front: no other path is as good by itself for as little."
      : ` Not on the Pareto front: ${blocks(better)} is at least as good by itself and costs no more.`;
    cost.replaceChildren(`${price}.${front}`);
  }

  function scaleOf(values) {
    const [low, high] = values.length ? rangeOf(values) : [0, 1];
    const room = Math.max(0.01, high - low) * 0.06;
    const [from, to] = [low - room, high + room];
    const step = STEPS.find((each) => (to - from) / each <= 6) ?? 1;
    const ticks = [];
    for (let tick = Math.ceil(from / step); tick * step <= to; tick += 1) ticks.push(tick * step);
    return { from, to, ticks, label: (tick) => percent(tick, step < 0.01 ? 1 : 0) };
  }

  function markOf(x, y, path, at) {
    if (path === at.path) return node("rect", { x: x - 6, y: y - 6, width: 12, height: 12, rx: 1, class: "tvae-mark tvae-chosen" });
    if (onFront(at, path)) return node("path", { d: `M${x} ${y - 6}l6 6l-6 6l-6 -6Z`, class: "tvae-mark tvae-front" });
    return node("circle", { cx: x, cy: y, r: 4.2, class: "tvae-mark" });
  }

  function drawScatter(at, width) {
    const height = clamp(width * 0.8, 250, 340);
    const [side, edge, high, low] = [46, 10, 24, 42];
    const { shared, alone } = at;
    // One scale for all seeds and their mean, so that marks move and scales do not.
    const [across, up] = [shared, alone].map(({ values }) => scaleOf(known(values.flat())));
    const x = (score) => side + ((score - across.from) / (across.to - across.from)) * (width - side - edge);
    const y = (score) => height - low - ((score - up.from) / (up.to - up.from)) * (height - low - high);
    const drawn = [...across.ticks.flatMap((tick) => [
      node("line", { x1: x(tick), x2: x(tick), y1: high, y2: height - low, class: "tvae-grid" }),
      text(across.label(tick), x(tick), height - low + 16, { "text-anchor": "middle" })]),
    ...up.ticks.flatMap((tick) => [
      node("line", { x1: side, x2: width - edge, y1: y(tick), y2: y(tick), class: "tvae-grid" }),
      text(up.label(tick), side - 6, y(tick), { "text-anchor": "end", "dominant-baseline": "central" })]),
    text("by itself, test images", 0, 12, { class: "tvae-axis" }),
    text("with shared weights, validation images", width - edge, height - 6, { "text-anchor": "end", class: "tvae-axis" })];
    const there = paths.map((_, path) => path).filter((path) => shared.scores[path] !== null && alone.scores[path] !== null);
    const place = (path) => [x(shared.scores[path]), y(alone.scores[path])];
    const others = there.filter((path) => path !== at.path);
    drawn.push(...others.map((path) => markOf(...place(path), path, at)));
    if (there.includes(at.path)) {
      const [cx, cy] = place(at.path);
      if (at.seed < 0) {
        const [[x1, x2], [y1, y2]] = [shared, alone].map(({ values }) => rangeOf(known(values[at.path])));
        drawn.push(node("path", { d: `M${x(x1)} ${cy}H${x(x2)}M${cx} ${y(y1)}V${y(y2)}`, class: "tvae-spread" }));
      }
      drawn.push(markOf(cx, cy, at.path, at));
    }
    drawn.push(...others.map((path) => {
      const [cx, cy] = place(path);
      return node("circle", { cx, cy, r: 9, fill: "transparent", class: "tvae-touch", "data-path": paths[path] });
    }));
    const ends = (scores) => rangeOf(there.map((path) => scores[path])).map((score) => percent(score)).join(" to ");
    const [value, more] = tauWords(at);
    heading.textContent = `${at.task.measure[0].toUpperCase()}${at.task.measure.slice(1)} of ${there.length} paths`;
    show(scatter, width, height, !there.length ? `No path of ${at.task.name} has both scores.`
      : `Scatter plot of ${there.length} paths: with shared weights ${ends(shared.scores)}, by itself ${ends(alone.scores)}. ${
        there.includes(at.path) ? `The chosen one: ${percent(shared.scores[at.path])} and ${percent(alone.scores[at.path])}. ` : ""}${
        TAU} ${value}${more}.`, drawn);
    tau.replaceChildren(`${TAU} between the two: `, node("strong", {}, value), `${more}.`);
  }

  network.addEventListener("click", ({ target: { dataset } }) => {
    if ("stage" in dataset) chooseBlock(Number(dataset.stage), dataset.choice);
  });
  scatter.addEventListener("click", ({ target: { dataset } }) => {
    if ("path" in dataset) choose({ path: dataset.path });
  });

  function say(at) {
    const { path, shared, alone, task } = at;
    const words = ({ scores }) => (scores[path] === null ? "not measured" : `${percent(scores[path])}, rank ${rankWords(scores, path)}`);
    const price = costs[path] === null ? "" : ` ${number(costs[path] / 1e6)} million multiply-adds${
      judged(at, path) ? `, ${onFront(at, path) ? "" : "not "}on the Pareto front` : ""}.`;
    const [value, more] = tauWords(at);
    reading.say(`${blocks(path)} on ${task.name}, ${at.seed < 0 ? meanWords : `seed ${seeds[at.seed]}`}: `,
      `shared weights ${words(shared)}; by itself ${words(alone)}`, `.${price} ${TAU} over the paths: ${value}${more}.`);
  }

  function paint() {
    const at = now();
    taskMenu.value = at.task.name;
    seedMenu.value = at.seed < 0 ? "" : seeds[at.seed];
    paths[at.path].split("-").forEach((choice, stage) => { blockMenus[stage].value = choice; });
    for (const [kind, menu] of Object.entries(startMenus)) {
      const starts = at.starts(kind);
      menu.replaceChildren(...starts.map((start) => option(start, titleOf(start, at))));
      menu.value = at[kind].start;
      menu.disabled = starts.length < 2;
    }
    say(at);
    drawNetwork(at, left.clientWidth || 320);
    drawTable(at);
    drawScatter(at, right.clientWidth || 320);
  }

  const key = (mark, words) => node("span", { class: "tvae-key" }, node("svg", { width: 14, height: 14, "aria-hidden": "true" }, mark), words);
  right.append(node("p", { class: "tvae-legend" },
    key(node("rect", { x: 1, y: 1, width: 12, height: 12, rx: 1, class: "tvae-mark tvae-chosen" }), "chosen path; lines reach over its seeds"),
    key(node("path", { d: "M7 1l6 6l-6 6l-6 -6Z", class: "tvae-mark tvae-front" }), "on the Pareto front"),
    key(node("circle", { cx: 7, cy: 7, r: 4.2, class: "tvae-mark" }), "other path")), tau);
  const figures = node("div", { class: "tvae-figures" }, left, right);
  el.replaceChildren(node("div", { class: "tvae-explorer tvae-paths" }, controls, reading.line, figures,
    node("p", { class: "tvae-note" }, "Scores with shared weights are of validation images, which a search reads; scores by itself of test images. " +
      "The rows that are drawn are bold. Behind a mean stand the least and the most of its seeds. Equal scores share the better rank. Click a block or a mark to choose it.")));
  return keepPainted(model, ["task", "path", "seed", "shared", "alone"], paint, figures);
}

export default { render };
