// The front end of SettlingExplorer.
import { meanOf, node, number, unpack } from "tutorial_vae/explorer/controls.js";
import { chart, dots, doubling, even, line, places, ranges } from "tutorial_vae/explorer/chart.js";
import { explorer, legend } from "tutorial_vae/explorer/view.js";

const RAW = { name: "CKA with the end", y: even(0, 1, [0, 0.5, 1]) };
const DONE = { name: "progress since the start", y: even(-1, 1, [-1, 0, 1]) };

const progress = (value, first) => (value - first) / (1 - first);

export default explorer("settling", ({ data: { values, parts }, now, valuesOf }) => {
  const [steps, layers] = [valuesOf("step"), valuesOf("layer")];
  const read = Object.fromEntries(Object.entries(values).map(([name, each]) => [name, unpack(each)]));
  const partOf = (layer) => parts[layers.indexOf(layer)];
  const groups = ["encoder", "decoder"].map((name) => [name, layers.findIndex((layer) => layer.startsWith(`${name}.`)),
    layers.findLastIndex((layer) => layer.startsWith(`${name}.`))]).filter(([, first]) => first >= 0);
  const named = places(layers.map((layer) => layer.replace(/^(encoder|decoder)\./, "")), { parts, turned: -60, groups });

  // The mean over seeds at a step and layer, with the lowest and the highest seed.
  function summary(kind, step, layer) {
    const { at, shape: [seeds] } = read[now().images];
    const each = (s) => Array.from({ length: seeds }, (_, seed) => at(seed, steps.indexOf(s), layers.indexOf(layer)));
    const [here, first] = [each(step), each(steps[0])];
    const all = kind === RAW ? here
      : here.map((value, seed) => progress(value, first[seed])).filter((value) => !Number.isNaN(value));
    const y = kind === RAW ? meanOf(here) : progress(meanOf(here), meanOf(first));
    return { y, low: Math.min(...all), high: Math.max(...all), part: partOf(layer) };
  }

  function drawing(kind, along, width) {
    const { step, layer } = now();
    const [names, x, here] = along === "layers" ? [layers, named, layers.indexOf(layer)] : [steps, doubling(steps, { unit: 3 }), step];
    const pointsAt = (of, at) => names.map((name, i) => (along === "layers" ? { x: i, ...summary(of, at ?? step, name) }
      : { x: name, ...summary(of, at ?? name, layer) }));
    const points = pointsAt(kind);
    const about = along === "layers" ? `each layer at step ${step}` : `${layer} at each step`;
    return chart({ width, x, y: kind.y, here, nameless: kind === RAW,
      label: `${kind.name} of ${about}, mean over seeds: ${points.map(({ y }, i) => `${names[i]} ${number(y)}`).join(", ")}.`,
      marks: [...(kind === RAW ? [line(pointsAt(RAW, steps[0]), "tvae-start")] : []),
        ...(along === "steps" ? [line(points, `tvae-${partOf(layer)}`)] : []),
        ranges(points), dots(points, (point) => point.x === here)] });
  }

  function reading() {
    const { images, step, layer } = now();
    const [raw, done] = [RAW, DONE].map((kind) => summary(kind, step, layer));
    const spread = ({ low, high }) => ` (${number(low)} to ${number(high)})`;
    const tail = Number.isNaN(done.y) ? ": it had nowhere to go"
      : `${spread(done)} of the way from its untrained ${number(summary(RAW, steps[0], layer).y)}`;
    return [`${images}, step ${step}, ${layer}: CKA with the end ${number(raw.y)}${spread(raw)}; progress `, number(done.y), `${tail}.`];
  }

  const figure = (along, title) => ({ title, draw: (width) => [RAW, DONE].flatMap((kind) =>
    [node("p", { class: "tvae-caption-line" }, kind.name), drawing(kind, along, width)]) });
  const look = (layer) => `tvae-layer tvae-${partOf(layer)}`;
  return {
    reading,
    controls: { step: { say: (step) => `step ${step}` }, layer: { look } },
    figures: [
      figure("layers", () => ["All layers at ", node("strong", {}, `step ${now().step}`)]),
      figure("steps", () => [node("strong", { class: look(now().layer) }, now().layer), " at all steps"])],
    below: [legend(
      [[node("line", { x1: 14, x2: 14, y1: 0, y2: 14, class: "tvae-range tvae-other" }),
        node("circle", { cx: 14, cy: 7, r: 4, class: "tvae-dot tvae-other" })], "mean, lowest to highest seed"],
      [[node("line", { x1: 0, x2: 28, y1: 7, y2: 7, class: "tvae-curve tvae-start" })], "untrained, step 0"],
      [[node("path", { d: "M9 3L19 3L14 11Z", class: "tvae-dot tvae-other" })], "off the scale"])],
  };
});
