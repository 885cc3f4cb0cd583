// The front end of GenericityExplorer, after the texts of controls.js and layers.js. Notebooks run it
// through anywidget; pages without a kernel run the same text from the stored state.

const NOT_DEFINED = 65535;
const LEAST_WAY = 0.05; // below it, a share of the way would divide by next to nothing
const CONTROLS = ["untrained", "pixels"];

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

  // Matrix: one layer, every target (rows) by every source and control (columns).
  const matrix = node("svg", { class: "tvae-map", role: "img", tabindex: 0, ...native });
  const matrixBox = node("div", {}, matrix);
  let cells = [];
  let frame = {};
  function drawMatrix(width) {
    const longest = Math.max(...columns.map((name) => name.length)) * 7;
    const [left, top, gap] = [22 + longest, 26 + longest, 8];
    const side = clamp((width - left - gap - 2) / columns.length, 14, 44);
    const x = (column) => left + column * side + (column >= sets.length ? gap : 0);
    const y = (row) => top + row * side;
    const right = x(columns.length - 1) + side;
    const wide = side >= 29;
    cells = sets.map((_, row) => columns.map((_, column) => ({
      square: node("rect", { x: x(column), y: y(row), width: side, height: side,
        "data-row": row, "data-column": column, class: column < sets.length ? "tvae-pair" : "" }),
      label: text("", x(column) + side / 2, y(row) + side / 2 + 0.5,
        { ...middle, ...central, "font-size": wide ? 12 : 10, "pointer-events": "none" }),
    })));
    const diagonal = sets.map((_, index) => node("rect", { x: x(index) + 2.5, y: y(index) + 2.5,
      width: side - 5, height: side - 5, class: "tvae-ceiling-cell" }));
    const rowNames = sets.map((name, row) =>
      text(name, left - 6, y(row) + side / 2, { "text-anchor": "end", ...central }));
    const columnNames = columns.map((name, column) => turned(name, x(column) + side / 2, top - 6,
      { class: column < sets.length ? "" : "tvae-control" }));
    const chosen = node("rect", { class: "tvae-cell", width: side + 2, height: side + 2, rx: 2 });
    matrix.setAttribute("width", right + 2);
    matrix.setAttribute("height", y(sets.length) + 2);
    matrix.replaceChildren(
      hatchOf(`${id}-hatch`),
      text("trained on", (left + x(sets.length - 1) + side) / 2, 11, middle),
      turned("looking at", 7, top + (sets.length * side) / 2, middle),
      ...rowNames, ...columnNames,
      node("g", { class: "tvae-cells" }, ...cells.flat().map((cell) => cell.square)),
      ...diagonal, ...cells.flat().map((cell) => cell.label), chosen);
    frame = { x, y, wide, chosen, rowNames, columnNames, diagonal };
  }
  const select = (row, column) => {
    if (column < sets.length) choose({ target: sets[row], source: sets[column] });
  };
  matrix.addEventListener("click", ({ target }) => {
    if ("row" in target.dataset) select(Number(target.dataset.row), Number(target.dataset.column));
  });
  matrix.addEventListener("keydown", (event) => {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const [down, across] = steps[event.key];
    select(clamp(at("target") + down, 0, sets.length - 1), clamp(at("source") + across, 0, sets.length - 1));
  });

  const barName = node("span", {});
  const legend = node("div", { class: "tvae-legend" }, barName, node("span", {}, "0"), colourBar(),
    node("span", {}, "1"), node("span", { class: "tvae-ceiling-key" }), node("span", {}, "ceiling"));
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
    const [pair, ceiling, untrained] = [line(source), line(target), line("untrained")];
    const defined = [pair, ceiling, untrained].flat(2).filter((each) => !Number.isNaN(each));
    // Shares may run far out of range where the way is short: such values are drawn at the edge.
    const low = clamp(Math.floor(Math.min(0, ...defined) * 5 + 1e-9) / 5, share ? -0.4 : -1, 0);
    const high = clamp(Math.ceil(Math.max(1, ...defined) * 5 - 1e-9) / 5, 1, share ? 1.4 : 1);
    const nameSize = Math.max(...layers.map((layer) => shortName(layer).length)) * 6.5 + 10;
    const [left, right, top] = [34, 64, 26];
    const height = 312 + nameSize;
    const bottom = height - nameSize;
    const step = (width - left - right) / layers.length;
    const x = (layer) => left + (layer + 0.5) * step;
    const y = (each) => bottom - ((clamp(each, low, high) - low) / (high - low)) * (bottom - top);
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
    for (let tick = Math.ceil(low * 5 - 1e-9); tick <= high * 5 + 1e-9; tick += 1) {
      const label = number(tick / 5, 1);
      drawing.push(node("line", { x1: left, x2: width - right, y1: y(tick / 5), y2: y(tick / 5),
        class: tick === 0 ? "tvae-zero" : "tvae-grid" }),
      text(label, left - 6, y(tick / 5), { "text-anchor": "end", ...central }));
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
    const means = (values) => values.map(([each]) => each);
    drawing.push(node("path", { d: path(means(untrained)), class: "tvae-line-untrained" }),
      node("path", { d: path(means(ceiling)), class: "tvae-line-ceiling" }));

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
    const ends = [["ceiling", ceiling, "tvae-name"], ["untrained", untrained, "tvae-name"],
      ["this pair", pair, `tvae-name tvae-strong tvae-${part(layers[last])}`]]
      .filter(([name]) => name !== "this pair" || source !== target)
      .filter(([, values]) => !Number.isNaN(values[last][0]))
      .map(([name, values, type]) => ({ name, type, y: y(values[last][0]) }))
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
    const spoken = layers.map((layer, index) => `${layer} ${number(pair[index][0])}, untrained ` +
      `${number(untrained[index][0])}, ceiling ${number(ceiling[index][0])}`);
    profile.setAttribute("aria-label", `${profileTitle.textContent} ${spoken.join("; ")}.`);
  }
  profile.addEventListener("click", ({ target }) => {
    if ("layer" in target.dataset) choose({ layer: layers[Number(target.dataset.layer)] });
  });

  function sentence(target, source, layer) {
    const [similarity, lowest, highest] = value(target, source, layer, scales[0]);
    const [ceiling] = value(target, target, layer, scales[0]);
    const [untrained] = value(target, "untrained", layer, scales[0]);
    const [pixels] = value(target, "pixels", layer, scales[0]);
    const [share] = value(target, source, layer, scales[1]);
    const who = source === target ? `two VAEs trained on ${sets[source]}`
      : `a VAE trained on ${sets[source]} and one trained on ${sets[target]}`;
    const range = seeds > 1 ? ` (${seeds} seeds: ${number(lowest)} to ${number(highest)})` : "";
    const around = source === target ? `, the ceiling; untrained ${number(untrained)}`
      : `; untrained ${number(untrained)}, ceiling ${number(ceiling)}`;
    let way = "";
    if (source !== target) {
      way = Number.isNaN(share)
        ? " The ceiling is hardly above the untrained network: there is no way to go."
        : ` Share of the way: ${number(share)}.`;
    }
    return [`${layers[layer]} of ${who}, looking at ${sets[target]}: CKA `, number(similarity),
      `${range}${around}, pixels ${number(pixels)}, chance 0.${way}`];
  }

  function paint() {
    const [target, source, layer] = [at("target"), at("source"), at("layer")];
    for (const { name, menu } of menus) menu.value = model.get(name);
    showLayer(layer, layers[layer]);
    layerName.className = `tvae-layer tvae-${part(layers[layer])}`;
    reading.say(...sentence(target, source, layer));
    const what = shareScale() ? "share of the way" : "CKA";
    matrixTitle.replaceChildren(node("strong", { class: `tvae-${part(layers[layer])}` }, layers[layer]),
      `, every pair of sets`);
    profileTitle.replaceChildren(node("strong", {}, `${sets[source]} → ${sets[target]}`), ", every layer");
    barName.textContent = what;

    cells.forEach((line, row) => line.forEach(({ square, label }, column) => {
      const [each] = value(row, sourceOf(column), layer);
      const known = !Number.isNaN(each);
      square.setAttribute("fill", known ? colour(each) : `url(#${id}-hatch)`);
      // A narrow cell has room for three digits at most.
      const decimals = frame.wide || (each >= 0 && each < 0.995) ? 2 : 1;
      const shown = known ? number(each, decimals) : "";
      label.textContent = frame.wide ? shown : shown.replace(/^(\u2212?)0\./, "$1.");
      label.style.fill = known ? inkOn(each) : "";
      if (row === column) frame.diagonal[row].style.stroke = known ? inkOn(each) : "";
    }));
    frame.chosen.setAttribute("x", frame.x(source) - 1);
    frame.chosen.setAttribute("y", frame.y(target) - 1);
    frame.rowNames.forEach((name, row) => name.classList.toggle("tvae-strong", row === target));
    frame.columnNames.forEach((name, column) => name.classList.toggle("tvae-strong", column === source));
    matrix.setAttribute("aria-label", `${what} of ${layers[layer]} for ${sets.length} sets looked at by ` +
      `${sets.length} sets trained on, and two controls. Chosen: trained on ${sets[source]}, looking ` +
      `at ${sets[target]}, ${number(value(target, source, layer)[0])}. Arrow keys choose another pair.`);
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
