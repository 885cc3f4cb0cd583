// The front end of TraversalExplorer, after the text of controls.js. Notebooks run it through
// anywidget; pages without a kernel run the same text from the stored state.
import {
  buttonOf, chooserOf, clamp, decodeBytes, field, freshId, greyImage, keepPainted, node, number,
  readingLine, sliderOf,
} from "tutorial_vae/explorer/controls.js";

const STRIP = [-3, -2, -1, 0, 1, 2, 3];
const SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉";
const nameOf = (dimension) =>
  `z${[...String(dimension + 1)].map((digit) => SUBSCRIPTS[digit]).join("")}`;

const weightsOf = ({ levels, low, step }) =>
  Float64Array.from(decodeBytes(levels), (level) => low + step * level);

// One layer: as many sums as there are biases.
function sums(input, weights, biases) {
  return biases.map((bias, unit) => {
    let sum = bias;
    for (let i = 0; i < input.length; i += 1) sum += weights[unit * input.length + i] * input[i];
    return sum;
  });
}

// From a code to grey levels between 0 and 255.
function decoderOf({ layers }) {
  const [hidden, pixels] = layers.map(({ weights, biases }) =>
    [weightsOf(weights), weightsOf(biases)]);
  return (code) => {
    const units = sums(code, ...hidden).map((value) => Math.max(0, value));
    return sums(units, ...pixels).map((logit) => 255 / (1 + Math.exp(-logit)));
  };
}

// A standard normal number, by the method of Box and Muller.
const draw = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

function render({ model, el }) {
  const { models, height, width, reach, collapsed, labels, examples } = model.get("data");
  const id = freshId();
  const decoders = new Map();
  const chosen = () => models.find(({ beta }) => beta === model.get("beta"));
  const decode = (code) => {
    const now = chosen();
    if (!decoders.has(now)) decoders.set(now, decoderOf(now));
    return decoders.get(now)(code);
  };
  const dimensions = models[0].kl.map((_, dimension) => dimension);
  const originals = decodeBytes(examples);
  const originalOf = (example) =>
    originals.subarray(example * height * width, (example + 1) * height * width);
  const named = (example) =>
    `example ${example + 1}${labels[example] ? `, of class ${labels[example]}` : ""}`;
  let followed = 0; // the dimension that was moved last

  const choose = chooserOf(model);
  const canvasOf = (name, attributes = {}) =>
    node("canvas", { class: name, width, height, role: "img", ...attributes });
  const paintOn = (canvas, levels) =>
    canvas.getContext("2d").putImageData(greyImage(levels.map(Math.round), width, height), 0, 0);

  const beta = sliderOf(`${id}-beta`, { max: models.length - 1 }, (at) => {
    const next = models[at];
    const example = model.get("example");
    // The same image stays in view: its code in the new model.
    choose(example < 0 ? { beta: next.beta } : { code: next.codes[example], beta: next.beta });
  });

  const toMean = buttonOf("prior mean",
    () => choose({ example: -1, code: dimensions.map(() => 0) }));
  const fromPrior = buttonOf("draw from the prior", () => choose({
    example: -1, code: dimensions.map(() => clamp(Math.round(100 * draw()) / 100, -reach, reach)),
  }));
  const pickers = labels.map((_, example) => {
    const picture = canvasOf("tvae-thumb", { "aria-hidden": "true" });
    paintOn(picture, originalOf(example));
    return buttonOf(picture, () => choose({ example, code: chosen().codes[example] }),
      { class: "tvae-button tvae-picker", "aria-label": `go to the code of ${named(example)}` });
  });
  const controls = node("div", { class: "tvae-controls" },
    field(beta.slider, "weight of the KL in training, β", beta.output));
  const buttons = node("div", { class: "tvae-buttons" },
    node("span", {}, "Go to"), toMean, fromPrior,
    node("span", { class: "tvae-of" }, "or the code of"), ...pickers);
  const reading = readingLine();

  const rows = dimensions.map((dimension) => {
    const { slider, output, show } = sliderOf(`${id}-${dimension}`,
      { min: -reach, max: reach, step: 0.1 }, (value) => {
        const code = [...model.get("code")];
        code[dimension] = value;
        followed = dimension;
        choose({ code });
      });
    const nats = node("span", { class: "tvae-nats" });
    const fill = node("div", { class: "tvae-fill" });
    slider.addEventListener("focus", () => {
      followed = dimension;
      paint();
    });
    const box = node("div", { class: "tvae-dimension" },
      node("div", { class: "tvae-caption" }, node("label", { for: slider.id }, nameOf(dimension)),
        output, nats),
      slider, node("div", { class: "tvae-track", "aria-hidden": "true" }, fill));
    return { show, nats, fill, box };
  });

  const picture = canvasOf("tvae-picture");
  const heading = node("p", { class: "tvae-heading" });
  const original = canvasOf("tvae-original");
  const originalNote = node("p", { class: "tvae-note" });
  const beside = node("div", { class: "tvae-beside" }, original, originalNote);
  const stripHeading = node("p", { class: "tvae-heading" });
  const strip = STRIP.map((value) => {
    const canvas = canvasOf("tvae-frame");
    return { value, canvas,
      box: node("div", {}, canvas, node("span", { "aria-hidden": "true" }, number(value, 0))) };
  });

  function sentence(code, levels) {
    const { beta: weight, kl } = chosen();
    const alive = kl.filter((nats) => nats >= collapsed).length;
    const without = [...code];
    without[followed] = 0;
    const plain = decode(without);
    const change = levels.reduce((sum, level, pixel) => sum + Math.abs(level - plain[pixel]), 0)
      / levels.length;
    const all = kl.reduce((sum, nats) => sum + nats, 0);
    const name = nameOf(followed);
    const place = code[followed] === 0 ? ""
      : ` ${name} at ${number(code[followed])} instead of 0 changes a pixel by ` +
        `${number(change, 1)} of 255 grey levels.`;
    return [`β = ${weight}: `, `${alive} of ${kl.length} dimensions alive`,
      `, ${number(all, 1)} nats in all.${place}`];
  }

  function paint() {
    const { beta: weight, kl } = chosen();
    const code = model.get("code");
    const example = model.get("example");
    const levels = decode(code);
    beta.show(models.indexOf(chosen()), weight, `β = ${weight}`);
    const most = Math.max(...models.flatMap((each) => each.kl));
    rows.forEach(({ show, nats, fill, box }, dimension) => {
      const dead = kl[dimension] < collapsed;
      const state = `${number(kl[dimension])} nats${dead ? ", collapsed" : ""}`;
      show(code[dimension], number(code[dimension]), `${number(code[dimension])}; ${state}`);
      nats.textContent = state;
      fill.style.width = `${(100 * kl[dimension]) / most}%`;
      box.classList.toggle("tvae-collapsed", dead);
      box.classList.toggle("tvae-followed", dimension === followed);
    });
    pickers.forEach((picker, index) => picker.setAttribute("aria-pressed", index === example));
    paintOn(picture, levels);
    const from = example < 0 ? "" : ` after example ${example + 1}`;
    picture.setAttribute("aria-label", `Picture decoded at the sliders' code${from}, β = ${weight}`);
    heading.textContent = "decoded here, in your browser";
    beside.style.visibility = example < 0 ? "hidden" : "visible";
    if (example >= 0) {
      paintOn(original, originalOf(example));
      original.setAttribute("aria-label", `The unseen image of ${named(example)}`);
      originalNote.textContent = "the unseen image";
    }
    const name = nameOf(followed);
    stripHeading.textContent = `${name} from −3 to 3, the others as they stand`;
    strip.forEach(({ value, canvas }) => {
      const moved = [...code];
      moved[followed] = value;
      paintOn(canvas, decode(moved));
      canvas.setAttribute("aria-label", `Picture with ${name} at ${number(value, 0)}`);
    });
    reading.say(...sentence(code, levels));
  }

  el.replaceChildren(node("div", { class: "tvae-explorer tvae-traversal" }, controls, buttons,
    reading.line, node("div", { class: "tvae-figures" },
      node("div", { class: "tvae-figure tvae-dimensions" }, ...rows.map(({ box }) => box)),
      node("div", { class: "tvae-figure tvae-seen" }, heading,
        node("div", { class: "tvae-pictures" }, picture, beside), stripHeading,
        node("div", { class: "tvae-strip" }, ...strip.map(({ box }) => box))))));
  return keepPainted(model, ["beta", "code", "example"], paint, controls);
}

export default { render };
