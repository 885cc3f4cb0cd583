// What explorers of layers share besides the text of controls.js: the parts of a network, and the
// colours of similarities.
import { clamp, node } from "./controls.js";

// The parts of a network have one colour each everywhere in the book.
export function part(layer) {
  if (/^encoder\.(mean|log_var)$/.test(layer)) return "latent";
  return /^(encoder|decoder)\./.exec(layer)?.[1] ?? "other";
}
export const shortName = (layer) => (part(layer) === "other" ? layer : layer.slice(layer.indexOf(".") + 1));

export function runsOf(layers) {
  const runs = [];
  layers.forEach((layer, index) => {
    if (runs.at(-1)?.part === part(layer)) runs.at(-1).end = index;
    else runs.push({ part: part(layer), start: index, end: index });
  });
  return runs;
}

// Seventeen even steps of Matplotlib's viridis, the map of all similarity figures of the book.
export const VIRIDIS = ("440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c " +
  "1fa088 28ae80 3fbc73 5ec962 84d44b addc30 d8e219 fde725")
  .split(" ").map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));

export function rgb(value) {
  const at = clamp(value, 0, 1) * (VIRIDIS.length - 1);
  const below = Math.min(Math.floor(at), VIRIDIS.length - 2);
  return VIRIDIS[below].map((channel, index) =>
    Math.round(channel + (at - below) * (VIRIDIS[below + 1][index] - channel)));
}
export const colour = (value) => `rgb(${rgb(value).join(" ")})`;

export function colourBar() {
  const stops = VIRIDIS.map((_, step) => colour(step / (VIRIDIS.length - 1))).join(", ");
  const bar = node("div", { class: "tvae-bar" });
  bar.style.background = `linear-gradient(to right, ${stops})`;
  return bar;
}

// What a cell without a value is filled with.
export const hatchOf = (id) => node("defs", {}, node("pattern", {
  id, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)",
}, node("rect", { width: 6, height: 6, class: "tvae-void" }),
node("line", { y2: 6, class: "tvae-hatch" })));
