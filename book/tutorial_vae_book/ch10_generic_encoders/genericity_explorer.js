// The front end of GenericityExplorer.
import { clamp, meanOf, native, node, number, onArrows, text, unpack } from "tutorial_vae/explorer/controls.js";
import { colour, colourBar, hatchOf, runsOf, shortName } from "tutorial_vae/explorer/layers.js";
import { band, chart, dots, ends, even, line, places, ranges, roundTicks, strips } from "tutorial_vae/explorer/chart.js";
import { explorer, legend } from "tutorial_vae/explorer/view.js";

const LEAST_WAY = 0.05; // below it, a share of the way would divide by next to nothing
const CONTROLS = ["untrained", "pixels"];
const LEAST_SIDE = 28; // of a cell that a finger finds, pixels
const TITLE = 18; // height of the line above the names of the columns, pixels
const GAP = 8; // between sets and controls, pixels
const SHAPES = { encoder: "circle", latent: "diamond", decoder: "square", other: "circle" };
const MEANINGS = { CKA: { below: " Below 0: no more alike than by chance." },
  "share of the way": { below: " Below 0: less alike than with an untrained network.",
    above: " Above 1: more alike than with another seed." } };

// On which side of the colours' range, 0 to 1, a value lies. Shares of 0 and 1 come with rounding errors.
const beyond = (value) => (value < -1e-9 ? "below" : value > 1 + 1e-9 ? "above" : "");

// A value in as many decimals as it needs to be seen on its side of 0 and of 1.
function exact(value) {
  let decimals = 2;
  while (decimals < 9 && beyond(Number(value.toFixed(decimals))) !== beyond(value)) decimals += 2;
  return number(value, decimals);
}

// Black or white, whichever is easier to read on the colour of a value.
const inkOn = (value) => (value > 0.43 ? "#000" : "#fff");

// An arrow in the lower or upper half of a cell points to where its value lies beyond the colours.
function arrow(side, value, x, y, size) {
  const [tip, base] = side === "below" ? [size - 2.5, size - 6.5] : [2.5, 6.5];
  return node("path", { d: `M${x + size / 2 - 4} ${y + base}h8L${x + size / 2} ${y + tip}Z`,
    "pointer-events": "none", style: `fill: ${inkOn(value)}` });
}

export default explorer("genericity", ({ data, now, choose, valuesOf, id }) => {
  const { parts, seeds } = data;
  const [sets, layers, [raw, share]] = [valuesOf("source"), valuesOf("layer"), valuesOf("scale")];
  const columns = [...sets, ...CONTROLS];
  const read = Object.fromEntries(["similarity", ...CONTROLS].map((name) => [name, unpack(data[name])]));
  const each = (target, source, layer) => Array.from({ length: seeds }, (_, seed) => (CONTROLS.includes(source)
    ? read[source].at(sets.indexOf(target), seed, layer) : read.similarity.at(sets.indexOf(target), sets.indexOf(source), seed, layer)));

  // Mean, lowest and highest of the seeds. A share divides by means over the seeds, so that its spread
  // is that of this comparison alone.
  function value(target, source, layer, scale = now().scale) {
    const values = each(target, source, layer);
    const all = { y: meanOf(values), low: Math.min(...values), high: Math.max(...values) };
    if (scale === raw) return all;
    const low = meanOf(each(target, "untrained", layer));
    const way = meanOf(each(target, target, layer)) - low;
    return Object.fromEntries(Object.entries(all).map(([name, of]) => [name, way < LEAST_WAY ? NaN : (of - low) / way]));
  }

  // What the cells of all layers hold: lettering and key depend on it, and stay while the slider moves.
  const seen = Object.fromEntries([raw, share].map((scale) => [scale, layers.flatMap((_, layer) => sets.flatMap((target) =>
    columns.map((source) => value(target, source, layer, scale).y)))]));
  const here = () => ({ ...now(), layer: layers.indexOf(now().layer), part: parts[layers.indexOf(now().layer)] });

  // Matrix: one layer, every target (rows) by every source and control (columns). Where cells beside
  // the names of their rows were too small for a finger, each name stands above its row.
  const matrix = node("svg", { class: "tvae-map tvae-chart", role: "img", tabindex: 0, ...native });
  const key = node("div", {});
  let frame = {};
  function drawMatrix(width) {
    const { target, source, scale, layer } = here();
    const longest = 7 * Math.max(...columns.map((name) => name.length));
    const top = 26 + longest;
    const sideBeside = (room) => clamp((width - room - GAP - 2) / columns.length, 14, 44);
    const stacked = sideBeside(22 + longest) < LEAST_SIDE;
    const left = stacked ? 1 : 22 + longest;
    const [side, strip] = [sideBeside(left), stacked ? 21 : 0];
    const x = (column) => left + column * side + (column >= sets.length ? GAP : 0);
    const y = (row) => top + row * (strip + side) + strip;
    frame = { x, left, top, pitch: strip + side };
    const digits = Math.max(...seen[scale].filter((of) => !Number.isNaN(of)).map((of) => number(of).length));
    const middle = { "text-anchor": "middle", "dominant-baseline": "central" };
    const letters = { ...middle, "font-size": Math.min(12, (12 * (side - 3)) / (7.5 * digits)), "pointer-events": "none" };
    const turned = (content, atX, atY, more) => text(content, 0, 0, { transform: `translate(${atX} ${atY}) rotate(-90)`, "dominant-baseline": "central", ...more });
    const look = (name, chosen) => `${CONTROLS.includes(name) ? "tvae-control" : "tvae-pair"}${name === chosen ? " tvae-strong" : ""}`;
    const cells = sets.flatMap((row, r) => columns.flatMap((column, c) => {
      const { y: shown } = value(row, column, layer);
      const known = !Number.isNaN(shown);
      return [node("rect", { x: x(c), y: y(r), width: side, height: side, "data-row": r, "data-column": c,
        class: `tvae-square ${look(column)}`, fill: known ? colour(shown) : `url(#${id}-hatch)` }),
      text(known ? number(shown) : "", x(c) + side / 2, y(r) + side / 2 + 0.5, { ...letters, style: `fill: ${inkOn(shown)}` }),
      ...(beyond(shown) ? [arrow(beyond(shown), shown, x(c), y(r), side)] : []),
      ...(row === column ? [node("rect", { x: x(c) + 2.5, y: y(r) + 2.5, width: side - 5, height: side - 5,
        class: "tvae-ceiling-cell", style: `stroke: ${known ? inkOn(shown) : ""}` })] : [])];
    }));
    const right = x(sets.length - 1) + side;
    matrix.setAttribute("width", x(columns.length - 1) + side + 2);
    matrix.setAttribute("height", y(sets.length - 1) + side + 2);
    matrix.setAttribute("aria-label", `${scale} of ${layers[layer]} for ${sets.length} sets looked at by ${sets.length} sets trained ` +
      `on, and two controls. Chosen: trained on ${source}, looking at ${target}, ${exact(value(target, source, layer).y)}. ` +
      "Arrow keys choose another pair.");
    matrix.replaceChildren(hatchOf(`${id}-hatch`),
      ...(stacked ? [text("looking at \u2193", left, 11), text("trained on \u2192", right, 11, { "text-anchor": "end" })]
        : [text("trained on", (left + right) / 2, 11, { "text-anchor": "middle" }),
          turned("looking at", 7, top + (sets.length * side) / 2, { "text-anchor": "middle" })]),
      ...sets.map((name, r) => (stacked ? text(name, left, y(r) - 4.5, { class: look(name, target) })
        : text(name, left - 6, y(r) + side / 2, { ...middle, "text-anchor": "end", class: look(name, target) }))),
      ...columns.map((name, c) => turned(name, x(c) + side / 2, top - (stacked ? 1 : 6), { class: look(name, source) })),
      ...cells, node("rect", { class: "tvae-cell", x: x(sets.indexOf(source)) - 1, y: y(sets.indexOf(target)) - 1, width: side + 2, height: side + 2, rx: 2 }));
    key.replaceChildren(keyOf(scale));
    return [matrix, key];
  }

  function keyOf(scale) {
    const square = (fill) => node("rect", { width: 14, height: 14, rx: 1.5, fill });
    const limits = [["below", 0], ["above", 1]].filter(([side]) => seen[scale].some((of) => beyond(of) === side));
    const told = legend(...limits.map(([side, limit]) => [[square(colour(limit)), arrow(side, limit, 0, 0, 14)], `${side} ${limit}`, 14]),
      [[node("rect", { x: 1, y: 1, width: 12, height: 12, class: "tvae-ceiling-key" })], "ceiling", 14],
      ...(seen[scale].some(Number.isNaN) ? [[[square(`url(#${id}-hatch)`)], scale === share
        ? `no way to go: ceiling less than ${LEAST_WAY} above untrained` : "not defined", 14]] : []));
    told.prepend(node("span", { class: "tvae-key" }, `${scale} 0`, colourBar(), "1"));
    return told;
  }

  const select = (row, column) => column < sets.length && choose({ target: sets[row], source: sets[column] });
  const place = () => [sets.indexOf(now().target), sets.indexOf(now().source)];
  // A finger need not hit the square: the name of a row or column chooses it, too.
  matrix.addEventListener("click", (event) => {
    const box = matrix.getBoundingClientRect();
    const [right, down] = [event.clientX - box.left, event.clientY - box.top];
    if (down < TITLE) return;
    const [row, column] = place();
    select(down < frame.top ? row : Math.min(Math.floor((down - frame.top) / frame.pitch), sets.length - 1),
      right < frame.left ? column : columns.findLastIndex((_, index) => frame.x(index) <= right));
  });
  onArrows(matrix, (down, across) => select(...[down, across].map((step, axis) => clamp(place()[axis] + step, 0, sets.length - 1))));

  // Profile: every layer of the chosen pair, between its controls.
  const runs = runsOf(layers);
  const x = places(layers.map(shortName), { parts, turned: -60,
    groups: runs.filter((run) => run.part !== "other").map((run) => [run.part, run.start, run.end]) });
  function drawProfile(width) {
    const { target, source, scale, layer: chosen } = here();
    const pointsOf = (who) => layers.map((_, layer) => ({ x: layer, part: parts[layer], shape: SHAPES[parts[layer]], ...value(target, who, layer) }));
    const pair = pointsOf(source);
    const controls = { pixels: pointsOf("pixels"), untrained: pointsOf("untrained"), ceiling: pointsOf(target) };
    const defined = [pair, ...Object.values(controls)].flat().flatMap(({ y, low, high }) => [y, low, high]).filter((of) => !Number.isNaN(of));
    // Shares may run far out of range where the way is short, and the axis follows them.
    const reach = [Math.min(0, ...defined), Math.max(scale === share ? 1.05 : 1, ...defined)];
    const rough = roundTicks(...reach, 8);
    const step = rough[1] - rough[0];
    const [low, high] = [Math.floor(reach[0] / step + 1e-9), Math.ceil(reach[1] / step - 1e-9)].map((at) => at * step);
    const named = [...Object.entries(controls).map(([name, points]) => ({ name, y: points.at(-1).y })),
      ...(source === target ? [] : [{ name: "this pair", y: pair.at(-1).y, look: `tvae-strong tvae-${parts.at(-1)}` }]),
      ...(scale === raw && low === 0 ? [{ name: "chance", y: 0 }] : [])];
    const hatches = ({ x: across, top, base, left, right }) => pair.filter((point) => Number.isNaN(point.y)).map((point) => {
      const room = (right - left) / layers.length;
      return node("rect", { x: across(point.x) - room / 2 + 1, width: room - 2, y: top, height: base - top, fill: `url(#${id}-hatch)`, class: "tvae-no-value" });
    });
    const spoken = layers.map((layer, i) => `${layer} ${exact(pair[i].y)}, untrained ${number(controls.untrained[i].y)}, ` +
      `pixels ${exact(controls.pixels[i].y)}, ceiling ${number(controls.ceiling[i].y)}`);
    const drawn = chart({ width, height: 286, right: 64, x, y: even(low, high, roundTicks(low, high, 8)), here: chosen, look: "tvae-profile",
      label: `${source} → ${target}, ${scale} at every layer ${spoken.join("; ")}.`,
      marks: [hatches, ...Object.entries(controls).map(([name, points]) => line(points, `tvae-of-${name}`)),
        ...runs.flatMap((run) => {
          const own = pair.slice(run.start, run.end + 1);
          return [band(own, `tvae-${run.part}`), line(own, `tvae-${run.part}`)];
        }), ranges(pair), dots(pair, (point) => point.x === chosen), ends(named), strips("layer", layers.length)] });
    drawn.addEventListener("click", ({ target: hit }) => "layer" in hit.dataset && choose({ layer: layers[Number(hit.dataset.layer)] }));
    return drawn;
  }

  function reading() {
    const { target, source, scale, layer } = here();
    const own = source === target;
    const [cka, way] = [raw, share].map((of) => (who) => value(target, who, layer, of));
    const who = own ? `two VAEs trained on ${source}` : `a VAE trained on ${source} and one trained on ${target}`;
    const about = `${layers[layer]} of ${who}, looking at ${target}: ${scale} `;
    const range = ({ low, high }) => `${seeds > 1 ? ` (${seeds} seeds: ${number(low)} to ${number(high)})` : ""}${own ? ", the ceiling" : ""}`;
    const ceiling = (shown) => (own ? "" : `, ceiling ${shown}`);
    const controls = `; untrained ${exact(cka("untrained").y)}${ceiling(exact(cka(target).y))}, pixels ${exact(cka("pixels").y)}`;
    const noWay = "ceiling is hardly above untrained: no way to go.";
    const shown = value(target, source, layer);
    const meaning = MEANINGS[scale][beyond(shown.y)] ?? "";
    if (scale === raw) {
      const rest = Number.isNaN(way(source).y) ? ` The ${noWay}` : ` Share of the way: ${exact(way(source).y)}.`;
      return [about, exact(shown.y), `${range(shown)}${controls}, chance 0.${meaning}${own ? "" : rest}`];
    }
    if (Number.isNaN(shown.y)) return [about, number(shown.y), `, since the ${noWay} CKA: ${exact(cka(source).y)}${controls}.`];
    return [about, exact(shown.y), `${range(shown)}; untrained 0${ceiling(1)}, pixels ${exact(way("pixels").y)}.${meaning} CKA: ${exact(cka(source).y)}.`];
  }

  return {
    reading,
    controls: { layer: { look: (layer) => `tvae-layer tvae-${parts[layers.indexOf(layer)]}`, wide: true } },
    figures: [
      { draw: drawMatrix, title: () => [node("strong", { class: `tvae-${here().part}` }, now().layer), `, ${now().scale} for every pair`] },
      { draw: drawProfile, title: () => [node("strong", {}, `${now().source} → ${now().target}`), `, ${now().scale} at every layer`] }],
  };
});
