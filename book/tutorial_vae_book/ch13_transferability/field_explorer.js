// The front end of FieldExplorer, after the text of controls.js. Notebooks run it through anywidget;
// pages without a kernel run the same text from the stored state.
import {
  buttonOf, chooserOf, clamp, freshId, keepPainted, node, number, readingLine, text,
} from "tutorial_vae/explorer/controls.js";

const WIDE = 620; // pixels, from which the stages stand side by side
const ROW = 30; // height of a row of dots, pixels
const TICKS = { points: [-100, -30, -10, -3, 0, 3, 10, 30, 100], "\u03c4": [-1, -0.5, 0, 0.5, 1] };
const STAGES = { "Pre-training": "pre", Adaptation: "adapt", Evaluation: "judge" };

// Points: nearly even near 0, then each factor of ten takes the same room.
const squeezed = (points) => Math.sign(points) * Math.log10(1 + Math.abs(points));
const shown = (value, unit) => {
  const text = number(value, unit === "points" ? 1 : 2);
  return unit === "points" && value > 0 && text !== "0.0" ? `+${text}` : text;
};

// A formula in a small part of TeX as MathML, which browsers draw and screen readers read. Commands
// other than \frac and \hat are words that are set upright, such as \log.
function formulaOf(source) {
  const tokens = source.match(/\\[a-zA-Z]+|[0-9.]+|\S/g);
  const math = (tag, attributes, ...children) => {
    const element = document.createElementNS("http://www.w3.org/1998/Math/MathML", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const row = () => {
    const parts = [];
    while (tokens.length && tokens[0] !== "}") parts.push(withScripts());
    tokens.shift();
    return math("mrow", {}, ...parts);
  };
  const one = () => {
    const token = tokens.shift();
    if (token === "{") return row();
    if (token === "\\frac") return math("mfrac", {}, one(), one());
    if (token === "\\hat") return math("mover", { accent: "true" }, one(), math("mo", {}, "^"));
    if (token.startsWith("\\")) return math("mo", { lspace: "0.17em", rspace: "0.17em" }, token.slice(1));
    if (/[0-9]/.test(token)) return math("mn", {}, token);
    // Small formulas look calmer when brackets keep their size.
    return /\p{L}/u.test(token) ? math("mi", {}, token)
      : math("mo", "()[]|\u2016".includes(token) ? { stretchy: "false" } : {}, token);
  };
  const withScripts = () => {
    // The limits of sums and the like stand below and above them.
    const [under, over] = ["\u2211", "\\max", "\\min", "\\mode"].includes(tokens[0]) ? ["under", "over"] : ["sub", "sup"];
    const core = one();
    const scripts = {};
    while (tokens[0] === "_" || tokens[0] === "^") scripts[tokens.shift() === "_" ? under : over] = one();
    const names = [under, over].filter((name) => name in scripts);
    return names.length ? math(`m${names.join("")}`, {}, core, ...names.map((name) => scripts[name])) : core;
  };
  return math("math", { display: "block" }, row());
}

// A row for each number: a dot for each task, their mean and its interval.
function drawMarks(svg, width, { marks, unit }) {
  const place = unit === "points" ? squeezed : (value) => value;
  const everything = marks.flatMap(({ dots, interval }) => [...dots.map(([, value]) => value), ...(interval ?? [])]);
  const ends = unit === "\u03c4" ? [-1, 1] : [Math.min(0, ...everything), Math.max(0, ...everything)];
  const [low, high] = ends.map(place);
  const room = (high - low || 1) * 0.04;
  const [left, right, top] = [2, 46, 4];
  const labelled = marks.some(({ label }) => label);
  const height = labelled ? ROW + 8 : ROW;
  const x = (value) => left + ((place(clamp(value, ...ends)) - low + room) / (high - low + 2 * room || 1)) * (width - left - right);
  const bottom = top + marks.length * height;
  const ticks = TICKS[unit] ?? [ends[0], (ends[0] + ends[1]) / 2, ends[1]];
  const drawn = [];
  const spaced = [];
  [...ticks].sort((a, b) => Math.abs(a) - Math.abs(b)).filter((tick) => tick >= ends[0] && tick <= ends[1]).forEach((tick) => {
    drawn.push(node("line", { x1: x(tick), x2: x(tick), y1: top, y2: bottom, class: tick === 0 ? "tvae-zero" : "tvae-grid" }));
    if (spaced.some((other) => Math.abs(other - x(tick)) < 30)) return;
    spaced.push(x(tick));
    drawn.push(text(unit === "points" ? shown(tick, unit).replace(".0", "") : number(tick, 1), x(tick), bottom + 15, { "text-anchor": "middle" }));
  });
  marks.forEach(({ label, mean, interval, dots }, index) => {
    const y = top + index * height + height / 2 + (labelled ? 7 : 0);
    if (label) drawn.push(text(label, left, y - 13, { class: "tvae-name" }));
    if (interval) drawn.push(node("line", { x1: x(interval[0]), x2: x(interval[1]), y1: y, y2: y, class: "tvae-interval" }));
    drawn.push(...dots.map(([, value]) => node("circle", { cx: x(value), cy: y + 7, r: 2.6, class: "tvae-task-dot" })),
      node("circle", { cx: x(mean), cy: y, r: 5, class: "tvae-mean" }),
      text(shown(mean, unit), width, y + 4, { "text-anchor": "end", class: "tvae-strong" }));
  });
  svg.setAttribute("width", width);
  svg.setAttribute("height", bottom + 20);
  svg.setAttribute("aria-label", `${unit === "points" ? "Points of accuracy" : unit}, mean and one dot a task: ${marks.map(({ label, mean, dots }) =>
    `${label} ${shown(mean, unit)}, ${dots.map(([task, value]) => `${task} ${shown(value, unit)}`).join(", ")}`).join("; ")}.`);
  svg.replaceChildren(...drawn);
}

function render({ model, el }) {
  const { groups } = model.get("data");
  const id = freshId();
  const choose = chooserOf(model);
  const boxes = groups.flatMap(({ boxes: some }) => some);
  const now = () => boxes.find(({ name }) => name === model.get("box"));

  const buttons = new Map(boxes.map(({ name, title }) => [name, buttonOf(title,
    () => choose({ box: model.get("box") === name ? "" : name }), { class: "tvae-box", "aria-expanded": "false", "aria-controls": `${id}-open` })]));
  const stages = [...new Set(groups.map(({ stage }) => stage))];
  const map = node("div", { class: "tvae-map" }, ...stages.map((stage) => {
    const some = groups.filter((group) => group.stage === stage);
    return node("section", { class: `tvae-stage tvae-${STAGES[stage]}`, "aria-labelledby": `${id}-${STAGES[stage]}` },
      node("h3", { id: `${id}-${STAGES[stage]}`, class: "tvae-heading" }, stage),
      node("div", { class: "tvae-groups" }, ...some.map(({ heading, boxes: inside }, index) =>
        node("div", { class: "tvae-group", role: "group", "aria-labelledby": `${id}-${STAGES[stage]}-${index}` },
          node("p", { class: "tvae-sub", id: `${id}-${STAGES[stage]}-${index}` }, heading),
          node("div", { class: `tvae-boxes${inside.length > 3 && index > 0 && stage === "Evaluation" ? " tvae-two" : ""}` },
            ...inside.map(({ name }) => buttons.get(name)))))));
  }));

  const reading = readingLine();
  const heading = node("h3", { class: "tvae-title" });
  const says = node("p", { class: "tvae-says" });
  const formula = node("div", { class: "tvae-formula" });
  const facts = node("p", { class: "tvae-note" });
  const drawing = node("svg", { role: "img" });
  const about = node("div", { class: "tvae-about" }, heading, says, formula, facts);
  const legend = node("p", { class: "tvae-note" });
  const result = node("div", { class: "tvae-result" }, node("p", { class: "tvae-sub" }, "Its result here"), reading.line, drawing, legend);
  const panel = node("div", { class: "tvae-open", id: `${id}-open` }, about, result);

  function paint() {
    const open = now();
    const wide = map.clientWidth >= WIDE;
    // Below the map where it is one picture, and under its own button where it is a list.
    const above = open && !wide ? buttons.get(open.name) : map;
    if (above.nextElementSibling !== panel) above.after(panel);
    for (const [name, button] of buttons) button.setAttribute("aria-expanded", String(open?.name === name));
    about.hidden = !open;
    const drawn = Boolean(open?.result.marks.length);
    drawing.toggleAttribute("hidden", !drawn);
    legend.hidden = !drawn;
    panel.classList.toggle("tvae-empty", !open);
    if (!open) {
      reading.say("Open a box: ", "what it does, its formula", ", and what it brought here.");
      return;
    }
    heading.textContent = open.title;
    says.textContent = open.says;
    formula.replaceChildren(...open.formula.map(formulaOf));
    facts.replaceChildren(`${open.source}. Here: `, node("code", {}, `tutorial_vae.${open.place}`));
    reading.say(...open.result.sentence);
    if (!drawn) return;
    drawMarks(drawing, result.clientWidth || 300, open.result);
    const { marks, unit } = open.result;
    const line = marks.some(({ interval }) => interval) ? ", the line its 95\u00a0% interval" : "";
    const scale = unit === "points" ? " Points of accuracy, on a scale that is widest near 0." : "";
    legend.textContent = `Small dots are ${line ? "tasks" : "single cases"}, the large one is their mean${line}.${scale}`;
  }

  const root = node("div", { class: "tvae-explorer tvae-field-map" }, map, panel);
  el.replaceChildren(root);
  return keepPainted(model, ["box"], paint, map);
}

export default { render };
