// The front end of UsesExplorer, after the text of controls.js. Notebooks run it through anywidget;
// pages without a kernel run the same text from the stored state.
import {
  chooserOf, clamp, decodeBytes, field, freshId, greyImage, keepPainted, menuOf, node, number,
  readingLine, sliderOf,
} from "tutorial_vae/explorer/controls.js";

const AROUND = 5; // pictures shown on each side of a threshold
const BINS = 32; // of a histogram
const MARKS = ["circle", "square", "triangle", "diamond"];

// The space before the sign breaks no line.
const percent = (share, decimals = 0) => `${number(100 * share, decimals)}\u00a0%`;

// Arrays of bytes that travel with the lengths of their axes: at(i, j) is one picture.
function unpack({ pixels, shape }) {
  const bytes = decodeBytes(pixels);
  const [height, width] = shape.slice(-2);
  const size = height * width;
  const inner = shape.length > 3 ? shape[1] : 1;
  const at = (...place) => {
    const start = size * (place.length > 1 ? place[0] * inner + place[1] : place[0]);
    return bytes.subarray(start, start + size);
  };
  return { at, height, width, count: shape[shape.length - 3] };
}

// Of the normal scores at most this share lies above the threshold.
function thresholdAt(scores, anomalous, share) {
  const normal = scores.filter((_, index) => !anomalous[index]).sort((a, b) => b - a);
  return normal[Math.floor(share * normal.length + 1e-9)];
}

const shareAbove = (scores, threshold) =>
  scores.filter((score) => score > threshold).length / scores.length;

// Probability that an anomaly scores higher than a normal picture, ties counted by half.
function areaUnderCurve(normal, odd) {
  let wins = 0;
  for (const one of odd) {
    for (const other of normal) wins += one > other ? 1 : one === other ? 0.5 : 0;
  }
  return wins / (normal.length * odd.length);
}

const pairs = (count) => (count * (count - 1)) / 2;
const total = (values) => values.reduce((sum, value) => sum + value, 0);

function tally(keys) {
  const counts = new Map();
  keys.forEach((key) => counts.set(key, (counts.get(key) || 0) + 1));
  return counts;
}

// Agreement of two groupings about pairs of pictures: 1 for the same, 0 on average for chance.
function adjustedRandIndex(groups, labels) {
  const pairsIn = (keys) => total([...tally(keys).values()].map(pairs));
  const together = pairsIn(labels.map((label, index) => `${groups[index]} ${label}`));
  const [ofGroups, ofLabels] = [pairsIn([...groups]), pairsIn(labels)];
  const expected = (ofGroups * ofLabels) / pairs(labels.length);
  return (together - expected) / ((ofGroups + ofLabels) / 2 - expected);
}

// One canvas for a row of pictures, as wide as its column allows.
function strip(pictures, { height, width, scale = 1 }, label, name = "") {
  const gap = scale;
  const [w, h] = [width * scale, height * scale];
  const canvas = node("canvas", { class: `tvae-strip ${name}`, role: "img", "aria-label": label,
    width: Math.max(1, pictures.length * (w + gap) - gap), height: h });
  const context = canvas.getContext("2d");
  const one = document.createElement("canvas");
  [one.width, one.height] = [width, height];
  pictures.forEach((picture, index) => {
    one.getContext("2d").putImageData(greyImage(picture, width, height), 0, 0);
    context.imageSmoothingEnabled = scale > 1;
    context.drawImage(one, index * (w + gap), 0, w, h);
  });
  return canvas;
}

function mark(shape, x, y, size, attributes) {
  const reach = size * 1.15;
  const corners = {
    square: [[-1, -1], [1, -1], [1, 1], [-1, 1]], triangle: [[0, -1.2], [1.2, 1], [-1.2, 1]],
    diamond: [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]],
  }[shape];
  if (!corners) return node("circle", { cx: x, cy: y, r: reach, ...attributes });
  const path = corners.map(([a, b]) => `${x + a * size} ${y + b * size}`).join("L");
  return node("path", { d: `M${path}Z`, ...attributes });
}

// Lines over two axes. Each line has points [x, y] or [x, y, low, high]; `at` marks one of them.
function chart({ width, height = 230, label, x, y, lines, rules = [] }) {
  const [left, right, top, bottom] = [46, 12, 10, 42];
  const place = (value, { low, high, log }, from, to) => {
    const [v, a, b] = log ? [value, low, high].map(Math.log) : [value, low, high];
    return from + ((v - a) / (b - a)) * (to - from);
  };
  const px = (value) => place(value, x, left, width - right);
  const py = (value) => place(clamp(value, y.low, y.high), y, height - bottom, top);
  const text = (content, more) => node("text", { "font-size": 11.5, ...more }, content);
  const drawing = [
    ...y.ticks.flatMap((tick) => [
      node("line", { class: "tvae-grid", x1: left, x2: width - right, y1: py(tick), y2: py(tick) }),
      text(y.say(tick), { x: left - 6, y: py(tick) + 4, "text-anchor": "end" }),
    ]),
    ...x.ticks.map((tick) => text(x.say(tick), { x: px(tick), y: height - bottom + 17,
      "text-anchor": "middle" })),
    text(x.title, { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }),
    ...rules.map((rule) => ("x" in rule
      ? node("line", { class: "tvae-cursor", x1: px(rule.x), x2: px(rule.x), y1: top,
        y2: height - bottom })
      : node("line", { class: "tvae-rule", x1: left, x2: width - right, y1: py(rule.y),
        y2: py(rule.y) }))),
  ];
  for (const { points, name, shape, dots = true, at = -1 } of lines) {
    if (points[0].length > 2) {
      const band = [...points.map(([a, , low]) => [a, low]),
        ...[...points].reverse().map(([a, , , high]) => [a, high])];
      drawing.push(node("path", { class: `tvae-band ${name}`,
        d: `M${band.map(([a, b]) => `${px(a).toFixed(1)} ${py(b).toFixed(1)}`).join("L")}Z` }));
    }
    drawing.push(node("polyline", { class: `tvae-line ${name}`,
      points: points.map(([a, b]) => `${px(a).toFixed(1)},${py(b).toFixed(1)}`).join(" ") }));
    points.forEach(([a, b], index) => {
      if (dots || index === at) {
        drawing.push(mark(shape, px(a), py(b), index === at ? 5.2 : 2.6,
          { class: `tvae-dot ${name} ${index === at ? "tvae-at" : ""}` }));
      }
    });
  }
  return node("svg", { class: "tvae-chart", role: "img", "aria-label": label, width, height,
    viewBox: `0 0 ${width} ${height}` }, ...drawing);
}

const axis = (title, low, high, ticks, say = (tick) => String(tick), log = false) =>
  ({ title, low, high, ticks, say, log });

function legend(rows) {
  return node("p", { class: "tvae-legend tvae-keys" }, ...rows.map(([label, name, shape]) =>
    node("span", { class: "tvae-key" }, node("svg", { width: 34, height: 14, "aria-hidden": "true" },
      node("line", { class: `tvae-line ${name}`, x1: 1, x2: 33, y1: 7, y2: 7 }),
      ...(shape ? [mark(shape, 17, 7, 3.4, { class: `tvae-dot ${name}` })] : [])), label)));
}

// Side by side where there is room; each half is then as wide as halfOf says.
const halves = (...content) => node("div", { class: "tvae-halves" }, ...content);
const stack = (...content) => node("div", { class: "tvae-stack" }, ...content);
const halfOf = (width) => (width > 600 ? (width - 28) / 2 : width);

const titled = (heading, ...content) => node("div", { class: "tvae-figure" },
  node("p", { class: "tvae-heading" }, heading), ...content);

// The look of a line is that of what it stands for.
function looks(name) {
  if (name.startsWith("VAE")) return name.includes("ELBO") ? ["tvae-elbo", "diamond"] : ["tvae-vae", "circle"];
  if (name.startsWith("PCA")) return ["tvae-pca", "square"];
  return name === "pixels" ? ["tvae-pixels", "triangle"] : ["tvae-untrained", "diamond"];
}

function drawGeneration({ rows, real }, { temperature }, choices, width) {
  const step = choices.temperature.indexOf(temperature);
  const say = ([far, confidence, variety]) =>
    `${percent(far)} far, confidence ${number(confidence)}, ${number(variety, 1)} classes`;
  const half = halfOf(width);
  const plot = (title, index, what) => titled(title, chart({
    width: half, height: 190, label: `${title} against the temperature. ${what}`,
    x: axis("temperature", choices.temperature[0], choices.temperature.at(-1), choices.temperature),
    y: axis("", 0, 1, [0, 0.25, 0.5, 0.75, 1], (tick) => (index ? number(tick) : percent(tick))),
    rules: [{ y: real[index] }, { x: temperature }],
    lines: rows.map(({ name, quality }) => ({ name: looks(name)[0], shape: looks(name)[1], at: step,
      points: quality.map((each, at) => [choices.temperature[at], each[index]]) })),
  }));
  const told = (index, form) => rows.map(({ name, quality }) =>
    `${name} ${form(quality[step][index])}`).join(", ");
  return {
    reading: [`At temperature ${temperature}: ${rows.map(({ name, quality }) =>
      `${name} ${say(quality[step])}`).join("; ")}`, "", ` (unseen digits: ${say(real)})`],
    figures: [
      halves(...rows.map((row) => {
        const pictures = unpack(row);
        return titled(`invented by ${row.name}`, strip(
          Array.from({ length: pictures.count }, (_, index) => pictures.at(step, index)), pictures,
          `${pictures.count} pictures invented by ${row.name} at temperature ${temperature}`));
      })),
      halves(plot("far from every training picture", 0, told(0, percent)),
        plot("confidence of the judge", 1, told(1, number))),
      legend([...rows.map(({ name }) => [name, ...looks(name)]), ["unseen digits", "tvae-real"]]),
    ],
  };
}

function drawAnomalies(cases, { anomaly, false_alarms: alarms }, choices, width, shared) {
  const { rows, anomalous } = cases[anomaly];
  const share = alarms / 100;
  const results = rows.map(({ name, scores }) => {
    const normal = scores.filter((_, index) => !anomalous[index]);
    const odd = scores.filter((_, index) => anomalous[index]);
    const threshold = thresholdAt(scores, anomalous, share);
    return { name, scores, normal, odd, threshold, caught: shareAbove(odd, threshold),
      area: areaUnderCurve(normal, odd) };
  });
  const ordered = (scores) => [...scores.keys()].sort((a, b) => scores[a] - scores[b]);
  const wide = width > 600;
  const rowWidth = wide ? width * 0.46 : width;

  function histogram({ name, normal, odd, threshold, caught }) {
    const [left, height, base] = [4, 84, 66];
    // A long tail would squeeze the rest: the last bin holds whatever lies beyond.
    const sorted = [...normal, ...odd].sort((a, b) => a - b);
    const [low, high] = [sorted[0], sorted[Math.floor(0.985 * (sorted.length - 1))]];
    const bin = (value) => clamp(Math.floor(((value - low) / (high - low)) * BINS), 0, BINS - 1);
    const shares = [normal, odd].map((values) => {
      const counts = new Array(BINS).fill(0);
      values.forEach((value) => { counts[bin(value)] += 1 / values.length; });
      return counts;
    });
    const highest = Math.max(...shares.flat());
    const step = (rowWidth - 2 * left) / BINS;
    const bars = (values, kind) => values.map((value, at) => node("rect", {
      class: kind, x: left + at * step + 0.5, width: Math.max(1, step - 1),
      y: base - (value / highest) * (base - 6), height: (value / highest) * (base - 6) }));
    const x = clamp(left + ((threshold - low) / (high - low)) * BINS * step, left, rowWidth - left);
    const pattern = `${shared.id}-hatch`;
    return node("svg", { class: "tvae-chart", role: "img", width: rowWidth, height,
      "aria-label": `Histogram of the score ${name}: normal pictures and anomalies, with the ` +
        `threshold. ${percent(caught)} of the anomalies lie above it.` },
    node("defs", {}, node("pattern", { id: pattern, width: 5, height: 5,
      patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    node("line", { class: "tvae-hatch", y2: 5 }))),
    ...bars(shares[0], "tvae-normal"), ...bars(shares[1], "tvae-odd").map((bar) => {
      bar.setAttribute("fill", `url(#${pattern})`);
      return bar;
    }),
    node("line", { class: "tvae-axis", x1: left, x2: rowWidth - left, y1: base, y2: base }),
    node("line", { class: "tvae-cursor", x1: x, x2: x, y1: 2, y2: base + 3 }),
    node("text", { x: left, y: height - 4, "font-size": 11.5 }, "ordinary"),
    node("text", { x: rowWidth - left, y: height - 4, "font-size": 11.5, "text-anchor": "end" },
      "odd"));
  }

  function around({ scores, threshold }, flagged) {
    const side = ordered(scores).filter((index) => (scores[index] > threshold) === flagged);
    const near = flagged ? side.slice(0, AROUND) : side.slice(-AROUND);
    const odd = near.filter((index) => anomalous[index]).length;
    return node("div", { class: "tvae-near" },
      strip(near.map((index) => shared.pictures.at(index)), { ...shared.pictures, scale: 4 },
        `${near.length} pictures just ${flagged ? "flagged" : "passed"}, of them ${odd} anomalies`),
      node("div", { class: "tvae-under", "aria-hidden": "true" },
        ...near.map((index) => node("span", {}, anomalous[index] ? "\u2715" : ""))),
      node("p", { class: "tvae-note" }, flagged ? "just flagged" : "just passed"));
  }

  const curve = ({ normal, odd }) => {
    const thresholds = [Infinity, ...[...normal].sort((a, b) => b - a), -Infinity];
    return thresholds.map((t) => [shareAbove(normal, t), shareAbove(odd, t)]);
  };
  const side = Math.min(wide ? width * 0.5 : width, 380);
  const roc = chart({
    width: side, height: side * 0.9, x: axis("false alarms", 0, 1, [0, 0.25, 0.5, 0.75, 1], percent),
    y: axis("", 0, 1, [0, 0.25, 0.5, 0.75, 1], percent), rules: [{ x: share }],
    label: `ROC curves. Area under the curve: ${results.map(({ name, area }) =>
      `${name} ${number(area)}`).join(", ")}`,
    lines: [{ points: [[0, 0], [1, 1]], name: "tvae-chance", dots: false },
      ...results.map((result) => {
        const [name, shape] = looks(result.name);
        const points = curve(result);
        const now = [shareAbove(result.normal, result.threshold), result.caught];
        const at = points.findIndex(([a, b]) => a === now[0] && b === now[1]);
        return { points, name, shape, dots: false, at };
      })],
  });
  const best = results.reduce((a, b) => (b.caught > a.caught ? b : a));
  return {
    reading: [`Anomalies: ${anomaly}. Allowing ${alarms}\u00a0% false alarms, these are caught: ` +
      results.map(({ name, caught }) => `${name} ${percent(caught)}`).join("; ") + ". ",
    best.caught > 0 ? `Most by ${best.name}.` : "None by any score."],
    figures: [node("div", { class: "tvae-detection" },
      node("div", { class: "tvae-scores" }, ...results.map((result) =>
        node("div", { class: "tvae-figure" },
          node("p", { class: "tvae-heading" }, `${result.name}: area ${number(result.area)}`),
          histogram(result),
          node("div", { class: "tvae-sides" }, around(result, false), around(result, true))))),
      node("div", { class: "tvae-figure" },
        node("p", { class: "tvae-heading" }, "share of the anomalies caught"), roc,
        legend([...results.map(({ name }) => [name, ...looks(name)]), ["chance", "tvae-chance"]]),
        node("p", { class: "tvae-legend tvae-keys" },
          node("span", { class: "tvae-key" }, node("span", { class: "tvae-swatch tvae-swatch-normal" }), "normal"),
          node("span", { class: "tvae-key" }, node("span", { class: "tvae-swatch tvae-swatch-odd" }), "anomalies, also \u2715"))))],
  };
}

function drawCompression({ rows, originals, rates, curve }, { weight }, choices, width) {
  const step = choices.weight.indexOf(weight);
  const shown = unpack(originals);
  const bits = rates[step] / Math.LN2;
  const perPixel = bits / (shown.height * shown.width);
  const [model, linear] = rows;
  const change = model.errors[step] / linear.errors[step] - 1;
  const all = (picked) => Array.from({ length: shown.count }, (_, index) => picked(index));
  const highest = Math.max(...rows.flatMap(({ errors }) => errors)) * 1.08;
  const reach = Math.max(...rates) * 1.06;
  const ticks = Array.from({ length: 6 }, (_, at) => at * 0.01).filter((tick) => tick <= highest);
  const [vae, pca] = rows.map(({ name }) => looks(name));
  return {
    reading: [`β = ${weight}: the code costs ${number(rates[step], 1)} nats an image, ` +
      `${number(perPixel, 3)} bits per pixel. Squared error per pixel: ${model.name} ` +
      `${number(model.errors[step], 4)}, ${linear.name} at the same rate ` +
      `${number(linear.errors[step], 4)}. `,
    `${model.name} is ${percent(Math.abs(change))} ${change < 0 ? "lower" : "higher"}.`],
    figures: [halves(stack(
      titled("unseen digits", strip(all((index) => shown.at(index)), shown,
        `${shown.count} unseen digits`)),
      ...rows.map((row) => {
        const back = unpack(row);
        return titled(`${row.name}, from ${number(bits, 1)} bits an image`,
          strip(all((index) => back.at(step, index)), back,
            `The same digits brought back by ${row.name} from ${number(bits, 1)} bits each`));
      })), titled("squared error per pixel", chart({
        width: halfOf(width), height: 240,
        label: "Squared error against the rate, falling for both. At the chosen rate " +
          rows.map(({ name, errors }) => `${name} ${number(errors[step], 4)}`).join(", "),
        x: axis("rate, nats per image", 0, reach, [0, 5, 10, 15, 20, 25].filter((t) => t <= reach)),
        y: axis("", 0, highest, ticks, (tick) => number(tick)), rules: [{ x: rates[step] }],
        lines: [
          { points: curve.filter(([rate]) => rate <= reach), name: pca[0], dots: false },
          { points: [[rates[step], linear.errors[step]]], name: pca[0], shape: pca[1], at: 0 },
          { points: rates.map((rate, at) => [rate, model.errors[at]]).sort((a, b) => a[0] - b[0]),
            name: vae[0], shape: vae[1],
            at: [...rates].sort((a, b) => a - b).indexOf(rates[step]) },
        ],
      }), legend(rows.map(({ name }) => [name, ...looks(name)]))))],
  };
}

function drawClassification(sets, { data_set: set, label_count: count }, choices, width) {
  const { rows } = sets[set];
  const step = choices.label_count.indexOf(count);
  const values = rows.map(({ values: all }) => all[step][0]);
  const first = rows[values.indexOf(Math.max(...values))].name;
  const labels = choices.label_count;
  return {
    reading: [`${number(count, 0)} labels, ${set}: ${rows.map(({ name }, at) =>
      `${name} ${percent(values[at])}`).join(", ")}. `, `Highest: ${first}.`],
    figures: [titled("unseen images classified correctly, mean and range of five seeds", chart({
      width: Math.min(width, 660), height: 280,
      label: `Accuracy against the number of labels, four lines that climb. At ${count} labels ` +
        rows.map(({ name }, at) => `${name} ${percent(values[at])}`).join(", "),
      x: axis("labels", labels[0], labels.at(-1), labels, String, true),
      y: axis("", 0, 1, [0, 0.25, 0.5, 0.75, 1], percent), rules: [{ x: count }],
      lines: rows.map(({ name, values: all }) => ({ name: looks(name)[0], shape: looks(name)[1],
        at: step, points: all.map((each, at) => [labels[at], ...each]) })),
    }), legend(rows.map(({ name }) => [name, ...looks(name)])))],
  };
}

function drawClustering({ rows }, { group_count: count }, choices, width, shared) {
  const counts = choices.group_count;
  const step = counts.indexOf(count);
  const size = shared.labels.length;
  const scored = rows.map((row) => {
    const bytes = decodeBytes(row.groups);
    const groups = counts.map((_, at) => bytes.subarray(at * size, (at + 1) * size));
    return { name: row.name, groups: groups[step],
      scores: groups.map((each) => adjustedRandIndex(each, shared.labels)) };
  });
  const average = (groups, group) => {
    const inside = [...groups.keys()].filter((index) => groups[index] === group);
    const found = [...tally(inside.map((index) => shared.labels[index]))];
    const [label, most] = found.reduce((a, b) => (b[1] > a[1] ? b : a));
    const picture = shared.pictures.at(0).map((_, pixel) =>
      total(inside.map((index) => shared.pictures.at(index)[pixel])) / inside.length);
    return { picture, label, share: most / inside.length, size: inside.length };
  };
  const averages = ({ name, groups }) => {
    const all = Array.from({ length: count }, (_, group) => average(groups, group))
      .sort((a, b) => (a.label < b.label ? -1 : a.label > b.label ? 1 : b.size - a.size));
    return titled(`${name}: mean of each cluster, its most frequent class, and the share of it`,
      node("div", { class: "tvae-clusters" }, ...all.map((each) => node("div", {},
        strip([each.picture], { ...shared.pictures, scale: 4 },
          `Mean of ${each.size} pictures, ${percent(each.share)} of class ${each.label}`),
        node("span", {}, node("strong", {}, each.label), ` ${percent(each.share)}`)))));
  };
  const first = scored.reduce((a, b) => (b.scores[step] > a.scores[step] ? b : a));
  const low = Math.min(0, ...scored.flatMap(({ scores }) => scores));
  return {
    reading: [`${count} clusters, adjusted Rand index: ${scored.map(({ name, scores }) =>
      `${name} ${number(scores[step])}`).join(", ")}. `, `Highest: ${first.name}.`],
    figures: [halves(
      titled("adjusted Rand index: agreement with the true classes", chart({
        width: halfOf(width), height: 240,
        label: `Adjusted Rand index against the number of clusters. At ${count} ` +
          scored.map(({ name, scores }) => `${name} ${number(scores[step])}`).join(", "),
        x: axis("clusters", counts[0], counts.at(-1), counts.filter((each) => each % 2 === 0)),
        y: axis("", low, 0.8, [0, 0.2, 0.4, 0.6, 0.8], (tick) => number(tick, 1)),
        rules: [{ x: count }],
        lines: scored.map(({ name, scores }) => ({ name: looks(name)[0], shape: looks(name)[1],
          at: step, points: scores.map((score, at) => [counts[at], score]) })),
      }), legend(scored.map(({ name }) => [name, ...looks(name)]))),
      stack(...scored.filter(({ name }) => name !== "pixels").map(averages)))],
  };
}

// For each use: its drawing, its part of the data, its menu if it has one, and its slider.
const USES = {
  generation: { draw: drawGeneration, part: "generation",
    slider: ["temperature", "temperature of the draws", String] },
  "anomaly detection": { draw: drawAnomalies, part: "anomalies", menu: ["anomaly", "anomalies"],
    slider: ["false_alarms", "false alarms allowed", (value) => `${value}\u00a0%`] },
  compression: { draw: drawCompression, part: "compression",
    slider: ["weight", "weight of the KL, β", String] },
  classification: { draw: drawClassification, part: "classification",
    menu: ["data_set", "images"], slider: ["label_count", "labels", String] },
  clustering: { draw: drawClustering, part: "clustering",
    slider: ["group_count", "clusters", String] },
};
const TRAITS = ["use", ...Object.values(USES).flatMap(({ menu, slider }) =>
  [...(menu ? [menu[0]] : []), slider[0]])];

function render({ model, el }) {
  const data = model.get("data");
  const { choices } = data;
  const id = freshId();
  const shared = { id, pictures: unpack(data.pictures), labels: data.labels };
  const choose = chooserOf(model);

  const useMenu = menuOf(`${id}-use`, choices.use, (use) => choose({ use }));
  const settings = Object.fromEntries(choices.use.map((use) => {
    const { menu, slider: [trait, label, say] } = USES[use];
    const { slider, output, show } = sliderOf(`${id}-${trait}`, { max: choices[trait].length - 1 },
      (at) => choose({ [trait]: choices[trait][at] }));
    const boxes = [field(slider, label, output)];
    const parts = { show, trait, say, boxes };
    if (menu) {
      parts.menu = menuOf(`${id}-${menu[0]}`, choices[menu[0]],
        (option) => choose({ [menu[0]]: option }));
      boxes.unshift(field(parts.menu, menu[1]));
    }
    return [use, parts];
  }));
  const controls = node("div", { class: "tvae-controls" }, field(useMenu, "what for"),
    ...Object.values(settings).flatMap(({ boxes }) => boxes));
  const reading = readingLine();
  const body = node("div", { class: "tvae-body" });
  let width = 0;

  function paint() {
    const use = model.get("use");
    const chosen = Object.fromEntries(TRAITS.map((trait) => [trait, model.get(trait)]));
    useMenu.value = use;
    for (const [name, { boxes }] of Object.entries(settings)) {
      boxes.forEach((box) => { box.hidden = name !== use; });
    }
    const { menu, show, trait, say } = settings[use];
    show(choices[trait].indexOf(chosen[trait]), say(chosen[trait]));
    if (menu) menu.value = chosen[USES[use].menu[0]];
    const { draw, part } = USES[use];
    const drawn = draw(data[part], chosen, choices, width, shared);
    reading.say(...drawn.reading);
    body.replaceChildren(...drawn.figures);
  }

  el.replaceChildren(node("div", { class: "tvae-explorer tvae-uses" }, controls, reading.line, body));
  const fit = () => {
    const before = width;
    width = body.clientWidth || 560;
    if (width !== before) paint();
  };
  return keepPainted(model, TRAITS, paint, body, fit);
}

export default { render };
