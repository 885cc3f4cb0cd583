// The front end of CardExplorer, after the text of controls.js. Notebooks run it through anywidget;
// pages without a kernel run the same text from the stored state.
import {
  chooserOf, clamp, decodeBytes, field, freshId, keepPainted, menuOf, node, number, readingLine,
  sliderOf, text,
} from "tutorial_vae/explorer/controls.js";

const KINDS = ["source", "target", "untrained", "pca", "pixels", "mean image"];
const COLOURS = 8; // of classes on the map; with five shapes, forty classes look different
const MOST_NAMED = 10; // classes in the legend of the map
const middle = { "text-anchor": "middle" };
const central = { "dominant-baseline": "central" };

// Outlines around the origin that differ without their colour.
function outline(shape, size) {
  const s = size;
  return [
    `M${-s} 0A${s} ${s} 0 1 0 ${s} 0A${s} ${s} 0 1 0 ${-s} 0Z`,
    `M${-0.88 * s} ${-0.88 * s}H${0.88 * s}V${0.88 * s}H${-0.88 * s}Z`,
    `M0 ${-1.25 * s}L${1.25 * s} 0L0 ${1.25 * s}L${-1.25 * s} 0Z`,
    `M0 ${-1.2 * s}L${1.15 * s} ${0.85 * s}H${-1.15 * s}Z`,
    `M0 ${1.2 * s}L${1.15 * s} ${-0.85 * s}H${-1.15 * s}Z`,
    `M${-s} ${-s}L${s} ${s}M${-s} ${s}L${s} ${-s}`,
  ][shape];
}

const subscript = (unit) =>
  `z${[...String(unit + 1)].map((digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]).join("")}`;
const percent = (share) => `${Math.round(100 * share)} %`;
const shown = (value, decimals) => number(value ?? NaN, decimals);
const between = ([, low, high], decimals = 2) =>
  (low === null ? "" : ` (95 % interval ${shown(low, decimals)} to ${shown(high, decimals)})`);

// Round numbers that divide a range into about four.
function ticksOf(low, high) {
  const rough = (high - low) / 4 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough * 0.99);
  const ticks = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + 1e-9 * step; at += 1) ticks.push(at * step);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9), step / power === 2.5 ? 1 - Math.log10(power) : 0);
  return { ticks, decimals: Math.min(4, Math.round(decimals)) };
}

// One row a name, and on it a mark with its interval for each kind of representation.
function drawRows(svg, width, { rows, range, chosen, left, press }) {
  const [height, top, right] = [rows.length === 1 ? 40 : 24, 6, 14];
  const bottom = top + rows.length * height;
  const [low, high] = range;
  const x = (value) => left + ((clamp(value, low, high) - low) / (high - low)) * (width - left - right);
  const { ticks, decimals } = ticksOf(low, high);
  const drawing = ticks.flatMap((tick) => [
    node("line", { x1: x(tick), x2: x(tick), y1: top, y2: bottom, class: tick === 0 ? "tvae-zero" : "tvae-grid" }),
    text(number(tick, decimals), x(tick), bottom + 16, middle)]);
  rows.forEach(({ name, type = "", marks }, index) => {
    const y = top + (index + 0.5) * height;
    if (index === chosen) {
      drawing.push(node("rect", { x: 0, y: y - height / 2, width, height, rx: 4, class: "tvae-now" }));
    }
    drawing.push(text(name, left - 8, y, { "text-anchor": "end", ...central,
      class: `${type}${index === chosen ? " tvae-strong" : ""}` }));
    for (const [kind, [value, from, to]] of marks) {
      if (value === null) continue;
      if (from !== null) {
        drawing.push(node("line", { x1: x(from), x2: x(to), y1: y, y2: y, class: `tvae-whisker tvae-kind-${kind.replace(" ", "-")}` }));
      }
      drawing.push(node("path", { d: outline(KINDS.indexOf(kind), 5), transform: `translate(${x(value)} ${y})`,
        class: `tvae-mark tvae-kind-${kind.replace(" ", "-")}` }));
    }
    if (press) {
      drawing.push(node("rect", { x: 0, y: y - height / 2, width, height, fill: "transparent",
        "data-row": index, class: "tvae-touch" }));
    }
  });
  svg.setAttribute("width", width);
  svg.setAttribute("height", bottom + 22);
  svg.replaceChildren(...drawing);
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

function render({ model, el }) {
  const { names, verdicts, images, held_out: heldOut, pictures, errors, layers, parts, comparisons, maps, classes, class_names: classNames,
    all_classes: allClasses, reach, units, scores } = model.get("data");
  const id = freshId();
  const choose = chooserOf(model);
  let subject = Object.keys(scores).length ? "score" : "layer"; // what is read out
  const take = (what, choices) => { subject = what; choose(choices); };
  const figure = (title, controls, ...content) => node("div", { class: "tvae-figure" },
    node("h3", { class: "tvae-title" }, title),
    node("div", { class: "tvae-controls" }, ...controls), ...content);
  const picture = () => node("svg", { role: "img" });
  const signOf = (name, shape, type) => node("span", { class: "tvae-key" },
    node("svg", { width: 14, height: 14, viewBox: "-7 -7 14 14", "aria-hidden": "true" },
      node("path", { d: outline(shape, 5), class: type })), name);
  const keyOf = (kind) => signOf(names[kind], KINDS.indexOf(kind), `tvae-mark tvae-kind-${kind.replace(" ", "-")}`);
  const keys = () => node("p", { class: "tvae-legend tvae-keys" });

  // Answers.
  const answers = node("div", { class: "tvae-answers" }, ...verdicts.map(([question, answer, ...reasons]) =>
    node("div", {}, node("p", { class: "tvae-question" }, question), node("p", { class: "tvae-answer" }, answer),
      node("p", { class: "tvae-note" }, reasons.join(" ")))));

  // Pictures.
  const columns = node("div", { class: "tvae-columns", role: "img",
    "aria-label": `${pictures.length} held-out images, and below each its reconstruction by the source and by the target model` },
  ...pictures.map((stored) => node("img", { src: `data:image/png;base64,${stored}`, alt: "" })));
  const errorDrawing = picture();
  const pictureFigure = node("div", { class: "tvae-figure" }, node("h3", { class: "tvae-title" }, "Reconstruction"),
    columns, node("p", { class: "tvae-note" }, "Each column from the top: a held-out image; what the source makes " +
      "of it; what the target model does."),
    node("p", { class: "tvae-note" }, `Mean squared error per pixel on ${heldOut} held-out images (lower is better):`), errorDrawing);

  // Layers.
  const comparisonMenu = menuOf(`${id}-comparison`, Object.keys(comparisons),
    (comparison) => take("layer", { comparison }));
  const layer = sliderOf(`${id}-layer`, { max: layers.length - 1 },
    (at) => take("layer", { layer: layers[at] }));
  const [profile, profileKeys] = [picture(), keys()];
  profile.addEventListener("click", ({ target }) => {
    if ("row" in target.dataset) take("layer", { layer: layers[Number(target.dataset.row)] });
  });
  const layerFigure = figure("Layer by layer",
    [field(comparisonMenu, "CKA with"), field(layer.slider, "layer", layer.output)], profile, profileKeys);

  // Map.
  const mapMenu = menuOf(`${id}-map`, Object.keys(maps), (map) => take("map", { map }));
  const classMenu = menuOf(`${id}-class`, [allClasses, ...classNames],
    (highlight) => take("map", { highlight }));
  const map = picture();
  const mapNote = node("p", { class: "tvae-note" }, "Each mark is an image." +
    (classNames.length > MOST_NAMED ? " Colours and shapes are those of classes; bring one out to see which." : ""));
  const mapKeys = keys();
  if (classNames.length <= MOST_NAMED) {
    mapKeys.replaceChildren(...classNames.map((name, group) => signOf(name, group % 5, `tvae-class-${group % COLOURS}`)));
  }
  const mapControls = [field(mapMenu, "latents of")];
  if (classNames.length) mapControls.push(field(classMenu, "bring out"));
  const mapFigure = figure("Map of the images", mapControls, map, mapKeys, mapNote);
  const planes = new Map(Object.entries(maps).map(([name, stored]) => {
    const bytes = decodeBytes(stored);
    const points = Array.from({ length: bytes.length / 2 }, (_, at) => [bytes[2 * at], bytes[2 * at + 1]]);
    return [name, { points }];
  }));
  const sharesOf = (plane) => {
    plane.shares ??= neighbourShares(plane.points, classes, classNames.length);
    return plane.shares;
  };

  // Latents.
  const unit = sliderOf(`${id}-unit`, { max: units.length - 1 }, (at) => take("unit", { unit: at }));
  const [histogram, unitKeys] = [picture(), keys()];
  const unitFigure = figure("One latent of the source", [field(unit.slider, "latent", unit.output)],
    histogram, unitKeys);
  unitKeys.replaceChildren(
    node("span", { class: "tvae-key" }, node("span", { class: "tvae-box-target" }), "target"),
    ...("source" in units[0]
      ? [node("span", { class: "tvae-key" }, node("span", { class: "tvae-line-source" }), "source's own images")] : []),
    node("span", { class: "tvae-key" }, node("span", { class: "tvae-line-prior" }), "prior"));

  // Scores.
  const scoreMenu = menuOf(`${id}-score`, Object.keys(scores), (score) => take("score", { score }));
  const scoreDrawing = picture();
  const scoreFigure = figure("Scores of the labels", [field(scoreMenu, "score (higher is better)")], scoreDrawing);

  const reading = readingLine();

  function drawLayers(width) {
    const found = comparisons[model.get("comparison")];
    const kinds = KINDS.filter((kind) => kind in found);
    const values = kinds.flatMap((kind) => found[kind].flat()).filter((value) => value !== null);
    const low = Math.floor(Math.min(0, ...values) * 5) / 5;
    const high = model.get("comparison") === "target model" ? 1
      : Math.max(0.2, Math.ceil(Math.max(...values, 0) * 10) / 10);
    drawRows(profile, width, {
      rows: layers.map((name, at) => ({ name, type: `tvae-${parts[at]}`,
        marks: kinds.map((kind) => [kind, found[kind][at]]).reverse() })),
      range: [low, high], chosen: layers.indexOf(model.get("layer")), left: 118, press: true });
    profileKeys.replaceChildren(...kinds.map(keyOf));
    profile.setAttribute("aria-label", `CKA of each layer with ${withWhat()}. ` +
      layers.map((name, at) => `${name}: ${kinds.map((kind) =>
        `${names[kind]} ${shown(found[kind][at][0])}`).join(", ")}`).join("; "));
  }

  function drawMap(width) {
    const side = Math.min(width, 420);
    const { points } = planes.get(model.get("map"));
    const highlight = classNames.indexOf(model.get("highlight"));
    const scale = (value) => 8 + (value / 255) * (side - 16);
    const size = points.length > 600 ? 2.4 : 3.2;
    const order = points.map((_, index) => index)
      .sort((one, other) => (classes[one] === highlight) - (classes[other] === highlight));
    map.setAttribute("width", side);
    map.setAttribute("height", side);
    map.replaceChildren(node("rect", { x: 0.5, y: 0.5, width: side - 1, height: side - 1, rx: 6, class: "tvae-ground" }),
      ...order.map((index) => {
        const group = classes[index] ?? 0;
        const faint = highlight >= 0 && group !== highlight;
        return node("path", {
          d: outline(faint ? 0 : group % 5, faint ? 1.8 : size + (highlight >= 0)),
          transform: `translate(${scale(points[index][0])} ${scale(points[index][1])})`,
          class: faint ? "tvae-faint" : `tvae-class-${classes.length ? group % COLOURS : "none"}` });
      }));
    map.setAttribute("aria-label", `t-SNE map of the latents of ${images} images. ${mapSentence().join("")}`);
  }

  function drawUnit(width) {
    const { target, source } = units[model.get("unit")];
    const [left, bottom, height] = [8, 178, 206];
    const step = (width - 2 * left) / target.length;
    const bin = (2 * reach) / target.length;
    const prior = target.map((_, at) => bin * Math.exp(-0.5 * ((at + 0.5) * bin - reach) ** 2) / Math.sqrt(2 * Math.PI));
    // A collapsed latent has all its images in one or two bins, which are cut off at the top.
    const most = Math.min(Math.max(...target, ...(source ?? [0]), ...prior), 5 * Math.max(...prior));
    const y = (share) => bottom - (Math.min(share, most) / most) * (bottom - 10);
    const stairs = (shares) => `M${left} ${bottom}` + shares.map((share, at) =>
      `V${y(share).toFixed(1)}H${(left + (at + 1) * step).toFixed(1)}`).join("") + `V${bottom}`;
    const drawing = [node("path", { d: stairs(target), class: "tvae-bars" })];
    if (source) drawing.push(node("path", { d: stairs(source), class: "tvae-outline" }));
    drawing.push(node("path", { class: "tvae-prior-curve", d: prior.map((share, at) =>
      `${at ? "L" : "M"}${(left + (at + 0.5) * step).toFixed(1)} ${y(share).toFixed(1)}`).join("") }));
    drawing.push(node("line", { x1: left, x2: width - left, y1: bottom, y2: bottom, class: "tvae-zero" }));
    for (let tick = -reach + 1; tick < reach; tick += 1) {
      drawing.push(text(number(tick, 0), left + ((tick + reach) / (2 * reach)) * (width - 2 * left), bottom + 16, middle));
    }
    histogram.setAttribute("width", width);
    histogram.setAttribute("height", height);
    histogram.replaceChildren(...drawing);
    histogram.setAttribute("aria-label", `Histogram of the means of latent ${model.get("unit") + 1}. ${unitSentence().join("")}`);
  }

  function drawScore(width) {
    const found = scores[model.get("score")];
    const kinds = KINDS.filter((kind) => kind in found);
    const values = kinds.flatMap((kind) => found[kind]).filter((value) => value !== null);
    let [low, high] = [Math.min(...values), Math.max(...values)];
    const room = 0.06 * (high - low) || 0.1;
    [low, high] = [low - room, high + room];
    drawRows(scoreDrawing, width, { range: [low, high], chosen: -1, left: 92,
      rows: kinds.map((kind) => ({ name: names[kind], marks: [[kind, found[kind]]] })) });
    scoreDrawing.setAttribute("aria-label", scoreSentence().join(""));
  }

  function drawErrors(width) {
    const kinds = KINDS.filter((kind) => kind in errors);
    const most = Math.max(...kinds.flatMap((kind) => errors[kind]));
    drawRows(errorDrawing, width, { range: [0, 1.04 * most || 1], chosen: -1, left: 92,
      rows: kinds.map((kind) => ({ name: names[kind], marks: [[kind, errors[kind]]] })) });
    errorDrawing.setAttribute("aria-label", "Mean squared error per pixel: " +
      kinds.map((kind) => `${names[kind]} ${shown(errors[kind][0], 4)}`).join(", "));
  }

  const withWhat = () => (model.get("comparison") === "labels" ? "the labels"
    : "the same layer of the target model");

  function layerSentence() {
    const found = comparisons[model.get("comparison")];
    const at = layers.indexOf(model.get("layer"));
    const others = Object.keys(found).filter((kind) => kind !== "source")
      .map((kind) => `${names[kind]} ${shown(found[kind][at][0])}`);
    return [`${layers[at]} of the source and ${withWhat()}: CKA `, shown(found.source[at][0]),
      `${between(found.source[at])}; ${others.join(", ")}, chance 0`];
  }

  function mapSentence() {
    if (!classNames.length) return [`The images have no labels: the map of the ${model.get("map")}'s latents shows where they lie.`];
    const { hits, sizes } = sharesOf(planes.get(model.get("map")));
    const chosen = classNames.indexOf(model.get("highlight"));
    const sum = (values) => values.reduce((total, value) => total + value, 0);
    const [hit, size] = chosen < 0 ? [sum(hits), sum(sizes)] : [hits[chosen], sizes[chosen]];
    const who = chosen < 0 ? "" : ` of class ${classNames[chosen]}`;
    const chance = chosen < 0 ? sum(sizes.map((each) => each * (each - 1))) / (size * Math.max(1, size - 1))
      : (size - 1) / Math.max(1, images - 1);
    return [`On the map of the latents of ${model.get("map")}, the nearest neighbour is of the same class for `,
      `${percent(hit / size)} of ${size.toLocaleString("en")} images${who}`, ` (by chance ${percent(chance)})`];
  }

  function unitSentence() {
    const { variance, active, source_variance: home } = units[model.get("unit")];
    const at = home === undefined ? "" : `, and ${shown(home)} on the source's own images`;
    return [`Latent ${subscript(model.get("unit"))} is ${active ? "active" : "not active"} on the target: its mean has variance `,
      shown(variance), at];
  }

  function scoreSentence() {
    const found = scores[model.get("score")];
    if (!found) return ["Without labels there are no scores."];
    const others = Object.keys(found).filter((kind) => kind !== "source")
      .map((kind) => `${names[kind]} ${shown(found[kind][0])}`);
    return [`${model.get("score")} of the source: `, shown(found.source[0]), `${between(found.source)}; ${others.join(", ")}`];
  }

  const sentences = { layer: layerSentence, map: mapSentence, unit: unitSentence, score: scoreSentence };

  function paint() {
    const width = layerFigure.clientWidth || 320;
    const at = layers.indexOf(model.get("layer"));
    comparisonMenu.value = model.get("comparison");
    layer.show(at, layers[at]);
    layer.output.className = `tvae-layer tvae-${parts[at]}`;
    mapMenu.value = model.get("map");
    classMenu.value = model.get("highlight");
    const { variance, active } = units[model.get("unit")];
    unit.show(model.get("unit"), `${subscript(model.get("unit"))}, ${active ? "active" : "not active"}`,
      `latent ${model.get("unit") + 1}, variance ${shown(variance)}`);
    scoreMenu.value = model.get("score");
    drawErrors(width);
    drawLayers(width);
    drawMap(width);
    drawUnit(width);
    if (model.get("score")) drawScore(width);
    reading.say(...sentences[subject]());
  }

  const figures = node("div", { class: "tvae-figures" }, pictureFigure, layerFigure, mapFigure,
    node("div", { class: "tvae-pile" }, ...(model.get("score") ? [scoreFigure] : []), unitFigure));
  el.replaceChildren(node("div", { class: "tvae-explorer tvae-card" }, answers, reading.line, figures));
  return keepPainted(model, ["comparison", "layer", "map", "highlight", "unit", "score"], paint, figures);
}

export default { render };
