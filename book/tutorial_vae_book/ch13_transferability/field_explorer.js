// The front end of FieldExplorer.
import { buttonOf, clamp, node, number, signed, text } from "tutorial_vae/explorer/controls.js";
import { even, squeezed, withRoom } from "tutorial_vae/explorer/chart.js";
import { explorer, note } from "tutorial_vae/explorer/view.js";

const WIDE = 620; // pixels, from which the stages stand side by side
const STAGES = { "Pre-training": "pre", Adaptation: "adapt", Evaluation: "judge" };
const MATH = "http://www.w3.org/1998/Math/MathML";

const shown = (value, unit) => (unit === "points" ? signed(value) : number(value));

// A formula that came as MathML, which browsers draw and screen readers read. Nothing else passes.
function formulaOf(markup) {
  const formula = new DOMParser().parseFromString(markup, "application/xml").documentElement;
  const isMath = [formula, ...formula.querySelectorAll("*")].every(({ namespaceURI }) => namespaceURI === MATH);
  return isMath ? document.importNode(formula, true) : markup;
}

function scaleOf(unit, values) {
  if (unit === "\u03c4") return even(-1, 1, [-1, -0.5, 0, 0.5, 1], (tick) => number(tick, 1));
  const ends = [Math.min(0, ...values), Math.max(0, ...values)];
  return unit !== "points" ? even(...ends, [ends[0], (ends[0] + ends[1]) / 2, ends[1]], (tick) => number(tick, 1))
    : squeezed(...ends, { ticks: [-100, -30, -10, -3, 0, 3, 10, 30, 100], say: (tick) => signed(tick, 0) });
}

// A row for each number: a dot for each task, their mean and its interval.
function drawMarks({ marks, unit }, width) {
  const scale = scaleOf(unit, marks.flatMap(({ dots, interval }) => [...dots.map(([, value]) => value), ...(interval ?? [])]));
  const [left, right, top] = [10, 54, 4];
  const labelled = marks.some(({ label }) => label);
  const height = labelled ? 38 : 30;
  const bottom = top + marks.length * height;
  const x = (value) => left + scale.place(clamp(value, scale.low, scale.high)) * (width - left - right);
  const row = ({ label, mean, interval, dots }, index) => {
    const y = top + index * height + height / 2 + (labelled ? 7 : 0);
    return [...(label ? [text(label, 2, y - 13, { class: "tvae-name" })] : []),
      ...(interval ? [node("line", { x1: x(interval[0]), x2: x(interval[1]), y1: y, y2: y, class: "tvae-interval" })] : []),
      ...dots.map(([, value]) => node("circle", { cx: x(value), cy: y + 7, r: 2.6, class: "tvae-task-dot" })),
      node("circle", { cx: x(mean), cy: y, r: 5, class: "tvae-mean" }),
      text(shown(mean, unit), width, y + 4, { "text-anchor": "end", class: "tvae-strong" })];
  };
  const said = marks.map(({ label, mean, dots }) =>
    `${label} ${shown(mean, unit)}, ${dots.map(([task, value]) => `${task} ${shown(value, unit)}`).join(", ")}`);
  return node("svg", { class: "tvae-chart", role: "img", width, height: bottom + 20,
    "aria-label": `${unit === "points" ? "Points of accuracy" : unit}, mean and one dot a task: ${said.join("; ")}.` },
  ...scale.ticks.map(({ at }) => node("line", { x1: x(at), x2: x(at), y1: top, y2: bottom, class: at === 0 ? "tvae-zero" : "tvae-grid" })),
  ...withRoom(scale.ticks, x).map(({ at, name }) => text(name, x(at), bottom + 15, { "text-anchor": "middle" })), ...marks.flatMap(row));
}

export default explorer("field-map", ({ data: { groups }, now, choose, id }) => {
  const boxes = groups.flatMap((group) => group.boxes);
  const open = () => boxes.find(({ name }) => name === now().box);
  const buttons = new Map(boxes.map(({ name, title }) => [name, buttonOf(title,
    () => choose({ box: now().box === name ? "" : name }), { class: "tvae-box", "aria-expanded": "false", "aria-controls": `${id}-open` })]));

  function stageOf(stage) {
    const look = STAGES[stage];
    const parts = groups.filter((group) => group.stage === stage).map(({ heading, boxes: inside }, index) =>
      node("div", { class: "tvae-group", role: "group", "aria-labelledby": `${id}-${look}-${index}` },
        node("p", { class: "tvae-sub", id: `${id}-${look}-${index}` }, heading),
        node("div", { class: `tvae-boxes${inside.length > 3 && index > 0 && look === "judge" ? " tvae-two" : ""}` },
          ...inside.map(({ name }) => buttons.get(name)))));
    return node("section", { class: `tvae-stage tvae-${look}`, "aria-labelledby": `${id}-${look}` },
      node("h3", { id: `${id}-${look}`, class: "tvae-heading" }, stage), node("div", { class: "tvae-groups" }, ...parts));
  }
  const map = node("div", { class: "tvae-map" }, ...[...new Set(groups.map(({ stage }) => stage))].map(stageOf));
  const about = node("div", { class: "tvae-about" });
  const panel = node("div", { class: "tvae-open", id: `${id}-open` });

  function aboutOf({ title, says, formula, source, place }) {
    return [node("h3", { class: "tvae-title" }, title), node("p", { class: "tvae-says" }, says),
      node("div", { class: "tvae-formula" }, ...formula.map(formulaOf)),
      note(`${source}. Here: `, node("code", {}, place))];
  }

  function drawResult(width) {
    const { marks = [], unit } = open()?.result ?? {};
    if (!marks.length) return [];
    const line = marks.some(({ interval }) => interval) ? ", the line its 95\u00a0% interval" : "";
    const scale = unit === "points" ? " Points of accuracy, on a scale that is widest near 0." : "";
    return [drawMarks({ marks, unit }, width),
      note(`Small dots are ${line ? "tasks" : "single cases"}, the large one is their mean${line}.${scale}`)];
  }

  function painted() {
    const box = open();
    // Below the map where it is one picture, and under its own button where it is a list.
    const above = box && map.clientWidth < WIDE ? buttons.get(box.name) : map;
    if (above.nextElementSibling !== panel) above.after(panel);
    for (const [name, button] of buttons) button.setAttribute("aria-expanded", String(box?.name === name));
    about.hidden = !box;
    about.replaceChildren(...(box ? aboutOf(box) : []));
    panel.classList.toggle("tvae-empty", !box);
  }

  return {
    reading: () => open()?.result.sentence ?? ["Open a box: ", "what it does, its formula", ", and what it brought here."],
    controls: { box: { hidden: true } },
    figures: [{ wide: true, draw: drawResult }],
    layout({ line, figures }) {
      panel.append(about, node("div", { class: "tvae-result" }, node("p", { class: "tvae-sub" }, "Its result here"), line, figures));
      return [map, panel];
    },
    painted,
  };
});
