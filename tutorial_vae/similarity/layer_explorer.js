// The front end of LayerExplorer.
import {
  chooserOf, clamp, field, freshId, keepPainted, menuOf, native, node, number, onArrows, readingLine,
  sliderOf, unpack,
} from "tutorial_vae/explorer/controls.js";
import { colour, colourBar, hatchOf, part, runsOf, shortName } from "tutorial_vae/explorer/layers.js";

function render({ model, el }) {
  const data = model.get("data");
  const { rows, columns, selectors, row_title: rowTitle, column_title: columnTitle } = data;
  const arrays = { values: unpack(data.values), chance: unpack(data.chance) };
  const read = (name, comparison, ...place) => (comparison < 0 ? NaN : arrays[name].at(comparison, ...place));
  const id = freshId();
  let cell = null; // the single cell that is pointed at, as [row, column]

  const options = selectors.map((_, at) => [...new Set(data.keys.map((key) => key[at]))]);
  const row = () => Math.max(0, rows.indexOf(model.get("layer")));
  const comparison = () =>
    data.keys.findIndex((key) => key.every((option, at) => option === model.get("choice")[at]));
  const choose = chooserOf(model);
  const chooseRow = (index) => {
    if (index !== row()) choose({ layer: rows[index] });
  };

  const menus = selectors.map((selector, at) => menuOf(`${id}-menu-${at}`, options[at], () => {
    cell = null;
    choose({ choice: menus.map((each) => each.value) });
  }));
  const { slider, output: layerName, show: showLayer } = sliderOf(`${id}-layer`,
    { max: rows.length - 1 }, (index) => {
      cell = null;
      chooseRow(index);
    });
  const controls = node("div", { class: "tvae-controls" },
    ...menus.map((menu, at) => field(menu, selectors[at])),
    field(slider, `layer of ${rowTitle}`, layerName));
  controls.lastChild.classList.add("tvae-wide");
  const reading = readingLine();

  // Heat map. It is drawn for the width at hand, so that its letters keep their size.
  const map = node("svg", { class: "tvae-map", role: "img", tabindex: 0, ...native });
  const mapBox = node("div", { class: "tvae-map-box" }, map);
  let cells = [];
  let frames = {};

  function drawMap(width) {
    const [size, gap, strip] = [11.5, 4, 36];
    const longest = (layers) =>
      Math.max(...layers.map((layer) => shortName(layer).length)) * size * 0.58 + 8;
    const [left, top] = [strip + longest(rows), strip + longest(columns)];
    const [rowRuns, columnRuns] = [runsOf(rows), runsOf(columns)];
    const room = width - left - gap * (columnRuns.length - 1) - 2;
    const side = clamp(room / columns.length, 8, 34);
    const at = (runs, index) => index * side + gap * runs.findIndex((run) => index <= run.end);
    const x = (column) => left + at(columnRuns, column);
    const y = (index) => top + at(rowRuns, index);
    const [right, bottom] = [x(columns.length - 1) + side, y(rows.length - 1) + side];
    const text = (content, across, down, more = {}, turned = false) => node("text", {
      x: 0, y: 0, "font-size": size, "dominant-baseline": "central",
      transform: `translate(${across} ${down})${turned ? " rotate(-90)" : ""}`, ...more,
    }, content);
    const shorten = (title, room) =>
      title.length * 6.4 <= room ? title : `${title.slice(0, Math.floor(room / 6.4) - 1)}…`;
    const middle = { "text-anchor": "middle" };
    const fits = (run) =>
      run.part !== "other" && (run.end - run.start + 1) * side > run.part.length * 6;
    const every = Math.ceil(11 / side); // names of narrow cells would run into each other
    const visible = (index) => (index % every ? "hidden" : "visible");

    const drawing = [
      hatchOf(`${id}-hatch`),
      text(shorten(columnTitle, right - left), (left + right) / 2, 7, middle),
      text(shorten(rowTitle, bottom - top), 7, (top + bottom) / 2, middle, true),
    ];
    for (const [runs, place, isRow] of [[columnRuns, x, false], [rowRuns, y, true]]) {
      for (const run of runs) {
        const [start, end] = [place(run.start), place(run.end) + side];
        const name = { ...middle, class: `tvae-part tvae-${run.part}` };
        if (fits(run)) drawing.push(text(run.part, ...(isRow ? [23, (start + end) / 2] : [(start + end) / 2, 23]), name, isRow));
        drawing.push(node("line", { class: `tvae-strip tvae-${run.part}`,
          ...(isRow ? { x1: 33, x2: 33, y1: start, y2: end } : { x1: start, x2: end, y1: 33, y2: 33 }) }));
      }
    }
    drawing.push(...columns.map((layer, column) => text(
      shortName(layer), x(column) + side / 2, top - 5,
      { class: `tvae-${part(layer)}`, visibility: visible(column) }, true)));
    const names = rows.map((layer, index) => text(
      shortName(layer), left - 5, y(index) + side / 2,
      { "text-anchor": "end", class: `tvae-${part(layer)}`, visibility: visible(index) }));
    cells = rows.map((_, index) => columns.map((_, column) => node("rect", {
      x: x(column), y: y(index), width: side, height: side,
      "data-row": index, "data-column": column,
    })));
    const outline = (name) => node("rect", { class: name, height: side + 2, rx: 2 });
    frames = { row: outline("tvae-row"), cell: outline("tvae-cell"), names, x, y, side, right, left };
    drawing.push(...names, node("g", { class: "tvae-cells" }, ...cells.flat()), frames.row, frames.cell);
    map.setAttribute("width", right + 2);
    map.setAttribute("height", bottom + 2);
    map.replaceChildren(...drawing);
  }

  const pointed = ({ target }) =>
    "row" in target.dataset ? [Number(target.dataset.row), Number(target.dataset.column)] : null;
  const pointAt = (next) => {
    if (String(next) === String(cell)) return;
    cell = next;
    paint();
  };
  map.addEventListener("pointermove", (event) => pointAt(pointed(event)));
  map.addEventListener("pointerleave", (event) => {
    // A finger that lifts leaves its answer behind.
    if (event.pointerType !== "touch") pointAt(null);
  });
  map.addEventListener("click", (event) => {
    pointAt(pointed(event));
    if (cell) chooseRow(cell[0]);
  });
  onArrows(map, (down, across) => {
    const [index, column] = cell ?? [row() - down, -across]; // the first key only enters the map
    pointAt([clamp(index + down, 0, rows.length - 1), clamp(column + across, 0, columns.length - 1)]);
    chooseRow(cell[0]);
  });
  map.addEventListener("blur", () => pointAt(null));

  const legend = node("div", { class: "tvae-legend" }, node("span", {}, "similarity (CKA)"),
    node("span", {}, "0"), colourBar(), node("span", {}, "1"));

  // Profile: the chosen row as one bar per column.
  const heading = node("p", { class: "tvae-heading" });
  const bars = columns.map((layer) => {
    const value = node("span", { class: "tvae-value" });
    const fill = node("div", { class: `tvae-fill tvae-${part(layer)}` });
    const chance = node("div", { class: "tvae-chance" });
    const name = node("span", { class: `tvae-name tvae-${part(layer)}` }, layer);
    const track = node("div", { class: "tvae-track" }, fill, chance);
    return { value, fill, chance, line: node("div", { class: "tvae-line" }, name, track, value) };
  });
  const profile = node("div", { class: "tvae-profile", role: "img" },
    ...bars.map((each) => each.line));
  const chanceKey = node("p", { class: "tvae-legend" },
    node("span", { class: "tvae-chance-key" }), "chance level");

  const context = (chance) => {
    const n = data.n[comparison()];
    const parts = [];
    if (!Number.isNaN(chance)) parts.push(`chance ${number(chance)}`);
    if (n) parts.push(`${n.toLocaleString("en")} images`);
    return parts.length ? ` (${parts.join(", ")})` : "";
  };

  // What is read out: a text, the value it leads to, and the context of the value.
  function sentence() {
    const which = comparison();
    if (which < 0) return ["This combination was not measured."];
    if (cell) {
      const [index, column] = cell;
      return [`${rows[index]} of ${rowTitle} and ${columns[column]} of ${columnTitle}: `,
        number(read("values", which, index, column)), context(read("chance", which, index, column))];
    }
    const values = columns.map((_, column) => read("values", which, row(), column));
    const best = Math.max(...values.filter((value) => !Number.isNaN(value)));
    if (best === -Infinity) return [`${rows[row()]} of ${rowTitle}: similarity is not defined.`];
    // Layers that agree to the shown decimals are equally similar as far as a reader can tell.
    const winners = columns.filter((_, column) => number(values[column]) === number(best));
    const named = winners.length <= 3 ? winners
      : [...winners.slice(0, 2), `${winners.length - 2} other layers`];
    const list = named.join(", ").replace(/, ([^,]*)$/, " and $1");
    return [`${rows[row()]} of ${rowTitle} is most like ${list} of ${columnTitle}: `,
      number(best), context(read("chance", which, row(), values.indexOf(best)))];
  }

  function paint() {
    const which = comparison();
    const chosen = row();
    menus.forEach((menu, at) => { menu.value = model.get("choice")[at]; });
    showLayer(chosen, rows[chosen]);
    layerName.className = `tvae-layer tvae-${part(rows[chosen])}`;
    reading.say(...sentence());

    cells.forEach((line, index) => line.forEach((square, column) => {
      const value = read("values", which, index, column);
      square.setAttribute("fill", Number.isNaN(value) ? `url(#${id}-hatch)` : colour(value));
    }));
    const { x, y, side, left, right } = frames;
    const place = (frame, across, down, width) => {
      frame.setAttribute("x", across - 1);
      frame.setAttribute("y", down - 1);
      frame.setAttribute("width", width + 2);
    };
    place(frames.row, left, y(chosen), right - left);
    frames.cell.style.display = cell ? "" : "none";
    if (cell) place(frames.cell, x(cell[1]), y(cell[0]), side);
    frames.names.forEach((name, index) => name.classList.toggle("tvae-chosen", index === chosen));

    const shown = columns.map((_, column) => number(read("values", which, chosen, column)));
    bars.forEach(({ value, fill, chance, line }, column) => {
      const similarity = read("values", which, chosen, column);
      const level = read("chance", which, chosen, column);
      value.textContent = which < 0 ? "not measured" : shown[column];
      line.classList.toggle("tvae-empty", Number.isNaN(similarity));
      fill.style.width = `${100 * clamp(similarity || 0, 0, 1)}%`;
      chance.style.left = `${100 * clamp(level || 0, 0, 1)}%`;
      chance.hidden = Number.isNaN(level);
      line.classList.toggle("tvae-chosen", cell?.[0] === chosen && cell[1] === column);
    });
    heading.textContent = `${rows[chosen]} of ${rowTitle}, compared with each layer of ${columnTitle}`;
    const summary = which < 0 ? "This combination was not measured."
      : columns.map((layer, column) => `${layer} ${shown[column]}`).join(", ");
    profile.setAttribute("aria-label", `${heading.textContent}: ${summary}`);
    const size = `${rows.length} layers of ${rowTitle} by ${columns.length} layers of ${columnTitle}`;
    map.setAttribute("aria-label", `Heat map of similarity from 0 to 1, ${size}. ` + (which < 0
      ? "Not measured." : `The row of ${rows[chosen]} is marked; arrow keys read single cells.`));
  }

  el.replaceChildren(node("div", { class: "tvae-explorer" }, controls, reading.line,
    node("div", { class: "tvae-figures" },
      node("div", { class: "tvae-figure" }, mapBox, legend),
      node("div", { class: "tvae-figure" }, heading, profile, chanceKey))));
  const fit = () => {
    drawMap(legend.clientWidth || 420);
    paint();
  };
  // The legend is as wide as the map may be, and unlike the map never grows while it is observed.
  return keepPainted(model, ["layer", "choice"], paint, legend, fit);
}

export default { render };
