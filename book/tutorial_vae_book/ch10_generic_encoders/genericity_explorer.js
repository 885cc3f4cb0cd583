// The front end of GenericityExplorer, after the texts of controls.js and layers.js. Notebooks run it
// through anywidget; pages without a kernel run the same text from the stored state.
import {
  chooserOf, clamp, decodeBytes, field, freshId, keepPainted, meanOf, menuOf, node, number,
  readingLine, sliderOf, text,
} from "tutorial_vae/explorer/controls.js";
import {
  colour, colourBar, hatchOf, part, rgb, runsOf, shortName,
} from "tutorial_vae/explorer/layers.js";

const NOT_DEFINED = 65535;
const LEAST_WAY = 0.05; // below it, a share of the way would divide by next to nothing
const CONTROLS = ["untrained", "pixels"];
const LEAST_SIDE = 28; // of a cell that a finger finds, pixels
const TITLE = 18; // height of the line above the names of the columns, pixels

// On which side of the colours' range, 0 to 1, a value lies. Shares of 0 and 1 come with rounding errors.
const beyond = (value) => (value < -1e-9 ? "below" : value > 1 + 1e-9 ? "above" : "");

// A value in as many decimals as it needs to be seen on its side of 0 and of 1.
function exact(value) {
  let decimals = 2;
  while (decimals < 9 && beyond(Number(value.toFixed(decimals))) !== beyond(value)) decimals += 2;
  return number(value, decimals);
}

// Black or white, whichever is easier to read on the colour of a value.
function inkOn(value) {
  const light = rgb(value).map((channel) => channel / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2] > 0.18 ? "#000" : "#fff";
}

// Values of one comparison, one per seed. The source may be a set, "untrained" or "pixels".
function reader(data) {
  const [sets, seeds, layers] = [data.sets.length, data.seeds, data.layers.length];
  const arrays = {};
  for (const name of ["similarity", ...CONTROLS]) {
    const bytes = decodeBytes(data[name]);
    arrays[name] = Array.from({ length: bytes.length / 2 }, (_, at) => {
      const steps = bytes[2 * at] + 256 * bytes[2 * at + 1];
      return steps === NOT_DEFINED ? NaN : steps / 10000 - 1;
    });
  }
  const seedsOf = (target, source, layer) => Array.from({ length: seeds }, (_, seed) =>
    (CONTROLS.includes(source) ? arrays[source][(target * seeds + seed) * layers + layer]
      : arrays.similarity[((target * sets + source) * seeds + seed) * layers + layer]));

  // Mean, lowest and highest of the seeds, on one of the two scales. A share divides by means over
  // the seeds, so that its spread is that of this comparison alone.
  return (target, source, layer, scale) => {
    const values = seedsOf(target, source, layer);
    const all = [meanOf(values), Math.min(...values), Math.max(...values)];
    if (scale === data.scales[0]) return all;
    const low = meanOf(seedsOf(target, "untrained", layer));
    const way = meanOf(seedsOf(target, target, layer)) - low;
    return all.map((value) => (way < LEAST_WAY ? NaN : (value - low) / way));
  };
}

function render({ model, el }) {
  const data = model.get("data");
  const { sets, layers, scales, seeds } = data;
  const read = reader(data);
  const id = freshId();
  const columns = [...sets, ...CONTROLS];
  const at = (name) => (name === "layer" ? layers : sets).indexOf(model.get(name));
  const shareScale = () => model.get("scale") === scales[1];
  const choose = chooserOf(model);
  // Reads on the chosen scale unless another is named.
  const value = (target, source, layer, scale = model.get("scale")) =>
    read(target, source, layer, scale);
  const sourceOf = (column) => (column < sets.length ? column : columns[column]);

  // What the cells of all layers hold on the chosen scale: the lettering and the key depend on it, and
  // do not change while the slider moves.
  const seen = {};
  function cellsOfAllLayers() {
    const means = () => layers.flatMap((_, layer) => sets.flatMap((_, row) =>
      columns.map((_, column) => value(row, sourceOf(column), layer)[0])));
    return (seen[model.get("scale")] ??= means());
  }

  const menus = [["source", "trained on", sets], ["target", "looking at", sets], ["scale", "show", scales]]
    .map(([name, label, options]) => {
      const menu = menuOf(`${id}-${name}`, options, (option) => choose({ [name]: option }));
      return { name, menu, box: field(menu, label) };
    });
  const { slider, output: layerName, show: showLayer } = sliderOf(`${id}-layer`,
    { max: layers.length - 1 }, (layer) => choose({ layer: layers[layer] }));
  const sliderBox = field(slider, "layer", layerName);
  sliderBox.classList.add("tvae-wide");
  const controls = node("div", { class: "tvae-controls" }, ...menus.map(({ box }) => box), sliderBox);
  const reading = readingLine();

  const turned = (content, x, y, more = {}) =>
    text(content, 0, 0, { transform: `translate(${x} ${y}) rotate(-90)`, "dominant-baseline": "central", ...more });
  const middle = { "text-anchor": "middle" };
  const central = { "dominant-baseline": "central" };

  // An arrow in the lower or upper half of a cell points to where its value lies beyond the colours.
  const arrow = (side, x, y, size) => {
    const [tip, base] = side === "below" ? [size - 2.5, size - 6.5] : [2.5, 6.5];
    return node("path", { d: `M${x + size / 2 - 4} ${y + base}h8L${x + size / 2} ${y + tip}Z`,
      "pointer-events": "none" });
  };

  // Matrix: one layer, every target (rows) by every source and control (columns). Where cells beside
  // the names of their rows were too small for a finger, each name stands above its row.
  const matrix = node("svg", { class: "tvae-map", role: "img", tabindex: 0, ...native });
  const matrixBox = node("div", {}, matrix);
  let cells = [];
  let frame = {};
  function drawMatrix(width) {
    const longest = Math.max(...columns.map((name) => name.length)) * 7;
    const [top, gap] = [26 + longest, 8];
    const sideBeside = (room) => clamp((width - room - gap - 2) / columns.length, 14, 44);
    const stacked = sideBeside(22 + longest) < LEAST_SIDE;
    const left = stacked ? 1 : 22 + longest;
    const side = sideBeside(left);
    const strip = stacked ? 21 : 0;
    const pitch = strip + side;
    const x = (column) => left + column * side + (column >= sets.length ? gap : 0);
    const y = (row) => top + row * pitch + strip;
    const right = x(columns.length - 1) + side;
    cells = sets.map((_, row) => columns.map((_, column) => ({
      square: node("rect", { x: x(column), y: y(row), width: side, height: side,
        "data-row": row, "data-column": column, class: column < sets.length ? "tvae-pair" : "" }),
      label: text("", x(column) + side / 2, y(row) + side / 2 + 0.5,
        { ...middle, ...central, "pointer-events": "none" }),
      arrows: ["below", "above"].map((end) => [end, arrow(end, x(column), y(row), side)]),
    })));
    const diagonal = sets.map((_, index) => node("rect", { x: x(index) + 2.5, y: y(index) + 2.5,
      width: side - 5, height: side - 5, class: "tvae-ceiling-cell" }));
    const rowNames = sets.map((name, row) => (stacked ? text(name, left, y(row) - 4.5, { class: "tvae-pair" })
      : text(name, left - 6, y(row) + side / 2, { "text-anchor": "end", ...central, class: "tvae-pair" })));
    const columnNames = columns.map((name, column) => turned(name, x(column) + side / 2, top - (stacked ? 1 : 6),
      { class: column < sets.length ? "tvae-pair" : "tvae-control" }));
    const chosen = node("rect", { class: "tvae-cell", width: side + 2, height: side + 2, rx: 2 });
    matrix.setAttribute("width", right + 2);
    matrix.setAttribute("height", y(sets.length - 1) + side + 2);
    matrix.replaceChildren(
      hatchOf(`${id}-hatch`),
      ...(stacked ? [text("looking at \u2193", left, 11),
        text("trained on \u2192", x(sets.length - 1) + side, 11, { "text-anchor": "end" })]
        : [text("trained on", (left + x(sets.length - 1) + side) / 2, 11, middle),
          turned("looking at", 7, top + (sets.length * side) / 2, middle)]),
      ...rowNames, ...columnNames,
      node("g", { class: "tvae-cells" }, ...cells.flat().map((cell) => cell.square)),
      ...diagonal, ...cells.flat().flatMap(({ label, arrows }) => [label, ...arrows.map(([, mark]) => mark)]),
      chosen);
    frame = { x, y, left, top, side, pitch, chosen, rowNames, columnNames, diagonal };
  }
  const select = (row, column) => {
    if (column < sets.length) choose({ target: sets[row], source: sets[column] });
  };
  // A finger need not hit the square: the name of a row or column chooses it, too.
  matrix.addEventListener("click", (event) => {
    const box = matrix.getBoundingClientRect();
    const [right, down] = [event.clientX - box.left, event.clientY - box.top];
    if (down < TITLE) return;
    const row = down < frame.top ? at("target")
      : Math.min(Math.floor((down - frame.top) / frame.pitch), sets.length - 1);
    const column = right < frame.left ? at("source")
      : columns.findLastIndex((_, index) => frame.x(index) <= right);
    select(row, column);
  });
  matrix.addEventListener("keydown", (event) => {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const [down, across] = steps[event.key];
    select(clamp(at("target") + down, 0, sets.length - 1), clamp(at("source") + across, 0, sets.length - 1));
  });

  const barName = node("span", {});
  const keyOf = (swatch, ...label) => node("span", { class: "tvae-key" },
    node("svg", { width: 16, height: 16, "aria-hidden": "true" }, ...swatch), node("span", {}, ...label));
  const keySquare = (fill) => node("rect", { width: 16, height: 16, rx: 1.5, fill });
  const beyondKey = (end, limit) => {
    const mark = arrow(end, 0, 0, 16);
    mark.style.fill = inkOn(limit);
    return keyOf([keySquare(colour(limit)), mark], `${end} ${limit}`);
  };
  const keys = { below: beyondKey("below", 0), above: beyondKey("above", 1) };
  const undefinedName = node("span", {});
  keys.undefined = keyOf([keySquare(`url(#${id}-hatch)`)], undefinedName);
  const legend = node("div", { class: "tvae-legend" },
    node("span", { class: "tvae-key" }, barName, node("span", {}, "0"), colourBar(), node("span", {}, "1")),
    keys.below, keys.above,
    keyOf([node("rect", { x: 1, y: 1, width: 14, height: 14, class: "tvae-ceiling-key" })], "ceiling"),
    keys.undefined);
  const matrixTitle = node("p", { class: "tvae-heading" });

  // Profile: every layer of the chosen pair, between its controls.
  const profileTitle = node("p", { class: "tvae-heading" });
  const profile = node("svg", { class: "tvae-profile", role: "img" });
  const profileBox = node("div", { class: "tvae-figure" }, profileTitle, profile);
  const SHAPES = { encoder: "circle", latent: "diamond", decoder: "square", other: "circle" };
  function marker(shape, x, y, size, more) {
    if (shape === "circle") return node("circle", { cx: x, cy: y, r: size, ...more });
    const half = shape === "square" ? size * 0.88 : size * 0.92;
    const square = { x: x - half, y: y - half, width: 2 * half, height: 2 * half, ...more };
    if (shape === "diamond") square.transform = `rotate(45 ${x} ${y})`;
    return node("rect", square);
  }

  function drawProfile(width) {
    const share = shareScale();
    const [target, source, chosen] = [at("target"), at("source"), at("layer")];
    const line = (who) => layers.map((_, layer) => value(target, who, layer));
    const means = (values) => values.map(([each]) => each);
    const pair = line(source);
    const [ceiling, untrained, pixels] = [target, "untrained", "pixels"].map((who) => means(line(who)));
    const defined = [pair, ceiling, untrained, pixels].flat(2).filter((each) => !Number.isNaN(each));
    // Shares may run far out of range where the way is short, and the axis follows them.
    const [least, most] = [Math.min(0, ...defined), Math.max(share ? 1.05 : 1, ...defined)];
    const tickStep = [0.2, 0.5, 1, 2, 5].find((each) => (most - least) / each <= 10) ?? 10;
    const low = Math.floor(least / tickStep + 1e-9) * tickStep;
    const high = Math.ceil(most / tickStep - 1e-9) * tickStep;
    const nameSize = Math.max(...layers.map((layer) => shortName(layer).length)) * 6.5 + 10;
    const [left, right, top] = [34, 64, 26];
    const height = 312 + nameSize;
    const bottom = height - nameSize;
    const step = (width - left - right) / layers.length;
    const x = (layer) => left + (layer + 0.5) * step;
    const y = (each) => bottom - ((each - low) / (high - low)) * (bottom - top);
    const drawing = [];

    for (const run of runsOf(layers)) {
      const [from, to] = [x(run.start) - step / 2, x(run.end) + step / 2];
      drawing.push(node("rect", { x: from + 1, y: top, width: to - from - 2, height: bottom - top,
        class: `tvae-ground tvae-${run.part}` }));
      if (run.part !== "other") {
        drawing.push(text(run.part, (from + to) / 2, 14, { ...middle,
          "font-size": step < 17 ? 10 : 11.5, class: `tvae-part tvae-${run.part}` }));
      }
      drawing.push(node("line", { x1: from + 1, x2: to - 1, y1: top - 3, y2: top - 3,
        class: `tvae-strip tvae-${run.part}` }));
    }
    drawing.push(...pair.flatMap(([each], layer) => (Number.isNaN(each) ? [node("rect", { width: step - 2,
      x: x(layer) - step / 2 + 1, y: top, height: bottom - top, fill: `url(#${id}-hatch)`, class: "tvae-no-value" })] : [])));
    for (let tick = Math.round(low / tickStep); tick <= Math.round(high / tickStep); tick += 1) {
      const height = y(tick * tickStep);
      drawing.push(node("line", { x1: left, x2: width - right, y1: height, y2: height,
        class: tick === 0 ? "tvae-zero" : "tvae-grid" }),
      text(number(tick * tickStep, tickStep < 1 ? 1 : 0), left - 6, height, { "text-anchor": "end", ...central }));
    }
    drawing.push(node("line", { x1: x(chosen), x2: x(chosen), y1: top, y2: bottom, class: "tvae-chosen-layer" }));

    // Undefined values interrupt a line.
    const path = (values) => {
      let pen = "M";
      return values.map((each, layer) => {
        if (Number.isNaN(each)) { pen = "M"; return ""; }
        const piece = `${pen}${x(layer).toFixed(1)} ${y(each).toFixed(1)}`;
        pen = "L";
        return piece;
      }).join("");
    };
    drawing.push(...Object.entries({ pixels, untrained, ceiling }).map(([name, values]) =>
      node("path", { d: path(values), class: `tvae-line-${name}` })));

    for (const run of runsOf(layers)) {
      const inside = layers.map((_, layer) => layer)
        .filter((layer) => layer >= run.start && layer <= run.end && !Number.isNaN(pair[layer][0]));
      const edge = (index) => inside.map((layer) => `${x(layer).toFixed(1)} ${y(pair[layer][index]).toFixed(1)}`);
      if (inside.length > 1) {
        drawing.push(node("path", { d: `M${edge(1).join("L")}L${edge(2).reverse().join("L")}Z`,
          class: `tvae-band tvae-${run.part}` }));
      }
      drawing.push(...inside.map((layer) => node("line", { x1: x(layer), x2: x(layer),
        y1: y(pair[layer][1]), y2: y(pair[layer][2]), class: `tvae-spread tvae-${run.part}` })));
      const own = means(pair).map((each, layer) => (inside.includes(layer) ? each : NaN));
      drawing.push(node("path", { d: path(own), class: `tvae-line-pair tvae-${run.part}` }));
      drawing.push(...inside.map((layer) => marker(SHAPES[run.part], x(layer), y(pair[layer][0]),
        layer === chosen ? 6.5 : 4.3, { class: `tvae-marker tvae-${run.part}${layer === chosen ? " tvae-now" : ""}` })));
    }

    // Names at the right ends of the lines, moved apart where they would touch.
    const last = layers.length - 1;
    const ends = [["ceiling", ceiling[last], "tvae-name"], ["untrained", untrained[last], "tvae-name"],
      ["pixels", pixels[last], "tvae-name"],
      ["this pair", pair[last][0], `tvae-name tvae-strong tvae-${part(layers[last])}`]]
      .filter(([name, end]) => !Number.isNaN(end) && (name !== "this pair" || source !== target))
      .map(([name, end, type]) => ({ name, type, y: y(end) }))
      .sort((one, other) => one.y - other.y);
    for (let i = 1; i < ends.length; i += 1) ends[i].y = Math.max(ends[i].y, ends[i - 1].y + 14);
    const over = ends.length ? ends.at(-1).y - (bottom - 6) : 0;
    if (over > 0) ends.reduceRight((limit, end) => { end.y = Math.min(end.y, limit); return end.y - 14; }, bottom - 6);
    drawing.push(...ends.map((end) => text(end.name, width - right + 5, end.y, { ...central, class: end.type })));
    if (!share && low === 0 && (!ends.length || ends.at(-1).y < bottom - 14)) {
      drawing.push(text("chance", width - right + 5, bottom, { ...central, class: "tvae-name" }));
    }

    drawing.push(...layers.map((layer, index) => turned(shortName(layer), x(index), bottom + 8,
      { "text-anchor": "end", class: `tvae-${part(layer)}${index === chosen ? " tvae-strong" : ""}` })));
    drawing.push(...layers.map((_, index) => node("rect", { x: x(index) - step / 2, y: top,
      width: step, height: height - top, fill: "transparent", "data-layer": index, class: "tvae-touch" })));
    profile.setAttribute("width", width);
    profile.setAttribute("height", height);
    profile.replaceChildren(...drawing);
    const spoken = layers.map((layer, index) => `${layer} ${exact(pair[index][0])}, untrained ` +
      `${number(untrained[index])}, pixels ${exact(pixels[index])}, ceiling ${number(ceiling[index])}`);
    profile.setAttribute("aria-label", `${profileTitle.textContent} ${spoken.join("; ")}.`);
  }
  profile.addEventListener("click", ({ target }) => {
    if ("layer" in target.dataset) choose({ layer: layers[Number(target.dataset.layer)] });
  });

  function sentence(target, source, layer) {
    const [cka, shareOfWay] = scales.map((scale) => (who) => value(target, who, layer, scale));
    const own = source === target;
    const who = own ? `two VAEs trained on ${sets[source]}`
      : `a VAE trained on ${sets[source]} and one trained on ${sets[target]}`;
    const about = `${layers[layer]} of ${who}, looking at ${sets[target]}: `;
    const range = ([, lowest, highest]) => (seeds > 1 ? ` (${seeds} seeds: ${number(lowest)} to ${number(highest)})` : "");
    const ceiling = (shown) => (own ? "" : `, ceiling ${shown}`);
    const controls = `; untrained ${exact(cka("untrained")[0])}${ceiling(exact(cka(target)[0]))}, pixels ${exact(cka("pixels")[0])}`;
    const whose = own ? ", the ceiling" : "";
    const [share] = shareOfWay(source);
    const noWay = "ceiling is hardly above untrained: no way to go.";

    if (!shareScale()) {
      const below = beyond(cka(source)[0]) === "below" ? " Below 0: no more alike than by chance." : "";
      const way = Number.isNaN(share) ? ` The ${noWay}` : ` Share of the way: ${exact(share)}.`;
      return [`${about}CKA `, exact(cka(source)[0]),
        `${range(cka(source))}${whose}${controls}, chance 0.${below}${own ? "" : way}`];
    }
    if (Number.isNaN(share)) {
      return [`${about}share of the way `, number(share),
        `, since the ${noWay} CKA: ${exact(cka(source)[0])}${controls}.`];
    }
    const meaning = { "": "", below: " Below 0: less alike than with an untrained network.",
      above: " Above 1: more alike than with another seed." }[beyond(share)];
    return [`${about}share of the way `, exact(share), `${range(shareOfWay(source))}${whose}; ` +
      `untrained 0${ceiling(1)}, pixels ${exact(shareOfWay("pixels")[0])}.${meaning} ` +
      `CKA: ${exact(cka(source)[0])}.`];
  }

  function paint() {
    const [target, source, layer] = [at("target"), at("source"), at("layer")];
    for (const { name, menu } of menus) menu.value = model.get(name);
    showLayer(layer, layers[layer]);
    layerName.className = `tvae-layer tvae-${part(layers[layer])}`;
    reading.say(...sentence(target, source, layer));
    const what = shareScale() ? "share of the way" : "CKA";
    matrixTitle.replaceChildren(node("strong", { class: `tvae-${part(layers[layer])}` }, layers[layer]),
      `, ${what} for every pair`);
    profileTitle.replaceChildren(node("strong", {}, `${sets[source]} → ${sets[target]}`), `, ${what} at every layer`);
    barName.textContent = what;

    const all = cellsOfAllLayers();
    keys.below.hidden = !all.some((each) => beyond(each) === "below");
    keys.above.hidden = !all.some((each) => beyond(each) === "above");
    keys.undefined.hidden = !all.some(Number.isNaN);
    undefinedName.textContent = shareScale()
      ? `no way to go: ceiling less than ${LEAST_WAY} above untrained` : "not defined";

    // One size of letters for all cells, in which the longest number has room.
    const longest = all.filter((each) => !Number.isNaN(each)).map((each) => number(each))
      .reduce((one, other) => (other.length > one.length ? other : one), "");
    const probe = cells[0][0].label;
    probe.setAttribute("font-size", 12);
    probe.textContent = longest;
    const letters = Math.min(12, (12 * (frame.side - 3)) / Math.max(1, probe.getComputedTextLength()));

    cells.forEach((line, row) => line.forEach(({ square, label, arrows }, column) => {
      const [each] = value(row, sourceOf(column), layer);
      const known = !Number.isNaN(each);
      square.setAttribute("fill", known ? colour(each) : `url(#${id}-hatch)`);
      label.textContent = known ? number(each) : "";
      label.setAttribute("font-size", letters);
      const ink = known ? inkOn(each) : "";
      label.style.fill = ink;
      for (const [end, mark] of arrows) {
        mark.style.fill = ink;
        mark.style.display = beyond(each) === end ? "" : "none";
      }
      if (row === column) frame.diagonal[row].style.stroke = ink;
    }));
    frame.chosen.setAttribute("x", frame.x(source) - 1);
    frame.chosen.setAttribute("y", frame.y(target) - 1);
    frame.rowNames.forEach((name, row) => name.classList.toggle("tvae-strong", row === target));
    frame.columnNames.forEach((name, column) => name.classList.toggle("tvae-strong", column === source));
    matrix.setAttribute("aria-label", `${what} of ${layers[layer]} for ${sets.length} sets looked at by ` +
      `${sets.length} sets trained on, and two controls. Chosen: trained on ${sets[source]}, looking ` +
      `at ${sets[target]}, ${exact(value(target, source, layer)[0])}. Arrow keys choose another pair.`);
    drawProfile(profileBox.clientWidth || 420);
  }

  const matrixFigure = node("div", { class: "tvae-figure" }, matrixTitle, matrixBox, legend);
  el.replaceChildren(node("div", { class: "tvae-explorer tvae-genericity" }, controls, reading.line,
    node("div", { class: "tvae-figures" }, matrixFigure, profileBox)));
  const fit = () => {
    drawMatrix(legend.clientWidth || 420);
    paint();
  };
  return keepPainted(model, ["target", "source", "layer", "scale"], paint, legend, fit);
}

export default { render };
