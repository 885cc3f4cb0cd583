// The front end of GalleryExplorer.
import { buttonOf, field, meanOf, menuOf, node, number, signed, text } from "tutorial_vae/explorer/controls.js";
import { markOf } from "tutorial_vae/explorer/chart.js";
import { explorer, note, tableOf } from "tutorial_vae/explorer/view.js";

const LINE = 38; // height of a row of marks, pixels
const VERDICTS = { right: "\u2713 right", wrong: "\u2717 wrong", declined: "\u2013 no answer" };
const shown = (value) => number(value, Math.abs(value) >= 9.95 ? 0 : 2);
const ordinal = (place) => ["", "1st", "2nd", "3rd"][place] ?? `${place}th`;
const withRoomAround = (values) => {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return [low - 0.04 * (high - low || 1), high + 0.04 * (high - low || 1)];
};

// Rows under each other, each with its name and number above a line that carries its marks. A row has
// values of others, its own, and what separates two answers.
function drawLines(width, label, lines) {
  const [left, right] = [8, 8];
  const drawing = lines.flatMap(({ name, own, others, line, range: [low, high], said, shape }, index) => {
    const y = index * LINE + 28;
    const x = (value) => left + ((value - low) / (high - low || 1)) * (width - left - right);
    return [
      text(name, 0, y - 14, { class: "tvae-name" }),
      text(said, width, y - 14, { "text-anchor": "end", class: "tvae-strong" }),
      node("line", { x1: 0, x2: width, y1: y, y2: y, class: "tvae-ground" }),
      ...(line === null ? [] : [node("line", { x1: x(line), x2: x(line), y1: y - 9, y2: y + 9, class: "tvae-zero" })]),
      ...others.map((value) => node("line", { x1: x(value), x2: x(value), y1: y - 5, y2: y + 5, class: "tvae-other-mark" })),
      ...own.map((value) => markOf(shape, x(value), y, 5, { class: `tvae-${shape}-mark` })),
    ];
  });
  return node("svg", { class: "tvae-chart", role: "img", "aria-label": label, width, height: lines.length * LINE + 4 }, ...drawing);
}

export default explorer("gallery", ({ data: { cards, questions, strips, declined }, model, now, choose, id }) => {
  const at = () => now().card;
  const title = (card) => `${cards[card].source} \u2192 ${cards[card].target}`;
  const isRevealed = () => model.get("revealed").includes(at());
  const guessOf = (card, name) => model.get("guesses")[String(card)]?.[name] ?? declined;
  const go = (step) => choose({ card: (at() + step + cards.length) % cards.length });

  const judged = (answer, outcome) => (answer === declined ? "declined" : answer === outcome ? "right" : "wrong");
  // Each answer with its place: of the reader, of the card, and of somebody who never looks.
  const players = [["you", guessOf], ["the cards", (card, name) => cards[card].answers[name]],
    [`always \u201c${questions.map(({ always }) => always).join(", ")}\u201d`,
      (_, name) => questions.find((question) => question.name === name).always]];
  const countOf = (answerOf, of, verdict) => of.flatMap((card) => questions.filter(({ name }) =>
    judged(answerOf(card, name), cards[card].outcomes[name]) === verdict)).length;

  const pictures = [0, 1].map(() => node("img", { alt: "" }));
  const pictureBox = node("div", { class: "tvae-strips", role: "img" }, ...pictures);
  const pictureNote = note();
  function drawPictures() {
    const { pictures: places, count, source, target } = cards[at()];
    pictures.forEach((img, row) => { img.src = `data:image/png;base64,${strips[places[row]]}`; });
    pictureBox.setAttribute("aria-label", `${count} unseen images of ${target}, and below each what the VAE of ${source} makes of it`);
    pictureNote.textContent = `Above: unseen images of ${target}. Below: the same, through the VAE of ${source} as it is.`;
    return [pictureBox, pictureNote];
  }

  function drawEvidence(width) {
    const { marks, source, target } = cards[at()];
    return drawLines(width, `Evidence, from ${source} to ${target}: ${marks.map(({ name, value, others }) =>
      `${name} ${shown(value)}, the ${ordinal(1 + others.filter((other) => other > value).length)} highest of ${others.length + 1} sources`).join("; ")}.`,
    marks.map(({ name, value, others, line }) => ({ name, own: [value], others, line, said: shown(value), shape: "diamond",
      range: withRoomAround([value, ...others, ...(line === null ? [] : [line])]) })));
  }

  const gainRanges = Object.fromEntries(questions.map(({ name }) => [name,
    withRoomAround([0, ...cards.flatMap(({ gains }) => gains[name].flatMap(([, values]) => values))])]));
  function outcomeOf({ name, measure, decimals }, width) {
    const { gains, outcomes, answers } = cards[at()];
    const said = (values) => signed(meanOf(values), decimals);
    return [node("p", { class: "tvae-outcome" }, node("strong", {}, `Right was: ${outcomes[name]}.`),
      ...[["You", guessOf(at(), name)], ["The card", answers[name]]].map(([who, answer]) => {
        const verdict = judged(answer, outcomes[name]);
        return node("span", { class: `tvae-${verdict}` }, `${who}: ${answer}, ${VERDICTS[verdict]}`);
      })),
    drawLines(width, `${measure}: ${gains[name].map(([tried, values]) => `${tried} ${said(values)}, seeds ${
      values.map((value) => signed(value, decimals)).join(", ")}`).join("; ")}.`,
    gains[name].map(([tried, values]) => ({ name: tried, own: values, others: [], line: 0, range: gainRanges[name], said: said(values), shape: "circle" }))),
    note(`${measure}. One dot a seed; the long line is 0.`)];
  }

  const asked = questions.map((question) => {
    const { name, text: words, choices } = question;
    const menu = menuOf(`${id}-${name}`, choices, (choice) => {
      const [card, guesses] = [String(at()), model.get("guesses")];
      choose({ guesses: { ...guesses, [card]: { ...guesses[card], [name]: choice } } });
    });
    const outcome = node("div", {});
    return { question, menu, outcome, box: node("div", { class: "tvae-question" }, field(menu, words), outcome) };
  });
  const reveal = buttonOf("", () => (isRevealed() ? go(1) : choose({ revealed: [...model.get("revealed"), at()] })));
  const again = buttonOf("Start again", () => {
    choose({ guesses: {}, revealed: [] });
    reveal.focus(); // this button is gone
  });
  const tally = node("div", { class: "tvae-tally" });

  function painted() {
    const [open, of] = [isRevealed(), model.get("revealed")];
    for (const { question, menu, outcome, box } of asked) {
      menu.value = guessOf(at(), question.name);
      menu.disabled = open;
      outcome.replaceChildren(...(open ? outcomeOf(question, box.clientWidth || 320) : []));
    }
    reveal.textContent = open ? "Next card" : "Reveal what happened";
    again.hidden = tally.hidden = !of.length;
    tally.replaceChildren(tableOf(["who", "right", "wrong", "no answer"], players.map(([who, answerOf]) => ({
      cells: [who, ...Object.keys(VERDICTS).map((verdict) => countOf(answerOf, of, verdict))] })),
    `Answers on the ${of.length === 1 ? "card" : `${of.length} cards`} revealed so far`));
  }

  function reading() {
    const pair = `Card ${at() + 1} of ${cards.length}, ${title(at())}: `;
    if (!isRevealed()) return [pair, "what do you expect?", " Look, choose your answers, then reveal."];
    const [you, card] = players.map(([, answerOf]) => countOf(answerOf, [at()], "right"));
    return [pair, `you were right on ${you} of ${questions.length}`, `, the card on ${card}.`];
  }

  return {
    reading, painted,
    traits: ["guesses", "revealed"],
    controls: { card: { title } },
    beside: [node("div", { class: "tvae-buttons" }, buttonOf("Previous", () => go(-1)), buttonOf("Next", () => go(1)))],
    figures: [
      { title: () => "What the source makes of the target", draw: drawPictures },
      { title: () => "The evidence, before any transfer", draw: drawEvidence,
        after: [note("Diamond: this source. Ticks: the other sources, for the same target. Long line: no better than the control. Further right is more.")] }],
    below: [node("div", { class: "tvae-questions" }, ...asked.map(({ box }) => box)), node("div", { class: "tvae-buttons" }, reveal, again), tally],
  };
});
