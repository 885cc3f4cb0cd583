// The front end of GalleryExplorer.
import { buttonOf, field, meanOf, menuOf, node, number, signed, text } from "tutorial_vae/explorer/controls.js";
import { even, markOf } from "tutorial_vae/explorer/chart.js";
import { explorer, note, tableOf } from "tutorial_vae/explorer/view.js";

const LINE = 38; // height of a row of marks, pixels
const VERDICTS = { right: "\u2713 right", wrong: "\u2717 wrong", declined: "\u2013 no answer" };
const shown = (value) => number(value, Math.abs(value) >= 9.95 ? 0 : 2);
const ordinal = (place) => ["", "1st", "2nd", "3rd"][place] ?? `${place}th`;

// A scale over values with some room at both ends.
function around(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = 0.04 * (high - low || 1);
  return even(low - room, high + room, []);
}

// Rows under each other, each with its name and number above a line that carries its marks. A row has
// values of others, its own, and what separates two answers.
function drawLines(width, label, rows) {
  const row = ({ name, own, others = [], line, scale, said, shape }, index) => {
    const y = index * LINE + 28;
    const x = (value) => 8 + scale.place(value) * (width - 16);
    const bar = (value, half, look) => node("line", { x1: x(value), x2: x(value), y1: y - half, y2: y + half, class: look });
    return [text(name, 0, y - 14), text(said, width, y - 14, { "text-anchor": "end", class: "tvae-strong" }),
      node("line", { x1: 0, x2: width, y1: y, y2: y, class: "tvae-ground" }),
      ...(line === null ? [] : [bar(line, 9, "tvae-zero")]), ...others.map((value) => bar(value, 5, "tvae-other-mark")),
      ...own.map((value) => markOf(shape, x(value), y, 5, { class: shape === "diamond" ? "tvae-own-mark" : "tvae-seed-mark" }))];
  };
  return node("svg", { class: "tvae-chart", role: "img", "aria-label": label, width, height: rows.length * LINE + 4 }, ...rows.flatMap(row));
}

export default explorer("gallery", ({ data: { cards, questions, strips, declined }, model, choose, now, id }) => {
  const at = () => now().card;
  const card = () => cards[at()];
  const title = ({ source, target }) => `${source} \u2192 ${target}`;
  const revealed = () => model.get("revealed");
  const isOpen = () => revealed().includes(at());
  const guessOf = (of, name) => model.get("guesses")[String(of)]?.[name] ?? declined;
  const go = (to) => choose({ card: (to + cards.length) % cards.length });
  const judged = (answer, outcome) => (answer === declined ? "declined" : answer === outcome ? "right" : "wrong");

  // Each answer with its place: of the reader, of the card, and of somebody who never looks.
  const always = Object.fromEntries(questions.map((question) => [question.name, question.always]));
  const players = [["you", guessOf], ["the cards", (of, name) => cards[of].answers[name]],
    [`always \u201c${Object.values(always).join(", ")}\u201d`, (_, name) => always[name]]];
  function countOf(answerOf, of) {
    const counts = { right: 0, wrong: 0, declined: 0 };
    for (const each of of) for (const { name } of questions) counts[judged(answerOf(each, name), cards[each].outcomes[name])] += 1;
    return counts;
  }

  function drawPictures() {
    const { source, target, count, pictures } = card();
    return [node("div", { class: "tvae-strips", role: "img",
      "aria-label": `${count} unseen images of ${target}, and below each what the VAE of ${source} makes of it` },
    ...pictures.map((strip) => node("img", { alt: "", src: `data:image/png;base64,${strips[strip]}` }))),
    note(`Above: unseen images of ${target}. Below: the same, through the VAE of ${source} as it is.`)];
  }

  function drawEvidence(width) {
    const { marks, source, target } = card();
    const told = marks.map(({ name, value, others }) => `${name} ${shown(value)}, the ${
      ordinal(1 + others.filter((other) => other > value).length)} highest of ${others.length + 1} sources`);
    return drawLines(width, `Evidence, from ${source} to ${target}: ${told.join("; ")}.`, marks.map(({ name, value, others, line }) => ({
      name, own: [value], others, line, said: shown(value), shape: "diamond", scale: around([value, ...others, ...(line === null ? [] : [line])]) })));
  }

  function outcomeOf({ name, measure, decimals }, scale, width) {
    const { gains, outcomes, answers } = card();
    const said = (value) => signed(value, decimals);
    const verdicts = [["You", guessOf(at(), name)], ["The card", answers[name]]].map(([who, answer]) => {
      const verdict = judged(answer, outcomes[name]);
      return node("span", { class: `tvae-${verdict}` }, `${who}: ${answer}, ${VERDICTS[verdict]}`);
    });
    const told = gains[name].map(([tried, values]) => `${tried} ${said(meanOf(values))}, seeds ${values.map(said).join(", ")}`);
    return [node("p", { class: "tvae-outcome" }, node("strong", {}, `Right was: ${outcomes[name]}.`), ...verdicts),
      drawLines(width, `${measure}: ${told.join("; ")}.`, gains[name].map(([tried, values]) => (
        { name: tried, own: values, line: 0, scale, said: said(meanOf(values)), shape: "circle" }))),
      note(`${measure}. One dot a seed; the long line is 0.`)];
  }

  const asked = questions.map((question) => {
    const { name, text: words, choices } = question;
    const scale = around([0, ...cards.flatMap(({ gains }) => gains[name].flatMap(([, values]) => values))]);
    const menu = menuOf(`${id}-${name}`, choices, (choice) => {
      const guesses = model.get("guesses");
      choose({ guesses: { ...guesses, [at()]: { ...guesses[at()], [name]: choice } } });
    });
    const outcome = node("div", {});
    const box = node("div", { class: "tvae-question" }, field(menu, words), outcome);
    return { box, paint() {
      menu.value = guessOf(at(), name);
      menu.disabled = isOpen();
      outcome.replaceChildren(...(isOpen() ? outcomeOf(question, scale, box.clientWidth || 320) : []));
    } };
  });

  const reveal = buttonOf("", () => (isOpen() ? go(at() + 1) : choose({ revealed: [...revealed(), at()] })));
  const again = buttonOf("Start again", () => {
    choose({ guesses: {}, revealed: [] });
    reveal.focus(); // this button is gone
  });
  const tally = node("div", { class: "tvae-tally" });

  function reading() {
    const pair = `Card ${at() + 1} of ${cards.length}, ${title(card())}: `;
    if (!isOpen()) return [pair, "what do you expect?", " Look, choose your answers, then reveal."];
    const [you, its] = players.map(([, answerOf]) => countOf(answerOf, [at()]).right);
    return [pair, `you were right on ${you} of ${questions.length}`, `, the card on ${its}.`];
  }

  return {
    reading,
    traits: ["guesses", "revealed"],
    controls: { card: { title: (of) => title(cards[of]) } },
    beside: [node("div", { class: "tvae-buttons" }, buttonOf("Previous", () => go(at() - 1)), buttonOf("Next", () => go(at() + 1)))],
    figures: [{ title: () => "What the source makes of the target", draw: drawPictures },
      { title: () => "The evidence, before any transfer", draw: drawEvidence, after: [note("Diamond: this source. Ticks: the other sources, " +
        "for the same target. Long line: no better than the control. Further right is more.")] }],
    below: [node("div", { class: "tvae-questions" }, ...asked.map(({ box }) => box)), node("div", { class: "tvae-buttons" }, reveal, again), tally],
    painted() {
      for (const each of asked) each.paint();
      reveal.textContent = isOpen() ? "Next card" : "Reveal what happened";
      const of = revealed();
      again.hidden = tally.hidden = !of.length;
      tally.replaceChildren(tableOf(["who", "right", "wrong", "no answer"],
        players.map(([who, answerOf]) => ({ cells: [who, ...Object.values(countOf(answerOf, of)).map(String)] })),
        `Answers on the ${of.length === 1 ? "card" : `${of.length} cards`} revealed so far`));
    },
  };
});
