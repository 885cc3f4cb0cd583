// What all explorers share: elements, numbers, labelled native controls, the line that is read out.
// The package puts this text before each explorer's own module, so that one file holds everything.

export const SVG = "http://www.w3.org/2000/svg";
export const SVG_TAGS = new Set(["svg", "g", "rect", "circle", "line", "polyline", "text", "path",
  "defs", "pattern"]);

export function node(tag, attributes = {}, ...children) {
  const element = SVG_TAGS.has(tag)
    ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Lettering of a drawing.
export const text = (content, x, y, more = {}) => node("text", { x, y, "font-size": 11.5, ...more }, content);

export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

// Two decimals, or as many as asked, with a true minus and without a negative zero. What lies halfway
// goes to the even digit, as in Python.
export function number(value, decimals = 2) {
  if (Number.isNaN(value)) return "not defined";
  const isHalfway = Math.abs((value * 2 ** (decimals + 1)) % 2) === 1;
  const shown = isHalfway ? (2 * Math.round((value * 10 ** decimals) / 2)) / 10 ** decimals : value;
  return shown.toFixed(decimals).replace(/^-(0\.?0*)$/, "$1").replace("-", "\u2212");
}

// The same with a plus before what is above zero.
export function signed(value, decimals = 1) {
  const shown = number(value, decimals);
  return value > 0 && Number(value.toFixed(decimals)) !== 0 ? `+${shown}` : shown;
}

export const percent = (share, decimals = 1) => `${number(100 * share, decimals)}\u00a0%`;

export const meanOf = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

// Mean, lowest and highest of the values that were measured, or nothing.
export function spreadOf(values) {
  const known = values.filter((value) => value !== null && !Number.isNaN(value));
  if (!known.length) return null;
  return { mean: meanOf(known), low: Math.min(...known), high: Math.max(...known), seeds: known.length };
}

// Where a step of training lies on a scale on which each doubling takes the same room and which has a
// place for 0; below `unit` the scale is nearly even.
export const placeOf = (step, unit = 1) => Math.log10(1 + Math.max(0, step) / unit);

// Bytes that travelled as base64 text.
export const decodeBytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

// Numbers that `pack` of the package made a text of: their shape, and the one at a place, row by row.
// Seven digits are what single precision keeps of the decimals of a table.
export function unpack({ shape, bytes }) {
  const values = Array.from(new Float32Array(decodeBytes(bytes).buffer), (value) => Number(value.toPrecision(7)));
  const at = (...place) => values[place.reduce((flat, index, axis) => flat * shape[axis] + index, 0)];
  return { shape, values, at };
}

// Grey levels from 0 to 255, row by row.
export function greyImage(levels, width, height) {
  const image = new ImageData(width, height);
  levels.forEach((level, pixel) => image.data.set([level, level, level, 255], 4 * pixel));
  return image;
}

// Calls a function with how far an arrow key leads, down and across.
export function onArrows(element, move) {
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  element.addEventListener("keydown", (event) => {
    if (!(event.key in steps)) return;
    event.preventDefault();
    move(...steps[event.key], event);
  });
}

// JupyterLab takes the arrow keys unless told not to.
export const native = { "data-lm-suppress-shortcuts": "true" };

export const freshId = () => `tvae-${Math.random().toString(36).slice(2, 10)}`;

// A control under its label, with more (an output, say) at the right of the label.
export const field = (control, label, ...more) => node("div", { class: "tvae-field" },
  node("div", { class: "tvae-caption" }, node("label", { for: control.id }, label), ...more),
  control);

// Each control calls a function when its reader moves it: a menu and a slider with their new value.
export function menuOf(id, options, move) {
  const menu = node("select", { id, class: "tvae-menu", ...native },
    ...options.map((option) => node("option", { value: option }, option)));
  menu.addEventListener("change", () => move(menu.value));
  return menu;
}

// `show` moves the slider and says the value. It speaks itself (aria-valuetext), so its output keeps
// silent.
export function sliderOf(id, { min = 0, max, step = 1 }, move) {
  const slider = node("input", { type: "range", id, class: "tvae-slider", ...native, min, max, step });
  const output = node("output", { for: id, "aria-live": "off" });
  slider.addEventListener("input", () => move(Number(slider.value)));
  const show = (at, shown, spoken = shown) => {
    slider.value = at;
    slider.setAttribute("aria-valuetext", spoken);
    output.textContent = shown;
  };
  return { slider, output, show };
}

export function buttonOf(content, press, more = {}) {
  const button = node("button", { type: "button", class: "tvae-button", ...more, ...native }, content);
  button.addEventListener("click", press);
  return button;
}

// The line that says what is seen; it is announced when it changes, and only then.
export function readingLine() {
  const line = node("p", { class: "tvae-reading", role: "status", "aria-live": "polite" });
  const say = (text, value = "", rest = "") => {
    if (line.textContent === text + value + rest) return;
    line.replaceChildren(text, node("strong", {}, value),
      node("span", { class: "tvae-context" }, rest));
  };
  return { line, say };
}

// A function that sets traits of the model by their names, and tells the kernel where there is one.
export const chooserOf = (model) => (choices) => {
  for (const [name, value] of Object.entries(choices)) model.set(name, value);
  model.save_changes();
};

// Paints when a trait changes, and fits the drawing to the width of an element: now, and whenever that
// changes. Returns what ends both.
export function keepPainted(model, traits, paint, watched, fit = paint) {
  const observer = new ResizeObserver(fit);
  fit();
  observer.observe(watched);
  const events = traits.map((trait) => `change:${trait}`);
  events.forEach((event) => model.on(event, paint));
  return () => {
    observer.disconnect();
    events.forEach((event) => model.off(event, paint));
  };
}
