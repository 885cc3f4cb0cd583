"""What a card's numbers advise, in words: three questions, each answered by a few comparisons.

The rules are this package's own. They compare what was measured on one target with its controls;
where an interval reaches over the line, or there is too little to go by, the answer is that one
cannot tell. They were fitted to some of the pairs of sets in the book's tables, and how often they
are right was measured on others: see ``reliability``.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ..estimates import Estimate
from .plans import PLANS

LIKELY = "likely"
UNLIKELY = "unlikely"
CANNOT_TELL = "cannot tell"

# Every number that an answer turns on.
FEWEST_TO_ADVISE = 50  # of the target; with fewer nothing is answered
# Of the pairs that the rules were fitted to, beginning from the source did harm on most with 100
# images and 500 steps, and on none with 1,000. Between them nothing was measured; this is the
# middle by ratio, rounded.
FEWEST_TO_RETRAIN = 300
FEWEST_PER_CLASS = 5  # images, on average; five neighbours have a vote
LEAST_GAIN = 0.0  # share of the mean image's squared error that the source has to remove
LEAST_LEAD = 0.0  # in nearest-neighbour accuracy, over the best control
LEAST_ENCODER_LEAD = 0.0  # in CKA with the target model, over an untrained encoder

_NOT_MEASURED = "How often this answer has been right has not been measured."


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What the answers rest on.

    Attributes:
        images: how many images of the target were looked at.
        held_out: how many of them neither the target model nor PCA has seen.
        classes: how many classes they have; 0 without labels.
        gain: share of the mean image's squared error that the source removes on held-out images,
            before any training.
        inverted_gain: the same of the images with black and white exchanged.
        encoder_lead: CKA of the source's latent means with those of the target model, minus that
            of an untrained encoder.
        leads: nearest-neighbour accuracy of the source's latent means minus that of each control,
            ``"an untrained network's"``, ``"PCA"`` and ``"raw pixels"``; empty without labels.
    """

    images: int
    held_out: int
    classes: int
    gain: Estimate
    inverted_gain: Estimate
    encoder_lead: Estimate
    leads: Mapping[str, Estimate]


class Reliability(NamedTuple):
    """How often an answer was right on pairs of sets that played no part in choosing the rules.

    Attributes:
        right: cards that were right.
        cards: cards that gave this answer, one a pair and seed.
        pairs: pairs of a source and a target among them.
        images: how many images each card had.
    """

    right: int
    cards: int
    pairs: int
    images: int


@cache
def measured_reliability() -> dict[tuple[str, str], Reliability]:
    """Return how often each answer was right on held-out targets, by question and answer.

    The numbers lie beside this module; the book counts them from its tables.
    """
    rows = json.loads(Path(__file__).with_name("reliability.json").read_text(encoding="utf-8"))
    return {(row.pop("question"), row.pop("answer")): Reliability(**row) for row in rows}


@dataclass(frozen=True)
class Answer:
    """An answer to one question.

    Attributes:
        question: what was asked.
        answer: ``"likely"``, ``"unlikely"`` or ``"cannot tell"``; to the question of the plan, the
            name of one of ``PLANS`` or ``"cannot tell"``.
        reasons: sentences with the numbers that the answer rests on.
        reliability: how often such an answer has been right, or that it has not been measured.
    """

    question: str
    answer: str
    reasons: tuple[str, ...]
    reliability: str

    def __str__(self) -> str:
        return " ".join((f"{self.question} {self.answer.capitalize()}.", *self.reasons))


@dataclass(frozen=True)
class Recommendation:
    """What to expect of a transfer, and what to try first.

    Attributes:
        plan: which of ``PLANS`` to try.
        reconstruction: whether beginning from the source will help to reconstruct the target.
        classification: whether the source's latents will help to classify the target.
    """

    plan: Answer
    reconstruction: Answer
    classification: Answer

    def __str__(self) -> str:
        answers = (self.plan, self.reconstruction, self.classification)
        return "\n\n".join(f"{answer} {answer.reliability}".rstrip() for answer in answers)


def recommend(
    evidence: Evidence, *, reliability: Mapping[tuple[str, str], Reliability]
) -> Recommendation:
    """Answer the three questions of a card.

    Args:
        evidence: the numbers of the card.
        reliability: by the name of the question, ``"plan"``, ``"reconstruction"`` or
            ``"classification"``, and the answer: how often it was right.
    """
    reconstruction, on_reconstruction = _reconstruction(evidence)
    classification, on_classification = _classification(evidence)
    plan, on_plan = _plan(evidence, reconstruction)
    if plan in PLANS:
        on_plan = [PLANS[plan].summary, *on_plan]

    def answered(name: str, question: str, answer: str, reasons: Sequence[str]) -> Answer:
        # Where nothing is claimed, nothing can be right or wrong.
        spoken = "" if answer == CANNOT_TELL else _NOT_MEASURED
        if (name, answer) in reliability:
            right, cards, pairs, images = reliability[name, answer]
            spoken = (
                f"This answer was right on {right} of {cards} cards, of {pairs} pairs of sets that "
                f"were held out for that, with {images:,} images each."
            )
        return Answer(question, answer, tuple(reasons), spoken)

    return Recommendation(
        answered("plan", "Which plan to try first?", plan, on_plan),
        answered(
            "reconstruction",
            "Will beginning from the source help reconstruction?",
            reconstruction,
            on_reconstruction,
        ),
        answered(
            "classification",
            "Will the source's latents help classification?",
            classification,
            on_classification,
        ),
    )


def _reconstruction(evidence: Evidence) -> tuple[str, list[str]]:
    if few := _too_few(evidence):
        return CANNOT_TELL, [few]
    gain = evidence.gain
    if math.isnan(gain.value):
        return CANNOT_TELL, ["The held-out images are all like their mean: there is nothing to do."]
    error = (
        f"Before any training the source's squared error on {evidence.held_out} held-out images is "
        f"{_left(gain)} of the mean image's"
    )
    closer, reason = _closer(evidence)
    if gain.low > LEAST_GAIN:
        reasons = [f"{error}: it already draws some of what they have of their own.", reason]
    elif gain.high >= LEAST_GAIN:
        reasons = [f"{error}: about as much.", reason]
    else:
        reasons = [f"{error}: the mean image is closer.", reason]
        inverted = evidence.inverted_gain
        if inverted.low > gain.high:
            reasons.append(
                f"With black and white exchanged it would be {_left(inverted)}: the source seems "
                "to have seen light and dark the other way round. Try inverted images."
            )
    if evidence.images < FEWEST_TO_RETRAIN:
        few = f"There are {evidence.images} images, and with 100 a source did harm more often than"
        return CANNOT_TELL, [
            *reasons,
            f"{few} not: compare `all` and `scratch` on held-out images.",
        ]
    # There is no "unlikely": with so many images the source did harm on no pair that the rules were
    # fitted to, not even where neither sign was there.
    return (LIKELY if closer or gain.low > LEAST_GAIN else CANNOT_TELL), reasons


def _classification(evidence: Evidence) -> tuple[str, list[str]]:
    if evidence.classes == 0:
        return CANNOT_TELL, ["The images have no labels."]
    if evidence.classes == 1:
        return CANNOT_TELL, ["All images are of one class."]
    if few := _too_few(evidence):
        return CANNOT_TELL, [few]
    if not _enough_labels(evidence):
        return CANNOT_TELL, [
            f"There are {evidence.images / evidence.classes:.1f} images of each class on average, "
            f"and {FEWEST_PER_CLASS} are needed."
        ]
    control, lead = min(evidence.leads.items(), key=lambda item: item[1].value)
    compared = "nearest-neighbour accuracy on the source's latent means"
    between = f"{_points(lead)} between them and {control}, the best control"
    if lead.low > LEAST_LEAD:
        return LIKELY, [f"The {compared} is above every control: {between}."]
    if lead.high < LEAST_LEAD:
        return UNLIKELY, [f"The {compared} is below what costs nothing: {between}."]
    return CANNOT_TELL, [f"The {compared} is about that of the best control: {between}."]


def _plan(evidence: Evidence, reconstruction: str) -> tuple[str, list[str]]:
    if few := _too_few(evidence):
        return CANNOT_TELL, [few]
    if reconstruction != LIKELY:
        return CANNOT_TELL, ["The source may not help at all: compare `all` and `scratch`."]
    return "all", [
        "On the pairs of sets that this rule was fitted to no other plan reached a higher held-out "
        "ELBO in as many steps."
    ]


def _closer(evidence: Evidence) -> tuple[bool, str]:
    """Whether the source's encoder is nearer to the target model's than an untrained one is."""
    lead = evidence.encoder_lead
    if math.isnan(lead.value):
        return False, "One of the encoders does not tell these images apart: nothing to compare."
    closer = lead.low > LEAST_ENCODER_LEAD
    return closer, (
        "The source's latent means are "
        + ("more" if closer else "not clearly more")
        + " like those of a model trained briefly on the target than an untrained encoder's are: "
        f"a difference in CKA of {_signed(lead)}."
    )


def _enough_labels(evidence: Evidence) -> bool:
    return evidence.images >= FEWEST_PER_CLASS * evidence.classes


def _too_few(evidence: Evidence) -> str:
    if evidence.images >= FEWEST_TO_ADVISE:
        return ""
    return f"There are {evidence.images} images, and {FEWEST_TO_ADVISE} are needed."


def _left(gain: Estimate) -> str:
    """What a gain leaves, as a percentage."""
    value, high, low = (f"{100 * (1 - number):.0f}" for number in gain)
    return f"{value} % (95 % interval {low} to {high} %)".replace("-", "−")


def _points(estimate: Estimate) -> str:
    """A difference of two accuracies, in percentage points."""
    value, low, high = (f"{100 * number:+.0f}" for number in estimate)
    return f"{value} points ({low} to {high})".replace("-", "−")


def _signed(estimate: Estimate) -> str:
    value, low, high = (f"{number:+.2f}" for number in estimate)
    return f"{value} ({low} to {high})".replace("-", "−")
