// The front end of CardExplorer.
import { decodeBytes, node, number, percent } from "tutorial_vae/explorer/controls.js";
import { chart, even, line, markOf, roundTicks, rows } from "tutorial_vae/explorer/chart.js";
import { explorer, legend, note } from "tutorial_vae/explorer/view.js";

const SHAPES = { source: "circle", target: "square", untrained: "diamond", pca: "triangle", pixels: "down", "mean image": "cross" };
const OF_CLASSES = ["circle", "square", "diamond", "triangle", "down"];
const COLOURS = 8; // of classes on the map; with five shapes, forty classes look different
const MOST_NAMED = 10; // classes in the legend of the map
const ALL_SUBJECTS = { comparison: "layer", layer: "layer", map: "map", highlight: "map", unit: "unit", score: "score" };

const subscript = (unit) => `z${[...String(unit + 1)].map((digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]).join("")}`;
const shown = (value, decimals) => number(value ?? NaN, decimals);
const sum = (values) => values.reduce((total, value) => total + value, 0);
const between = ([, low, high]) => (low === null ? "" : ` (95 % interval ${shown(low)} to ${shown(high)})`);
const kindsOf = (found) => Object.keys(SHAPES).filter((kind) => kind in found);
const partOf = (kind) => `kind-${kind.replace(" ", "-")}`;

function markFor(kind, [mean, low, high]) {
  return { part: partOf(kind), shape: SHAPES[kind], spread: mean === null ? null : { mean, low: low ?? mean, high: high ?? mean } };
}

// Share of points whose nearest neighbour is of their class, for each class and for all.
function neighbourShares(points, classes, count) {
  const [hits, sizes] = [Array(count).fill(0), Array(count).fill(0)];
  points.forEach(([x, y], index) => {
    let [best, least] = [-1, Infinity];
    points.forEach(([otherX, otherY], other) => {
      const distance = (x - otherX) ** 2 + (y - otherY) ** 2;
      if (other !== index && distance < least) [best, least] = [other, distance];
    });
    sizes[classes[index]] += 1;
    hits[classes[index]] += classes[best] === classes[index] ? 1 : 0;
  });
  return { hits, sizes };
}

export default explorer("card", ({ data, now, choose, valuesOf, paint }) => {
  const { names, verdicts, images, held_out: heldOut, pictures, errors, parts, comparisons, maps, classes, class_names: classNames,
    reach, units, scores } = data;
  const layers = valuesOf("layer");
  const planes = Object.fromEntries(Object.entries(maps).map(([name, stored]) => {
    const bytes = decodeBytes(stored);
    const points = Array.from({ length: bytes.length / 2 }, (_, at) => [bytes[2 * at], bytes[2 * at + 1]]);
    return [name, { points, ...neighbourShares(points, classes, classNames.length) }];
  }));
  const others = (valueOf, found) => kindsOf(found).filter((kind) => kind !== "source")
    .map((kind) => `${names[kind]} ${shown(valueOf(found[kind]))}`).join(", ");
  const withWhat = () => (now().comparison === "labels" ? "the labels" : "the same layer of the target model");

  const sentences = {
    layer() {
      const [found, at] = [comparisons[now().comparison], layers.indexOf(now().layer)];
      return [`${layers[at]} of the source and ${withWhat()}: CKA `, shown(found.source[at][0]),
        `${between(found.source[at])}; ${others((profile) => profile[at][0], found)}, chance 0`];
    },
    map() {
      if (!classNames.length) return [`The images have no labels: the map of the ${now().map}'s latents shows where they lie.`];
      const { hits, sizes } = planes[now().map];
      const chosen = classNames.indexOf(now().highlight);
      const [hit, size] = chosen < 0 ? [sum(hits), sum(sizes)] : [hits[chosen], sizes[chosen]];
      const chance = chosen < 0 ? sum(sizes.map((each) => each * (each - 1))) / (size * Math.max(1, size - 1))
        : (size - 1) / Math.max(1, images - 1);
      return [`On the map of the latents of ${now().map}, the nearest neighbour is of the same class for `,
        `${percent(hit / size, 0)} of ${size.toLocaleString("en")} images${chosen < 0 ? "" : ` of class ${classNames[chosen]}`}`,
        ` (by chance ${percent(chance, 0)})`];
    },
    unit() {
      const { variance, active, source_variance: home } = units[now().unit];
      return [`Latent ${subscript(now().unit)} is ${active ? "active" : "not active"} on the target: its mean has variance `,
        shown(variance), home === undefined ? "" : `, and ${shown(home)} on the source's own images`];
    },
    score() {
      const found = scores[now().score];
      return [`${now().score} of the source: `, shown(found.source[0]), `${between(found.source)}; ${others(([value]) => value, found)}`];
    },
  };

  // What was moved last is read out.
  let [subject, before] = [now().score ? "score" : "layer", now()];
  function reading() {
    const moved = Object.keys(before).find((name) => now()[name] !== before[name]);
    [subject, before] = [moved ? ALL_SUBJECTS[moved] : subject, now()];
    return sentences[subject]();
  }

  function takeLayer(row) {
    subject = "layer"; // also where the layer stays the same
    choose({ layer: layers[row] });
    paint();
  }

  const barsOf = (found, x, label, width) => rows({ width, label, x, left: 92,
    lines: kindsOf(found).map((kind) => ({ name: names[kind], marks: [markFor(kind, found[kind])] })) });

  function drawErrors(width) {
    const most = 1.04 * Math.max(...Object.values(errors).flat()) || 1;
    return barsOf(errors, even(0, most, roundTicks(0, most, 4)), `Mean squared error per pixel: ${
      kindsOf(errors).map((kind) => `${names[kind]} ${shown(errors[kind][0], 4)}`).join(", ")}`, width);
  }

  function drawScore(width) {
    const found = scores[now().score];
    const values = Object.values(found).flat().filter((value) => value !== null);
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const room = 0.06 * (most - least) || 0.1;
    return barsOf(found, even(least - room, most + room, roundTicks(least - room, most + room, 4)), sentences.score().join(""), width);
  }

  function drawLayers(width) {
    const found = comparisons[now().comparison];
    const kinds = kindsOf(found);
    const values = Object.values(found).flat(2).filter((value) => value !== null);
    const low = Math.floor(Math.min(0, ...values) * 5) / 5;
    const high = now().comparison === "target model" ? 1 : Math.max(0.2, Math.ceil(Math.max(...values, 0) * 10) / 10);
    const x = even(low, high, roundTicks(low, high, 4));
    x.ticks.forEach((tick) => { tick.strong = tick.at === 0; });
    return [rows({ width, x, left: 118, height: 24, chosen: now().layer, choose: ({ row }) => row && takeLayer(row),
      label: `CKA of each layer with ${withWhat()}. ${layers.map((name, at) =>
        `${name}: ${kinds.map((kind) => `${names[kind]} ${shown(found[kind][at][0])}`).join(", ")}`).join("; ")}`,
      lines: layers.map((name, at) => ({ name, text: `tvae-${parts[at]}`, pick: { "data-row": at },
        marks: kinds.map((kind) => markFor(kind, found[kind][at])).reverse() })) }),
    legend(...kinds.map((kind) => [[markOf(SHAPES[kind], 7, 7, 5, { class: `tvae-dot tvae-${partOf(kind)}` })], names[kind], 14]))];
  }

  function drawMap(width) {
    const side = Math.min(width, 420);
    const { points } = planes[now().map];
    const highlight = classNames.indexOf(now().highlight);
    const scale = (value) => 8 + (value / 255) * (side - 16);
    const size = points.length > 600 ? 2.4 : 3.2;
    const order = [...points.keys()].sort((one, other) => (classes[one] === highlight) - (classes[other] === highlight));
    return node("svg", { class: "tvae-chart", role: "img", width: side, height: side,
      "aria-label": `t-SNE map of the latents of ${images} images. ${sentences.map().join("")}` },
    node("rect", { x: 0.5, y: 0.5, width: side - 1, height: side - 1, rx: 6, class: "tvae-ground" }),
    ...order.map((index) => {
      const [x, y] = points[index].map(scale);
      const group = classes[index] ?? 0;
      if (highlight >= 0 && group !== highlight) return markOf("circle", x, y, 1.8, { class: "tvae-faint" });
      return markOf(OF_CLASSES[group % 5], x, y, size + (highlight >= 0), { class: `tvae-class-${classes.length ? group % COLOURS : "none"}` });
    }));
  }

  function drawUnit(width) {
    const { target, source } = units[now().unit];
    const bin = (2 * reach) / target.length;
    const edge = (at) => at * bin - reach;
    const prior = target.map((_, at) => ({ x: edge(at + 0.5), y: bin * Math.exp(-0.5 * edge(at + 0.5) ** 2) / Math.sqrt(2 * Math.PI) }));
    const highest = Math.max(...prior.map(({ y }) => y));
    // A collapsed latent has all its images in one or two bins, which are cut off at the top.
    const most = Math.min(Math.max(...target, ...(source ?? [0]), highest), 5 * highest);
    const stairs = (shares, look) => line([{ x: -reach, y: 0 },
      ...shares.flatMap((y, at) => [{ x: edge(at), y }, { x: edge(at + 1), y }]), { x: reach, y: 0 }], look);
    const ticks = Array.from({ length: 2 * reach - 1 }, (_, at) => at + 1 - reach);
    return chart({ width, height: 168, left: 8, right: 8, x: even(-reach, reach, ticks), y: even(0, most, [0], () => ""),
      label: `Histogram of the means of latent ${now().unit + 1}. ${sentences.unit().join("")}`,
      marks: [stairs(target, "tvae-bars"), ...(source ? [stairs(source, "tvae-outline")] : []), line(prior, "tvae-prior")] });
  }

  const stroke = (look) => [node("line", { x1: 0, x2: 20, y1: 7, y2: 7, class: `tvae-curve ${look}` })];
  const unitKeys = legend([[node("rect", { y: 1, width: 14, height: 12, class: "tvae-bars" })], "target", 14],
    ...("source" in units[0] ? [[stroke("tvae-outline"), "source's own images", 20]] : []), [stroke("tvae-prior"), "prior", 20]);
  const classKeys = classNames.length > MOST_NAMED ? [] : classNames.map((name, group) =>
    [[markOf(OF_CLASSES[group % 5], 7, 7, 5, { class: `tvae-class-${group % COLOURS}` })], name, 14]);
  const columns = node("div", { class: "tvae-columns", role: "img",
    "aria-label": `${pictures.length} held-out images, and below each its reconstruction by the source and by the target model` },
  ...pictures.map((stored) => node("img", { src: `data:image/png;base64,${stored}`, alt: "" })));
  const titled = (title, ...more) => [node("h3", { class: "tvae-title" }, title), ...more];
  return {
    reading,
    controls: {
      layer: { look: (layer) => `tvae-layer tvae-${parts[layers.indexOf(layer)]}` },
      unit: { title: (unit) => `${subscript(unit)}, ${units[unit].active ? "active" : "not active"}`,
        say: (unit) => `latent ${unit + 1}, variance ${shown(units[unit].variance)}` },
    },
    above: [node("div", { class: "tvae-answers" }, ...verdicts.map(([question, answer, ...reasons]) =>
      node("div", {}, node("p", { class: "tvae-question" }, question), node("p", { class: "tvae-answer" }, answer), note(reasons.join(" ")))))],
    figures: [
      { draw: drawErrors, before: titled("Reconstruction", columns,
        note("Each column from the top: a held-out image; what the source makes of it; what the target model does."),
        note(`Mean squared error per pixel on ${heldOut} held-out images (lower is better):`)) },
      { draw: drawLayers, before: titled("Layer by layer"), holds: ["comparison", "layer"] },
      { draw: drawMap, before: titled("Map of the images"), holds: ["map", "highlight"],
        after: [legend(...classKeys), note("Each mark is an image.",
          classNames.length > MOST_NAMED ? " Colours and shapes are those of classes; bring one out to see which." : "")] },
      ...(now().score ? [{ draw: drawScore, before: titled("Scores of the labels"), holds: ["score"] }] : []),
      { draw: drawUnit, before: titled("One latent of the source"), holds: ["unit"], after: [unitKeys] }],
  };
});
