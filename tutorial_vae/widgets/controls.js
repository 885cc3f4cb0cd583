// What all explorers share: elements, numbers, labelled native controls, the line that is read out.
// The package puts this text before each explorer's own module, so that one file holds everything.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "g", "rect", "circle", "line", "polyline", "text", "path",
  "defs", "pattern"]);

function node(tag, attributes = {}, ...children) {
  const element = SVG_TAGS.has(tag)
    ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

// Two decimals, or as many as asked, with a true minus and without a negative zero.
function number(value, decimals = 2) {
  if (Number.isNaN(value)) return "not defined";
  return value.toFixed(decimals).replace(/^-(0\.?0*)$/, "$1").replace("-", "\u2212");
}

// Bytes that travelled as base64 text.
const decodeBytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

// JupyterLab takes the arrow keys unless told not to.
const native = { "data-lm-suppress-shortcuts": "true" };

const freshId = () => `tvae-${Math.random().toString(36).slice(2, 10)}`;

// A control under its label, with more (an output, say) at the right of the label.
const field = (control, label, ...more) => node("div", { class: "tvae-field" },
  node("div", { class: "tvae-caption" }, node("label", { for: control.id }, label), ...more),
  control);

function menuOf(id, options) {
  return node("select", { id, class: "tvae-menu", ...native },
    ...options.map((option) => node("option", { value: option }, option)));
}

function sliderOf(id, { min = 0, max, step = 1 }) {
  return node("input", { type: "range", id, class: "tvae-slider", ...native, min, max, step });
}

// A slider speaks its value itself (aria-valuetext), so its output keeps silent.
const outputOf = (id) => node("output", { for: id, "aria-live": "off" });

// The line that says what is seen; it is announced when it changes, and only then.
function readingLine() {
  const line = node("p", { class: "tvae-reading", role: "status", "aria-live": "polite" });
  const say = (text, value = "", rest = "") => {
    if (line.textContent === text + value + rest) return;
    line.replaceChildren(text, node("strong", {}, value),
      node("span", { class: "tvae-context" }, rest));
  };
  return { line, say };
}

