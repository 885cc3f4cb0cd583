// The front end of GalleryExplorer, after the text of controls.js. Notebooks run it through anywidget;
// pages without a kernel run the same text from the stored state.
import {
  buttonOf, chooserOf, field, freshId, keepPainted, meanOf, menuOf, node, number, readingLine,
  text,
} from "tutorial_vae/explorer/controls.js";

const LINE = 38; // height of a row of marks, pixels
const VERDICTS = { right: "\u2713 right", wrong: "\u2717 wrong", declined: "\u2013 no answer" };
const shown = (value) => number(value, Math.abs(value) >= 9.95 ? 0 : 2);
const signed = (value, decimals) => {
  const figure = number(value, decimals);
  return value > 0 && Number(value.toFixed(decimals)) !== 0 ? `+${figure}` : figure;
};

// Rows under each other, each with its name and number above a line that carries its marks. A row has
// values of others, its own, and what separates two answers.
function drawLines(svg, width, rows) {
  const [left, right] = [8, 8];
  const drawing = rows.flatMap(({ name, own, others, line, range: [low, high], said, shape }, index) => {
    const y = index * LINE + 28;
    const x = (value) => left + ((value - low) / (high - low || 1)) * (width - left - right);
    return [
      text(name, 0, y - 14, { class: "tvae-name" }),
      text(said, width, y - 14, { "text-anchor": "end", class: "tvae-strong" }),
      node("line", { x1: 0, x2: width, y1: y, y2: y, class: "tvae-ground" }),
      ...(line === null ? [] : [node("line", { x1: x(line), x2: x(line), y1: y - 9, y2: y + 9, class: "tvae-zero" })]),
      ...others.map((value) => node("line", { x1: x(value), x2: x(value), y1: y - 5, y2: y + 5, class: "tvae-other-mark" })),
      ...own.map((value) => (shape === "diamond"
        ? node("path", { d: `M${x(value)} ${y - 7}l7 7l-7 7l-7 -7Z`, class: "tvae-own-mark" })
        : node("circle", { cx: x(value), cy: y, r: 5, class: "tvae-seed-mark" }))),
    ];
  });
  svg.setAttribute("width", width);
  svg.setAttribute("height", rows.length * LINE + 4);
  svg.replaceChildren(...drawing);
}

function render({ model, el }) {
  const { cards, questions, strips, declined } = model.get("data");
  const id = freshId();
  const choose = chooserOf(model);
  const now = () => cards[model.get("card")];
  const title = ({ source, target }) => `${source} \u2192 ${target}`;
  const isRevealed = (at = model.get("card")) => model.get("revealed").includes(at);
  const guessOf = (at, name) => model.get("guesses")[String(at)]?.[name] ?? declined;
  const go = (at) => choose({ card: (at + cards.length) % cards.length });

  // Which card.
  const cardMenu = menuOf(`${id}-card`, cards.map(title), (name) => go(cards.map(title).indexOf(name)));
  const previous = buttonOf("Previous", () => go(model.get("card") - 1));
  const next = buttonOf("Next", () => go(model.get("card") + 1));
  const controls = node("div", { class: "tvae-controls" }, field(cardMenu, "card, source \u2192 target"),
    node("div", { class: "tvae-buttons" }, previous, next));
  const reading = readingLine();

  // Pictures and evidence.
  const pictures = [0, 1].map(() => node("img", { alt: "" }));
  const pictureBox = node("div", { class: "tvae-strips", role: "img" }, ...pictures);
  const pictureNote = node("p", { class: "tvae-note" });
  const evidence = node("svg", { role: "img" });
  const evidenceBox = node("div", { class: "tvae-figure" },
    node("h3", { class: "tvae-title" }, "The evidence, before any transfer"), evidence,
    node("p", { class: "tvae-note" }, "Diamond: this source. Ticks: the other sources, for the same target. " +
      "Long line: no better than the control. Further right is more."));
  const pictureFigure = node("div", { class: "tvae-figure" },
    node("h3", { class: "tvae-title" }, "What the source makes of the target"), pictureBox, pictureNote);

  // Questions.
  const asked = questions.map(({ name, text: words, choices }) => {
    const menu = menuOf(`${id}-${name}`, choices, (choice) => {
      const at = String(model.get("card"));
      const guesses = model.get("guesses");
      choose({ guesses: { ...guesses, [at]: { ...guesses[at], [name]: choice } } });
    });
    const chart = node("svg", { role: "img" });
    const lines = node("p", { class: "tvae-outcome" });
    const outcome = node("div", { hidden: "" }, lines, chart);
    return { name, menu, chart, lines, outcome,
      box: node("div", { class: "tvae-question" }, field(menu, words), outcome) };
  });
  const reveal = buttonOf("", () => {
    if (isRevealed()) go(model.get("card") + 1);
    else choose({ revealed: [...model.get("revealed"), model.get("card")] });
  });
  const again = buttonOf("Start again", () => {
    choose({ guesses: {}, revealed: [] });
    reveal.focus(); // this button is gone
  });
  const tally = node("table", { class: "tvae-tally" });

  const judged = (answer, outcome) => (answer === declined ? "declined" : answer === outcome ? "right" : "wrong");

  // Each answer with its place: of the reader, of the card, and of somebody who never looks.
  const players = [["you", guessOf],
    ["the cards", (at, name) => cards[at].answers[name]],
    [`always \u201c${questions.map(({ always }) => always).join(", ")}\u201d`,
      (_, name) => questions.find((question) => question.name === name).always]];
  function countOf(answerOf, of) {
    const counts = { right: 0, wrong: 0, declined: 0 };
    of.forEach((at) => questions.forEach(({ name }) => {
      counts[judged(answerOf(at, name), cards[at].outcomes[name])] += 1;
    }));
    return counts;
  }

  const rangeOf = (values) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return [low - 0.04 * (high - low || 1), high + 0.04 * (high - low || 1)];
  };
  const gainRanges = Object.fromEntries(questions.map(({ name }) => [name,
    rangeOf([0, ...cards.flatMap(({ gains }) => gains[name].flatMap(([, values]) => values))])]));

  function drawEvidence(width) {
    const { marks, source, target } = now();
    drawLines(evidence, width, marks.map(({ name, value, others, line }) => ({ name, own: [value], others, line,
      range: rangeOf([value, ...others, ...(line === null ? [] : [line])]), said: shown(value), shape: "diamond" })));
    evidence.setAttribute("aria-label", `Evidence, from ${source} to ${target}: ${marks.map(({ name, value, others }) =>
      `${name} ${shown(value)}, the ${ordinal(1 + others.filter((other) => other > value).length)} highest of ` +
      `${others.length + 1} sources`).join("; ")}.`);
  }

  const ordinal = (place) => ["", "1st", "2nd", "3rd"][place] ?? `${place}th`;

  function drawOutcome({ name, chart, lines }, width) {
    const { measure, decimals } = questions.find((question) => question.name === name);
    const { gains, outcomes, answers } = now();
    const [guess, said] = [guessOf(model.get("card"), name), answers[name]];
    lines.replaceChildren(node("strong", {}, `Right was: ${outcomes[name]}.`),
      ...[["You", guess], ["The card", said]].map(([who, answer]) => {
        const verdict = judged(answer, outcomes[name]);
        return node("span", { class: `tvae-${verdict}` }, `${who}: ${answer}, ${VERDICTS[verdict]}`);
      }));
    drawLines(chart, width, gains[name].map(([tried, values]) => ({ name: tried, own: values, others: [], line: 0,
      range: gainRanges[name], said: signed(meanOf(values), decimals), shape: "circle" })));
    chart.setAttribute("aria-label", `${measure}: ${gains[name].map(([tried, values]) => `${tried} ` +
      `${signed(meanOf(values), decimals)}, seeds ${values.map((value) => signed(value, decimals)).join(", ")}`).join("; ")}.`);
    chart.nextSibling?.remove();
    chart.after(node("p", { class: "tvae-note" }, `${measure}. One dot a seed; the long line is 0.`));
  }

  function drawTally() {
    const of = model.get("revealed");
    const row = (tag, cells) => node("tr", {}, ...cells.map((cell, column) =>
      (tag === "th" || column === 0 ? node("th", { scope: tag === "th" ? "col" : "row" }, String(cell)) : node("td", {}, String(cell)))));
    tally.replaceChildren(node("caption", {}, `Answers on the ${of.length === 1 ? "card" : `${of.length} cards`} revealed so far`),
      node("thead", {}, row("th", ["who", "right", "wrong", "no answer"])),
      node("tbody", {}, ...players.map(([who, answerOf]) => {
        const { right, wrong, declined: none } = countOf(answerOf, of);
        return row("td", [who, right, wrong, none]);
      })));
  }

  function say() {
    const at = model.get("card");
    const pair = `Card ${at + 1} of ${cards.length}, ${title(now())}: `;
    if (!isRevealed()) {
      reading.say(pair, "what do you expect?", " Look, choose your answers, then reveal.");
      return;
    }
    const [you, card] = players.map(([, answerOf]) => countOf(answerOf, [at]).right);
    reading.say(pair, `you were right on ${you} of ${questions.length}`, `, the card on ${card}.`);
  }

  function paint() {
    const at = model.get("card");
    const [card, open] = [now(), isRevealed()];
    cardMenu.value = title(card);
    pictures.forEach((img, row) => { img.src = `data:image/png;base64,${strips[card.pictures[row]]}`; });
    pictureBox.setAttribute("aria-label", `${card.count} unseen images of ${card.target}, and below each what the VAE of ` +
      `${card.source} makes of it`);
    pictureNote.textContent = `Above: unseen images of ${card.target}. Below: the same, through the VAE of ${card.source} as it is.`;
    drawEvidence(evidenceBox.clientWidth || 320);
    for (const each of asked) {
      each.menu.value = guessOf(at, each.name);
      each.menu.disabled = open;
      each.outcome.hidden = !open;
      if (open) drawOutcome(each, each.box.clientWidth || 320);
    }
    reveal.textContent = open ? "Next card" : "Reveal what happened";
    again.hidden = tally.hidden = !model.get("revealed").length;
    drawTally();
    say();
  }

  const figures = node("div", { class: "tvae-figures" }, pictureFigure, evidenceBox);
  el.replaceChildren(node("div", { class: "tvae-explorer tvae-gallery" }, controls, reading.line, figures,
    node("div", { class: "tvae-questions" }, ...asked.map(({ box }) => box)),
    node("div", { class: "tvae-buttons" }, reveal, again), tally));
  return keepPainted(model, ["card", "guesses", "revealed"], paint, figures);
}

export default { render };
