// The front end of UsesExplorer.
import { clamp, decodeBytes, node, number, percent, unpack } from "tutorial_vae/explorer/controls.js";
import { band, chart, dots, doubling, even, line, markOf, roundTicks } from "tutorial_vae/explorer/chart.js";
import { hatchOf } from "tutorial_vae/explorer/layers.js";
import { strip, unpackPictures } from "tutorial_vae/explorer/pictures.js";
import { explorer, legend, note } from "tutorial_vae/explorer/view.js";

const AROUND = 5; // pictures shown on each side of a threshold
const BINS = 32; // of a histogram
const QUARTERS = [0, 0.25, 0.5, 0.75, 1];

const whole = (share) => percent(share, 0);
const total = (values) => values.reduce((sum, value) => sum + value, 0);
const told = (rows, form) => rows.map((row) => `${row.name} ${form(row)}`).join(", ");

// The look of a line is that of what it stands for.
function lookOf(name) {
  if (name.startsWith("VAE")) return name.includes("ELBO") ? { part: "elbo", shape: "diamond" } : { part: "vae", shape: "circle" };
  if (name.startsWith("PCA")) return { part: "pca", shape: "square" };
  return name === "pixels" ? { part: "pixels", shape: "triangle" } : { part: "untrained", shape: "diamond" };
}

// A line with its range and, at each point or only where the reader is, a mark.
function curve(name, points, here, marked = () => true) {
  const { part, shape } = lookOf(name);
  const marks = points.filter(marked).map((point) => ({ ...point, part, shape }));
  return [...("low" in points[0] ? [band(points, `tvae-${part}`)] : []), line(points, `tvae-${part}`), dots(marks, ({ x }) => x === here)];
}

const cursor = (at) => ({ x, top, base }) => [node("line", { class: "tvae-cursor", x1: x(at), x2: x(at), y1: top, y2: base })];

function lineKey(name, part = lookOf(name).part, shape = lookOf(name).shape) {
  const stroke = node("line", { class: `tvae-curve tvae-${part}`, x1: 1, x2: 33, y1: 7, y2: 7 });
  return [shape ? [stroke, markOf(shape, 17, 7, 3.4, { class: `tvae-dot tvae-${part}` })] : [stroke], name, 34];
}
const keysOf = (rows, ...more) => legend(...rows.map(({ name }) => lineKey(name)), ...more);

function picturesOf(packed) {
  const [count, height, width] = packed.shape.slice(-3);
  const at = unpackPictures(packed);
  return { at, count, height, width,
    row: (step, label) => strip(Array.from({ length: count }, (_, i) => at(step * count + i)), height, width, label) };
}

const plotOf = (options) => chart({ height: 190, left: 46, right: 12, ...options });

function generation({ data: { generation: { rows, real } }, now, valuesOf }) {
  const temperatures = valuesOf("temperature");
  const step = () => temperatures.indexOf(now().temperature);
  const say = ([far, confidence, variety]) =>
    `${whole(far)} far, confidence ${number(confidence)}, ${number(variety, 1)} classes`;
  const plot = (title, index, form) => ({ title: () => title, draw: (width) => plotOf({ width, height: 138,
    label: `${title} against the temperature. ${told(rows, ({ quality }) => form(quality[step()][index]))}`,
    x: { ...even(temperatures[0], temperatures.at(-1), temperatures, String), title: "temperature" }, y: even(0, 1, QUARTERS, form),
    marks: [line([temperatures[0], temperatures.at(-1)].map((x) => ({ x, y: real[index] })), "tvae-real"), cursor(now().temperature),
      ...rows.flatMap(({ name, quality }) => curve(name, quality.map((each, at) => ({ x: temperatures[at], y: each[index] })), now().temperature))] }) });
  const invented = ({ name, pictures }) => {
    const { row, count } = picturesOf(pictures);
    return { title: () => `invented by ${name}`,
      draw: () => row(step(), `${count} pictures invented by ${name} at temperature ${now().temperature}`) };
  };
  const keys = keysOf(rows, lineKey("unseen digits", "real", ""));
  return {
    controls: { temperature: {} },
    reading: () => [`At temperature ${now().temperature}: ${rows.map(({ name, quality }) => `${name} ${say(quality[step()])}`).join("; ")}`,
      "", ` (unseen digits: ${say(real)})`],
    figures: [...rows.map(invented), plot("far from every training picture", 0, whole),
      plot("confidence of the judge", 1, (value) => number(value)), { wide: true, draw: () => keys }],
  };
}

const shareAbove = (scores, threshold) => scores.filter((score) => score > threshold).length / scores.length;

// Probability that an anomaly scores higher than a normal picture, ties counted by half.
const areaUnderCurve = (normal, odd) => total(odd.flatMap((one) =>
  normal.map((other) => (one > other ? 1 : one === other ? 0.5 : 0)))) / (normal.length * odd.length);

function detection({ data: { anomalies, pictures }, now, id }) {
  const hatch = `${id}-hatch`;
  const shown = picturesOf(pictures);
  const known = Object.fromEntries(Object.entries(anomalies).map(([anomaly, { rows, anomalous }]) => [anomaly,
    rows.map(({ name, scores: packed }) => {
      const scores = unpack(packed).values;
      const [normal, odd] = [0, 1].map((kind) => scores.filter((_, index) => anomalous[index] === kind));
      return { name, scores, normal, odd, anomalous, area: areaUnderCurve(normal, odd) };
    })]));

  // Of the normal scores at most the share that is allowed lies above the threshold.
  function results() {
    return known[now().anomaly].map((each) => {
      const falling = [...each.normal].sort((a, b) => b - a);
      const threshold = falling[Math.floor((now().false_alarms / 100) * falling.length + 1e-9)];
      return { ...each, threshold, caught: shareAbove(each.odd, threshold) };
    });
  }

  function histogram({ name, normal, odd, threshold, caught }, width) {
    // A long tail would squeeze the rest: the last bin holds whatever lies beyond.
    const sorted = [...normal, ...odd].sort((a, b) => a - b);
    const [low, high] = [sorted[0], sorted[Math.floor(0.985 * (sorted.length - 1))]];
    const place = (score) => ((score - low) / (high - low)) * BINS;
    const [ofNormal, ofOdd] = [normal, odd].map((scores) => {
      const shares = new Array(BINS).fill(0);
      scores.forEach((score) => { shares[clamp(Math.floor(place(score)), 0, BINS - 1)] += 1 / scores.length; });
      return shares;
    });
    const bars = (shares, more) => ({ x, y, base }) => shares.map((share, at) => node("rect", { ...more,
      x: x(at) + 0.5, width: Math.max(1, x(1) - x(0) - 1), y: y(share), height: base - y(share) }));
    return chart({ width, height: 60, left: 26, right: 14,
      label: `Histogram of the score ${name}: normal pictures and anomalies, with the threshold. ${whole(caught)} of the anomalies lie above it.`,
      x: even(0, BINS, [0, BINS], (at) => (at ? "odd" : "ordinary")), y: even(0, Math.max(...ofNormal, ...ofOdd), [0], () => ""),
      marks: [bars(ofNormal, { class: "tvae-normal" }), bars(ofOdd, { class: "tvae-odd", fill: `url(#${hatch})` }),
        cursor(clamp(place(threshold), 0, BINS))] });
  }

  function around({ scores, threshold, anomalous }, flagged) {
    const side = [...scores.keys()].sort((a, b) => scores[a] - scores[b]).filter((index) => (scores[index] > threshold) === flagged);
    const near = flagged ? side.slice(0, AROUND) : side.slice(-AROUND);
    return node("div", { class: "tvae-near" },
      strip(near.map(shown.at), shown.height, shown.width,
        `${near.length} pictures just ${flagged ? "flagged" : "passed"}, of them ${total(near.map((index) => anomalous[index]))} anomalies`),
      node("div", { class: "tvae-under", "aria-hidden": "true" }, ...near.map((index) => node("span", {}, anomalous[index] ? "\u2715" : ""))),
      note(flagged ? "just flagged" : "just passed"));
  }

  function rates({ normal, odd }) {
    const thresholds = [Infinity, ...[...normal].sort((a, b) => b - a), -Infinity];
    return thresholds.map((threshold) => ({ x: shareAbove(normal, threshold), y: shareAbove(odd, threshold) }));
  }

  function drawRates(width) {
    const side = Math.min(width, 380);
    return plotOf({ width: side, height: side * 0.9 - 50, label: `ROC curves. Area under the curve: ${told(results(), ({ area }) => number(area))}`,
      x: { ...even(0, 1, QUARTERS, whole), title: "false alarms" }, y: even(0, 1, QUARTERS, whole),
      marks: [cursor(now().false_alarms / 100), line([{ x: 0, y: 0 }, { x: 1, y: 1 }], "tvae-chance"), ...results().flatMap((each) => {
        const here = shareAbove(each.normal, each.threshold);
        return curve(each.name, rates(each), here, ({ x, y }) => x === here && y === each.caught);
      })] });
  }

  const keys = keysOf(Object.values(known)[0], lineKey("chance", "chance", ""));
  const box = { x: 1, y: 1, width: 17, height: 12 };
  return {
    controls: { anomaly: {}, false_alarms: { title: (value) => `${value}\u00a0%` } },
    reading() {
      const found = results();
      const best = found.reduce((a, b) => (b.caught > a.caught ? b : a));
      return [`Anomalies: ${now().anomaly}. Allowing ${now().false_alarms}\u00a0% false alarms, these are caught: ` +
        `${found.map(({ name, caught }) => `${name} ${whole(caught)}`).join("; ")}. `,
      best.caught > 0 ? `Most by ${best.name}.` : "None by any score."];
    },
    figures: [
      { draw: (width) => node("div", { class: "tvae-scores" }, ...results().map((each) => node("div", {},
        node("p", { class: "tvae-heading" }, `${each.name}: area ${number(each.area)}`), histogram(each, width),
        node("div", { class: "tvae-sides" }, around(each, false), around(each, true))))) },
      { title: () => "share of the anomalies caught", draw: drawRates, after: [keys, legend(
        [[hatchOf(hatch), node("rect", { ...box, class: "tvae-normal" })], "normal", 19],
        [[node("rect", { ...box, class: "tvae-odd", fill: `url(#${hatch})` })], "anomalies, also \u2715", 19])] }],
  };
}

function compression({ data: { compression: { rows, originals, rates, curve: between } }, now, valuesOf }) {
  const step = () => valuesOf("weight").indexOf(now().weight);
  const unseen = picturesOf(originals);
  const back = rows.map(({ pictures }) => picturesOf(pictures));
  const [model, linear] = rows;
  const bits = () => rates[step()] / Math.LN2;
  const errors = () => told(rows, (row) => number(row.errors[step()], 4));
  const highest = Math.max(...rows.flatMap((row) => row.errors)) * 1.08;
  const reach = Math.max(...rates) * 1.06;
  const along = (of) => rates.map((x, at) => ({ x, y: of.errors[at] })).sort((a, b) => a.x - b.x);
  const titled = (heading, content) => [node("p", { class: "tvae-heading" }, heading), content];
  const keys = keysOf(rows);
  return {
    controls: { weight: {} },
    reading() {
      const change = model.errors[step()] / linear.errors[step()] - 1;
      return [`β = ${now().weight}: the code costs ${number(rates[step()], 1)} nats an image, ` +
        `${number(bits() / (unseen.height * unseen.width), 3)} bits per pixel. Squared error per pixel: ${model.name} ` +
        `${number(model.errors[step()], 4)}, ${linear.name} at the same rate ${number(linear.errors[step()], 4)}. `,
      `${model.name} is ${whole(Math.abs(change))} ${change < 0 ? "lower" : "higher"}.`];
    },
    figures: [
      { draw: () => [...titled("unseen digits", unseen.row(0, `${unseen.count} unseen digits`)),
        ...rows.flatMap(({ name }, at) => titled(`${name}, from ${number(bits(), 1)} bits an image`,
          back[at].row(step(), `The same digits brought back by ${name} from ${number(bits(), 1)} bits each`)))] },
      { title: () => "squared error per pixel", after: [keys], draw: (width) => plotOf({ width,
        label: `Squared error against the rate, falling for both. At the chosen rate ${errors()}`,
        x: { ...even(0, reach), title: "rate, nats per image" }, y: even(0, highest, roundTicks(0, highest, 5)),
        marks: [cursor(rates[step()]), line(between.map(([x, y]) => ({ x, y })).filter(({ x }) => x <= reach), `tvae-${lookOf(linear.name).part}`),
          ...curve(linear.name, [{ x: rates[step()], y: linear.errors[step()] }], rates[step()]),
          ...curve(model.name, along(model), rates[step()])] }) }],
  };
}

function classification({ data: { classification: sets }, now, valuesOf }) {
  const labels = valuesOf("label_count");
  const mean = ({ values }) => values[labels.indexOf(now().label_count)][0];
  const rows = () => sets[now().data_set].rows;
  const scale = doubling(labels, { edge: 0 });
  const keys = keysOf(rows());
  return {
    controls: { data_set: {}, label_count: {} },
    reading: () => [`${now().label_count} labels, ${now().data_set}: ${told(rows(), (row) => whole(mean(row)))}. `,
      `Highest: ${rows().reduce((a, b) => (mean(b) > mean(a) ? b : a)).name}.`],
    figures: [{ wide: true, title: () => "unseen images classified correctly, mean and range of five seeds", after: [keys],
      draw: (width) => plotOf({ width: Math.min(width, 660), height: 228, x: { ...scale, title: "labels" }, y: even(0, 1, QUARTERS, whole),
        label: `Accuracy against the number of labels, four lines that climb. At ${now().label_count} labels ${told(rows(), (row) => whole(mean(row)))}`,
        marks: [cursor(now().label_count), ...rows().flatMap(({ name, values }) =>
          curve(name, values.map(([y, low, high], at) => ({ x: labels[at], y, low, high })), now().label_count))] }) }],
  };
}

const pairs = (count) => (count * (count - 1)) / 2;

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

function clustering({ data: { clustering: { rows }, pictures, labels }, now, valuesOf }) {
  const counts = valuesOf("group_count");
  const step = () => counts.indexOf(now().group_count);
  const shown = picturesOf(pictures);
  const scored = rows.map(({ name, groups: stored }) => {
    const bytes = decodeBytes(stored);
    const groups = counts.map((_, at) => bytes.subarray(at * labels.length, (at + 1) * labels.length));
    return { name, groups, scores: groups.map((each) => adjustedRandIndex(each, labels)) };
  });
  const score = ({ scores }) => number(scores[step()]);

  function average(groups, group) {
    const inside = [...groups.keys()].filter((index) => groups[index] === group);
    const [label, most] = [...tally(inside.map((index) => labels[index]))].reduce((a, b) => (b[1] > a[1] ? b : a));
    const each = inside.map(shown.at);
    const picture = shown.at(0).map((_, pixel) => total(each.map((levels) => levels[pixel])) / inside.length);
    return { picture, label, share: most / inside.length, size: inside.length };
  }

  function clusters({ name, groups }) {
    const all = Array.from({ length: now().group_count }, (_, group) => average(groups[step()], group))
      .sort((a, b) => a.label.localeCompare(b.label) || b.size - a.size);
    return [node("p", { class: "tvae-heading" }, `${name}: mean of each cluster, its most frequent class, and the share of it`),
      node("div", { class: "tvae-clusters" }, ...all.map(({ picture, label, share, size }) => node("div", {},
        strip([picture], shown.height, shown.width, `Mean of ${size} pictures, ${whole(share)} of class ${label}`),
        node("span", {}, node("strong", {}, label), ` ${whole(share)}`))))];
  }

  const low = Math.min(0, ...scored.flatMap(({ scores }) => scores));
  const keys = keysOf(rows);
  return {
    controls: { group_count: {} },
    reading: () => [`${now().group_count} clusters, adjusted Rand index: ${told(scored, score)}. `,
      `Highest: ${scored.reduce((a, b) => (b.scores[step()] > a.scores[step()] ? b : a)).name}.`],
    figures: [
      { title: () => "adjusted Rand index: agreement with the true classes", after: [keys], draw: (width) => plotOf({ width,
        label: `Adjusted Rand index against the number of clusters. At ${now().group_count} ${told(scored, score)}`,
        x: { ...even(counts[0], counts.at(-1), counts.filter((each) => each % 2 === 0)), title: "clusters" },
        y: even(low, 0.8, [0, 0.2, 0.4, 0.6, 0.8]),
        marks: [cursor(now().group_count), ...scored.flatMap(({ name, scores }) =>
          curve(name, scores.map((y, at) => ({ x: counts[at], y })), now().group_count))] }) },
      { draw: () => scored.filter(({ name }) => name !== "pixels").flatMap(clusters) }],
  };
}

export default explorer("uses", (given) => {
  const uses = { generation: generation(given), "anomaly detection": detection(given), compression: compression(given),
    classification: classification(given), clustering: clustering(given) };
  const hidden = (use) => ({ hidden: () => given.now().use !== use });
  return {
    reading: () => uses[given.now().use].reading(),
    controls: Object.fromEntries(Object.entries(uses).flatMap(([use, { controls }]) =>
      Object.entries(controls).map(([name, about]) => [name, { ...about, ...hidden(use) }]))),
    figures: Object.entries(uses).flatMap(([use, { figures }]) => figures.map((figure) => ({ ...figure, ...hidden(use) }))),
  };
});
