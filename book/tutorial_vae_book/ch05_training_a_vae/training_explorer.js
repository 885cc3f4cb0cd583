// The front end of TrainingExplorer.
import { node, number, placeOf, text } from "tutorial_vae/explorer/controls.js";
import { chart, doubling, even, line } from "tutorial_vae/explorer/chart.js";
import { strip, unpackPictures } from "tutorial_vae/explorer/pictures.js";
import { explorer, legend, note } from "tutorial_vae/explorer/view.js";

const MOST_KL = 400;

// Ordinary numbers with one decimal, very large ones as a power of ten.
function inNats(value) {
  if (Math.abs(value) < 99_999.5) return number(value, 1);
  const power = Math.floor(Math.log10(Math.abs(value)));
  const raised = [...String(power)].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("");
  return `${number(value / 10 ** power, 1)} × 10${raised}`;
}

export default explorer("training", ({ data: { originals, runs }, now, valuesOf }) => {
  const steps = valuesOf("step");
  const [count, height, width] = originals.shape;
  const unseen = unpackPictures(originals);
  const [healthy, ...others] = runs.map((run) => ({ ...run,
    reconstructions: unpackPictures(run.reconstructions), samples: unpackPictures(run.samples) }));
  const chosen = () => others.find(({ name }) => name === now().run);
  const lastOf = (run) => run.elbo.length - 1;
  const lookAt = (run) => Math.min(steps.indexOf(now().step), lastOf(run));

  const lowest = 2 * Math.min(...healthy.elbo);
  const x = doubling(steps, { ticks: [0, 1, 10, 100, 1000, 10_000].filter((step) => step <= steps.at(-1)), edge: 0 });
  const nats = even(lowest, Math.max(0, ...healthy.elbo), [0, -100, -200, -300].filter((tick) => tick >= lowest), (tick) => number(tick, 0));
  const squeezed = { ...even(0, MOST_KL, [0, 1, 10, 100], String), place: (kl) => placeOf(kl) / placeOf(MOST_KL) };

  function drawing(curves, y, room, across) {
    const run = chosen();
    const control = curves.at(-1);
    const pointsOf = (values) => values.map((value, i) => ({ x: steps[i], y: value }));
    const said = curves.map((name) => `${name === "told" ? "its own objective ends at"
      : `its ${name === "kl" ? "KL" : "ELBO"} on unseen images ends at`} ${inNats(run[name].at(-1))}`);
    const end = (frame) => (lastOf(run) === steps.length - 1 ? [] : [text("✕", frame.x(steps[lastOf(run)]),
      frame.y(Math.min(frame.high, Math.max(frame.low, run[control].at(-1)))), { class: "tvae-end", "text-anchor": "middle", "dominant-baseline": "central" })]);
    return chart({ width: across, height: room, left: 40, x, y, here: now().step,
      label: `Curves of ${run.name} over training steps: ${said.join(", ")} nats per image; that of the ${healthy.name} run at ${inNats(healthy[control].at(-1))}.`,
      marks: [line(pointsOf(healthy[control]), "tvae-healthy"),
        ...curves.map((name) => line(pointsOf(run[name]), name === "told" ? "tvae-told" : "tvae-broken")), end] });
  }

  const row = (label, picture, look = "") => [node("p", { class: `tvae-heading ${look}` }, label),
    strip(Array.from({ length: count }, (_, i) => picture(i)), height, width, `${count} pictures, ${label}, at step ${now().step}`, "tvae-row")];
  const rowsOf = (kind, words) => [healthy, chosen()].flatMap((run) =>
    row(`${run.name}: ${words}`, (i) => run[kind](lookAt(run) * count + i), run === healthy ? "" : "tvae-of-broken"));

  function reading() {
    const run = chosen();
    const at = lookAt(run);
    const gap = run.elbo[at] - healthy.elbo[at];
    const about = at < steps.indexOf(now().step) ? `: diverged after step ${steps[at]}` : `, step ${now().step}`;
    return [`${run.name}${about}. It is told ${inNats(run.told[at])} nats; on unseen images its ELBO is ${inNats(run.elbo[at])} and its KL ` +
      `${inNats(run.kl[at])}, so the ELBO is `, `${inNats(Math.abs(gap))} nats ${gap < 0 ? "below" : "above"}`, ` that of the ${healthy.name} run.`];
  }

  const key = (look, label) => [[node("line", { x1: 0, x2: 28, y1: 7, y2: 7, class: `tvae-curve tvae-${look}` })], label];
  const told = note();
  return {
    reading,
    controls: { step: { say: (step) => `step ${step}` } },
    beside: [told],
    painted: () => { told.textContent = chosen().note; },
    figures: [
      { draw: (across) => [node("p", { class: "tvae-heading" }, "ELBO and objective, nats per image"), drawing(["told", "elbo"], nats, 178, across),
        node("p", { class: "tvae-heading" }, "KL, nats per image"), drawing(["kl"], squeezed, 118, across)],
      after: [legend(key("broken", "broken run, unseen images"), key("told", "what it is told"), key("healthy", `${healthy.name} run, unseen images`))] },
      { draw: () => [...row("unseen images", unseen), ...rowsOf("reconstructions", "reconstructed"), ...rowsOf("samples", "from the prior")] }],
  };
});
