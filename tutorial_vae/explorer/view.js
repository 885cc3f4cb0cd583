// What an explorer is: a control for each choice, a line that is read out, and figures that are drawn
// again when a choice or the width changes.
//
// A view is a function of { data, now, choose, valuesOf, id, paint } that returns
//   reading   () => [text, what matters most, rest], for the line that is read out;
//   figures   each { title, draw, wide, before, after, hidden, holds }: () => content of the heading,
//             (width) => one or more elements, whether it takes the whole width, elements that stay
//             beside the drawing, () => whether it is left out now, and the names of the choices whose
//             controls stand in it;
//   controls  by the name of a choice { title, say, look, offered, shown, wide, hidden, also }: how a value is
//             called and spoken, a class for it, which values are offered now, which is shown, its room,
//             () => whether it is left out now, and `also`, (value) => what else is chosen with it;
//   above     elements before the controls;   beside    elements after them;    below    elements under the figures;
//   traits    of the model that are watched besides the choices;    painted   what else is done after a change.
import {
  chooserOf, field, freshId, keepPainted, menuOf, node, readingLine, sliderOf,
} from "tutorial_vae/explorer/controls.js";

const keyOf = (value) => (value === null ? "" : String(value));

function menuFor(id, values, { title = String, offered = () => values }, move) {
  const menu = menuOf(id, [], (key) => move(values.find((value) => keyOf(value) === key)));
  return { control: menu, show(value) {
    const [options, named] = [offered(), [...menu.options].map((option) => option.value + option.text)];
    if (String(options.map((each) => keyOf(each) + title(each))) !== String(named)) {
      menu.replaceChildren(...options.map((each) => node("option", { value: keyOf(each) }, title(each))));
    }
    menu.value = keyOf(value);
    menu.disabled = options.length < 2;
  } };
}

function sliderFor(id, values, { title = String, say = title, look = () => "", offered = () => values }, move) {
  const { slider, output, show } = sliderOf(id, { max: values.length - 1 }, (at) => move(offered()[at]));
  return { control: slider, output, show(value) {
    slider.max = offered().length - 1;
    slider.disabled = offered().length < 2;
    show(offered().indexOf(value), title(value), say(value));
    output.className = look(value);
  } };
}

function rangeFor(id, { low, high, step }, { title = String, say = title }, move) {
  const { slider, output, show } = sliderOf(id, { min: low, max: high, step }, move);
  return { control: slider, output, show: (value) => show(value, title(value), say(value)) };
}

function controlFor(id, choice, about, move) {
  const { label, values, slider } = choice;
  const { control, output, show } = !values ? rangeFor(id, choice, about, move)
    : (slider ? sliderFor : menuFor)(id, values, about, move);
  const box = field(control, label, ...(output ? [output] : []));
  box.classList.toggle("tvae-wide", Boolean(about.wide));
  return { box, show, needed: !values || values.length > 1 };
}

// Puts elements into a box; one that is there already stays in place, and so keeps the focus.
function fill(box, content) {
  const nodes = [content].flat();
  if (nodes.length !== box.childNodes.length || nodes.some((each, i) => each !== box.childNodes[i])) {
    box.replaceChildren(...nodes);
  }
}

function frameOf({ title, draw, wide = false, before = [], after = [], hidden = () => false }, held) {
  const [heading, drawing] = [node("p", { class: "tvae-heading" }), node("div", { class: "tvae-drawing" })];
  const box = node("div", { class: `tvae-figure${wide ? " tvae-whole" : ""}` },
    ...before, ...(title ? [heading] : []), ...held, drawing, ...after);
  return { box, paint() {
    box.hidden = hidden();
    if (box.hidden) return;
    if (title) heading.replaceChildren(...[title()].flat());
    fill(drawing, draw(box.clientWidth || 320));
  } };
}

export const explorer = (look, view) => ({
  render({ model, el }) {
    const { choices, ...data } = model.get("data");
    const [id, names] = [freshId(), Object.keys(choices)];
    const now = () => Object.fromEntries(names.map((name) => [name, model.get(name)]));
    const given = { id, model, data, now, choose: chooserOf(model), valuesOf: (name) => choices[name].values, paint: () => paint() };
    const { reading, figures, controls: about = {}, above = [], beside = [], below = [], traits = [], painted = () => {} } = view(given);
    const controls = names.map((name) => ({ name, ...controlFor(`${id}-${name}`, choices[name], about[name] ?? {},
      (value) => given.choose({ [name]: value, ...about[name]?.also?.(value) })) }));
    const boxOf = (chosen) => controls.filter(({ name, needed }) => needed && chosen(name)).map(({ box }) => box);
    const held = figures.flatMap(({ holds = [] }) => holds);
    const rowOf = (...content) => (content.length ? [node("div", { class: "tvae-controls" }, ...content)] : []);
    const [line, frames] = [readingLine(), figures.map((figure) =>
      frameOf(figure, rowOf(...boxOf((name) => figure.holds?.includes(name)))))];
    const boxes = node("div", { class: "tvae-figures" }, ...frames.map(({ box }) => box));
    el.replaceChildren(node("div", { class: `tvae-explorer tvae-${look}` },
      ...above, ...rowOf(...boxOf((name) => !held.includes(name)), ...beside),
      line.line, boxes, ...below));
    function paint() {
      for (const { name, show, box } of controls) {
        box.hidden = about[name]?.hidden?.() ?? false;
        show(about[name]?.shown?.() ?? model.get(name));
      }
      line.say(...reading());
      for (const frame of frames) frame.paint();
      painted();
    }
    return keepPainted(model, [...names, ...traits], paint, boxes);
  },
});

// A key: what the marks of the drawings stand for, each [elements, label] or [elements, label, width].
export const legend = (...keys) => node("div", { class: "tvae-legend tvae-keys" }, ...keys.map(([marks, label, width = 28]) =>
  node("span", { class: "tvae-key" }, node("svg", { width, height: 14, "aria-hidden": "true" }, ...marks), label)));

export const note = (...content) => node("p", { class: "tvae-note" }, ...content);

// A table whose first cell of each row names it. A row may be [class, cells].
export function tableOf(head, rows, caption) {
  const row = (cells, scope, look = "") => node("tr", { class: look }, ...cells.map((cell, column) =>
    node(scope === "col" || !column ? "th" : "td", scope === "col" || !column ? { scope } : {}, ...[cell].flat())));
  return node("table", { class: "tvae-table" }, ...(caption ? [node("caption", {}, caption)] : []),
    node("thead", {}, row(head, "col")),
    node("tbody", {}, ...rows.map(({ cells, look }) => row(cells, "row", look))));
}
