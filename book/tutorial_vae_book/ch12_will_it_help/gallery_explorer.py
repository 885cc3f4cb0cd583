"""The gallery explorer: transfer cards to guess from, and then what happened."""

import base64
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import traitlets
from jaxtyping import UInt8

from tutorial_vae.explorer import Choice, ChoiceExplorer, script, style
from tutorial_vae.transfer.recommendation import CANNOT_TELL


@dataclass(frozen=True)
class EvidenceMark:
    """One number of a card, among those of the other sources for the same target.

    Attributes:
        value: of the card's source.
        others: of the other sources.
        line: a value that separates two answers, or None.
    """

    value: float
    others: Iterable[float]
    line: float | None = None


@dataclass(frozen=True, kw_only=True)
class GalleryQuestion:
    """A question that every card is asked.

    Attributes:
        text: the question, in words.
        choices: what may be answered besides "cannot tell".
        always: the choice of somebody who never looks at a card.
        measure: of what the gains are, with its unit.
        decimals: of gains.
    """

    text: str
    choices: Sequence[str]
    always: str
    measure: str
    decimals: int = 2


@dataclass(frozen=True, kw_only=True)
class GalleryCard:
    """One pair of sets: what can be seen before training, and what came of it.

    Attributes:
        source: name of the set that the model was trained on.
        target: name of the set that it goes to.
        images: some images of the target.
        reconstructions: what the source's model makes of each, of the same shape.
        marks: the evidence, by its name.
        answers: what the card itself says, by the name of the question.
        outcomes: which choice turned out right, by the name of the question.
        gains: by the name of the question and what was tried, one gain for each seed.
    """

    source: str
    target: str
    images: UInt8[np.ndarray, "shown height width"]
    reconstructions: UInt8[np.ndarray, "..."]
    marks: Mapping[str, EvidenceMark]
    answers: Mapping[str, str]
    outcomes: Mapping[str, str]
    gains: Mapping[str, Mapping[str, Iterable[float]]]


class GalleryExplorer(ChoiceExplorer):
    """A gallery of transfer cards: look, guess, and reveal what happened.

    The reader answers the questions from the pictures and the evidence of one card at a time. Then
    the gains are shown, one dot a seed, beside what the card itself had said; and right answers are
    counted for the reader, for the cards and for somebody who always says the same.

    Args:
        cards: the cards, with grey images.
        questions: by the name under which cards hold their answers.

    Attributes:
        card: number of the card that is shown, from 0; may be set.
        guesses: the reader's answers, by the number of the card as a text and the question's name.
        revealed: numbers of the cards whose outcome has been shown.

    Raises:
        ValueError: there are no cards, or a card lacks a question or has an answer or outcome that
            is not among its choices.
    """

    _esm = script(__file__)
    _css = style(__file__)

    card = Choice("card, source → target")
    guesses = traitlets.Dict().tag(sync=True)
    revealed = traitlets.List(traitlets.Int()).tag(sync=True)

    def __init__(
        self, cards: Sequence[GalleryCard], questions: Mapping[str, GalleryQuestion]
    ) -> None:
        if not cards:
            raise ValueError("cards must hold at least one card")
        for card in cards:
            _check(card, questions)
        strips: list[str] = []
        super().__init__(
            {"card": range(len(cards))},
            declined=CANNOT_TELL,
            questions=[
                {"name": name, **vars(question), "choices": [*question.choices, CANNOT_TELL]}
                for name, question in questions.items()
            ],
            cards=[_described(card, questions, strips) for card in cards],
            strips=strips,
        )

    def _summary(self) -> str:
        return self._counts("card")


def _check(card: GalleryCard, questions: Mapping[str, GalleryQuestion]) -> None:
    pair = f"the card from {card.source} to {card.target}"
    if card.images.shape != card.reconstructions.shape:
        raise ValueError(
            f"{pair} must have a reconstruction of every image, but they have the shapes "
            f"{card.images.shape} and {card.reconstructions.shape}"
        )
    for name, question in questions.items():
        if any(name not in of for of in (card.answers, card.outcomes, card.gains)):
            raise ValueError(f"{pair} lacks an answer, an outcome or the gains of {name!r}")
        if card.outcomes[name] not in question.choices:
            raise ValueError(
                f"the outcome of {name!r} must be one of {', '.join(question.choices)}, but {pair} "
                f"has {card.outcomes[name]!r}"
            )
        if card.answers[name] not in (*question.choices, CANNOT_TELL):
            raise ValueError(
                f"the answer to {name!r} must be one of {', '.join(question.choices)} or "
                f"{CANNOT_TELL}, but {pair} has {card.answers[name]!r}"
            )


def _described(
    card: GalleryCard, questions: Mapping[str, GalleryQuestion], strips: list[str]
) -> dict[str, Any]:
    return {
        "source": card.source,
        "target": card.target,
        "count": len(card.images),
        "pictures": [_strip(each, strips) for each in (card.images, card.reconstructions)],
        "marks": [
            {
                "name": name,
                "value": _rounded(mark.value),
                "others": [_rounded(other) for other in mark.others],
                "line": mark.line,
            }
            for name, mark in card.marks.items()
        ],
        "answers": {name: card.answers[name] for name in questions},
        "outcomes": {name: card.outcomes[name] for name in questions},
        "gains": {
            name: [[tried, [_rounded(gain) for gain in gains]] for tried, gains in of.items()]
            for name, of in card.gains.items()
            if name in questions
        },
    }


def _strip(images: UInt8[np.ndarray, "shown height width"], strips: list[str]) -> int:
    """Add images side by side as base64 PNG, once, and return their place among the strips."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.concatenate(list(images), axis=1)).save(buffer, "PNG", optimize=True)
    text = base64.b64encode(buffer.getvalue()).decode()
    if text not in strips:  # cards of one target share its images
        strips.append(text)
    return strips.index(text)


def _rounded(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"evidence and gains must be finite, not {value!r}")
    return round(float(value), 4)
