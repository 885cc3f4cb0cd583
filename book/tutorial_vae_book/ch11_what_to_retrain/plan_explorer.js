// The front end of PlanExplorer.
import { node, number, signed, spreadOf, text, unpack } from "tutorial_vae/explorer/controls.js";
import { hatchOf, part, shortName } from "tutorial_vae/explorer/layers.js";
import { even, rows, squeezed } from "tutorial_vae/explorer/chart.js";
import { explorer, legend, note } from "tutorial_vae/explorer/view.js";

const SCRATCH = "scratch";

// The longest name has no room beside a chart; the menu has it in full.
const SHOWN = { "heads-and-first-decoder-layer": "heads + 1st decoder", pca: "PCA" };
const brief = (name) => SHOWN[name] ?? name;

// The network: as high as its layers' place in the hourglass, as dark as what the plan does to them.
function networkOf(layers, { name, states }, width, hatch) {
  const [middle, bottom, step] = [46, 92, width / layers.length];
  const latent = layers.flatMap((layer, i) => (part(layer) === "latent" ? [i] : []));
  const [first, last] = latent.length ? [latent[0], latent.at(-1)] : [0, 0];
  const half = (i) => 16 + Math.min(24, 6 * Math.max(0, first - i, i - last));
  const boxes = layers.flatMap((layer, i) => [
    ...boxOf(states[i], part(layer), { x: i * step + 1.5, width: step - 3, y: middle - half(i), height: 2 * half(i) }, hatch),
    text(shortName(layer), 0, 0, { class: `tvae-${part(layer)}`, "text-anchor": "end", "dominant-baseline": "central",
      transform: `translate(${(i + 0.5) * step} ${bottom + 26}) rotate(-60)` })]);
  // One word below each run of layers that fare alike.
  const starts = states.flatMap((state, i) => (i && states[i - 1] === state ? [] : [i]));
  const words = starts.flatMap((start, run) => {
    const end = starts[run + 1] ?? states.length;
    return [node("path", { class: "tvae-brace", d: `M${start * step + 3} ${bottom - 2}v4H${end * step - 3}v-4` }),
      text(states[start], ((start + end) / 2) * step, bottom + 14, { "text-anchor": "middle", class: "tvae-strong" })];
  });
  return node("svg", { class: "tvae-network tvae-chart", role: "img", width, height: bottom + 74,
    "aria-label": `The network under the plan ${name}: ${layers.map((layer, i) => `${layer} ${states[i]}`).join(", ")}.` },
  hatchOf(hatch), ...boxes, ...words);
}

function boxOf(state, of, box, hatch) {
  const shape = { rx: 3, ...box };
  return [...(state === "frozen" ? [node("rect", { ...shape, fill: `url(#${hatch})` })] : []),
    node("rect", { ...shape, class: `tvae-box tvae-${state} tvae-${of}` }),
    ...(state === "fresh" ? [node("circle", { cx: box.x + box.width / 2, cy: box.y + box.height / 2, r: 4.5, class: "tvae-seed" })] : [])];
}

export default explorer("plans", ({ data, now, choose, valuesOf, id }) => {
  const { layers, plans, baselines, seeds } = data;
  const read = Object.fromEntries(["elbo", "kl", "accuracy", "baseline"].map((name) => [name, unpack(data[name])]));
  const index = (at, name) => valuesOf(name).indexOf(at[name]);
  const each = (measure, ...place) => Array.from({ length: seeds }, (_, seed) => read[measure].at(...place, seed));
  const ofPlan = (at, measure, name) => each(measure, index(at, "target"), index(at, "source"),
    valuesOf("plan").indexOf(name), index(at, "size"));
  const ofBaseline = (at, name) => spreadOf(each("baseline", index(at, "target"), baselines.indexOf(name), index(at, "size")));
  const measured = (at, measure, name) => spreadOf(ofPlan(at, measure, name));
  // The differences to training from scratch, seed by seed.
  const gain = (at, name) => spreadOf(ofPlan(at, "elbo", name).map((value, seed) => value - ofPlan(at, "elbo", SCRATCH)[seed]));

  // One scale for all that may be chosen.
  const every = valuesOf("target").flatMap((target) => valuesOf("source").flatMap((source) => valuesOf("size").flatMap((size) =>
    valuesOf("plan").flatMap((plan) => gain({ target, source, size }, plan) ?? []))));
  const nats = squeezed(Math.min(-10, ...every.map(({ low }) => low)), Math.max(10, ...every.map(({ high }) => high)),
    { say: (tick) => signed(tick, 0) });

  function rowsOf(title, lines, say, options) {
    const { source, size, target, plan } = now();
    const told = lines.map(({ name, spread, aside }) => `${name} ${spread ? say(spread.mean) : "not measured"}${aside ? ` with KL ${aside}` : ""}`);
    return rows({ lines, chosen: plan, choose: (data) => data.plan && choose({ plan: data.plan }), ...options,
      label: `${title} of each plan${lines.length > plans.length ? " and baseline" : ""}, from ${source} to ${size} images of ${target}: ${told.join("; ")}.` });
  }
  const linesOf = (measure) => plans.map(({ name, part: of }) => ({ name, title: brief(name), part: of, spread: measure(name),
    shape: name === SCRATCH ? "diamond" : "circle", pick: { "data-plan": name } }));

  function drawElbo(title, width) {
    const lines = linesOf((name) => gain(now(), name)).map((each) => {
      const kl = measured(now(), "kl", each.name);
      return { ...each, aside: kl ? number(kl.mean, 1) : "" };
    });
    return rowsOf(title, lines, signed, { width, x: nats, column: "KL", look: "tvae-elbo" });
  }

  function drawProbe(title, width) {
    const lines = [...linesOf((name) => measured(now(), "accuracy", name)),
      ...baselines.map((name) => ({ name, title: brief(name), spread: ofBaseline(now(), name), part: "other", shape: "diamond" }))];
    const x = even(0, 1, [0, 0.25, 0.5, 0.75, 1], (tick) => number(tick, tick % 0.5 ? 2 : 1));
    const scratch = measured(now(), "accuracy", SCRATCH);
    if (scratch) x.ticks.push({ at: scratch.mean, name: "", strong: true });
    return rowsOf(title, lines, (value) => number(value), { width, x, look: "tvae-probe" });
  }

  function reading() {
    const at = now();
    const about = `${at.plan}, from ${at.source} to ${at.size} images of ${at.target}: `;
    const range = ({ low, high, seeds: count }, say) => (count > 1 ? ` (${count} seeds: ${say(low)} to ${say(high)})` : "");
    const elbo = gain(at, at.plan);
    if (!elbo) {
      return [about, "not measured", at.source === at.target
        ? ", since a set is no new one for its own VAE. Choose another source." : "."];
    }
    const [kl, accuracy] = ["kl", "accuracy"].map((measure) => measured(at, measure, at.plan));
    const beside = [["scratch", measured(at, "accuracy", SCRATCH)], ...baselines.map((name) => [name, ofBaseline(at, name)])]
      .filter(([, spread]) => spread).map(([name, { mean }]) => `${brief(name)} ${number(mean)}`).join(", ");
    const more = [range(elbo, signed), kl ? `, KL ${number(kl.mean, 1)}` : "",
      accuracy ? `; probe ${number(accuracy.mean)}${range(accuracy, number)}${beside && `, beside ${beside}`}` : ""].join("");
    const { share } = plans.find(({ name }) => name === at.plan);
    return [`${about}ELBO beside scratch `, signed(elbo.mean), ` nats${more}. Trains ${number(100 * share, 1)} % of the weights.`];
  }

  const hatch = `${id}-hatch`;
  const key = (state, label) => [boxOf(state, "other", { x: 1.5, y: 0.5, width: 15, height: 13 }, hatch), label, 18];
  const figure = (title, draw) => ({ title: () => title, draw: (width) => draw(title, width) });
  return {
    reading,
    figures: [
      { wide: true, draw: (width) => networkOf(layers, plans.find(({ name }) => name === now().plan), width, hatch),
        after: [legend(key("frozen", "frozen: inherited, not trained"), key("trained", "inherited and trained"),
          key("fresh", "fresh weights, trained"))] },
      figure("Test ELBO, relative to scratch (nats)", drawElbo), figure("Accuracy of a linear probe", drawProbe)],
    below: [note("Dots are means over seeds, lines reach from the lowest seed to the highest; " +
      "diamonds take nothing from the source. Click a row to choose its plan.")],
  };
});
