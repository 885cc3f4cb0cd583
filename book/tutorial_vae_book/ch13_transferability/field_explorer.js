// The front end of FieldExplorer.
import {
  buttonOf, chooserOf, freshId, keepPainted, node, number, readingLine, signed,
} from "tutorial_vae/explorer/controls.js";
import { even, rows, squeezed } from "tutorial_vae/explorer/chart.js";
import { note } from "tutorial_vae/explorer/view.js";

const WIDE = 620; // pixels, from which the stages stand side by side
const TICKS = [-100, -30, -10, -3, 0, 3, 10, 30, 100];
const STAGES = { "Pre-training": "pre", Adaptation: "adapt", Evaluation: "judge" };

const shown = (value, unit) => (unit === "points" ? signed(value) : number(value));
const mathOf = (formula) => document.importNode(new DOMParser().parseFromString(formula, "application/xml").documentElement, true);

// A row for each number: a dot for each task, their mean and its interval.
function drawMarks(width, { marks, unit }) {
  const everything = marks.flatMap(({ dots, interval }) => [0, ...dots.map(([, value]) => value), ...(interval ?? [])]);
  const x = unit === "points" ? squeezed(Math.min(...everything), Math.max(...everything), { ticks: TICKS, say: (tick) => signed(tick, 0), room: 1.04 })
    : even(-1, 1, [-1, -0.5, 0, 0.5, 1], (tick) => number(tick, 1));
  return rows({ width, x, left: 8, right: 52, height: 28, look: "tvae-marks", lines: marks.map(({ label, mean, interval, dots }) => ({
    name: label, title: "", group: label, part: "other", shape: "circle", aside: shown(mean, unit), points: dots.map(([, value]) => value),
    spread: { mean, low: interval?.[0] ?? mean, high: interval?.[1] ?? mean } })),
  label: `${unit === "points" ? "Points of accuracy" : unit}, mean and one dot a task: ${marks.map(({ label, mean, dots }) =>
    `${label} ${shown(mean, unit)}, ${dots.map(([task, value]) => `${task} ${shown(value, unit)}`).join(", ")}`).join("; ")}.` });
}

function meaningOf({ marks, unit }) {
  const spread = marks.some(({ interval }) => interval);
  const scale = unit === "points" ? " Points of accuracy, on a scale that is widest near 0." : "";
  return note(`Small dots are ${spread ? "tasks" : "single cases"}, the large one is their mean${spread ? ", the line its 95\u00a0% interval" : ""}.${scale}`);
}

function render({ model, el }) {
  const { groups } = model.get("data");
  const [id, choose] = [freshId(), chooserOf(model)];
  const boxes = groups.flatMap((group) => group.boxes);
  const buttons = new Map(boxes.map(({ name, title }) => [name, buttonOf(title,
    () => choose({ box: model.get("box") === name ? "" : name }), { class: "tvae-box", "aria-controls": `${id}-open` })]));

  const groupOf = ({ heading, boxes: inside }, named, look) => node("div", { class: "tvae-group", role: "group", "aria-labelledby": named },
    node("p", { class: "tvae-sub", id: named }, heading),
    node("div", { class: `tvae-boxes ${look}` }, ...inside.map(({ name }) => buttons.get(name))));
  const map = node("div", { class: "tvae-map" }, ...Object.entries(STAGES).map(([stage, look]) =>
    node("section", { class: `tvae-stage tvae-${look}`, "aria-labelledby": `${id}-${look}` },
      node("h3", { id: `${id}-${look}`, class: "tvae-heading" }, stage),
      node("div", { class: "tvae-groups" }, ...groups.filter((group) => group.stage === stage).map((group, index) =>
        groupOf(group, `${id}-${look}-${index}`, look === "judge" && index ? "tvae-two" : ""))))));

  const [reading, about, drawing] = [readingLine(), node("div", { class: "tvae-about" }), node("div", {})];
  const result = node("div", { class: "tvae-result" }, node("p", { class: "tvae-sub" }, "Its result here"), reading.line, drawing);
  const panel = node("div", { class: "tvae-open", id: `${id}-open` }, about, result);

  function paint() {
    const open = boxes.find(({ name }) => name === model.get("box"));
    // Below the map where it is one picture, and under its own button where it is a list.
    const above = open && map.clientWidth < WIDE ? buttons.get(open.name) : map;
    if (above.nextElementSibling !== panel) above.after(panel);
    for (const [name, button] of buttons) button.setAttribute("aria-expanded", String(open?.name === name));
    panel.classList.toggle("tvae-empty", !open);
    about.hidden = !open;
    about.replaceChildren(...(open ? [node("h3", { class: "tvae-title" }, open.title), node("p", { class: "tvae-says" }, open.says),
      node("div", { class: "tvae-formula" }, ...open.formula.map(mathOf)),
      note(`${open.source}. Here: `, node("code", {}, open.place))] : []));
    reading.say(...(open?.result.sentence ?? ["Open a box: ", "what it does, its formula", ", and what it brought here."]));
    drawing.replaceChildren(...(open?.result.marks.length ? [drawMarks(result.clientWidth || 300, open.result), meaningOf(open.result)] : []));
  }

  el.replaceChildren(node("div", { class: "tvae-explorer tvae-field-map" }, map, panel));
  return keepPainted(model, ["box"], paint, map);
}

export default { render };
