"""How often a card has been right: its answers for pairs of sets whose outcome was measured."""

import json
from collections.abc import Hashable, Iterable
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from tutorial_vae.estimates import Estimate
from tutorial_vae.files import write_atomically
from tutorial_vae.transfer import recommendation
from tutorial_vae.transfer.recommendation import (
    CANNOT_TELL,
    LIKELY,
    Evidence,
    Reliability,
    recommend,
)

from ..results import FOLDER, load_table

CARDS = "transfer_card"
OUTCOMES = "transfer"

# Every second one of the targets in the book's order, and so not picked by how they came out: the
# rules of the recommendation may be fitted to the others only.
HELD_OUT_TARGETS = ("solids", "mnist", "cifar10")

_BASELINES = ("untrained", "pca", "pixels")
_LEAD = "lead over "


class Outcome(NamedTuple):
    """What came of a transfer, each number a mean over the seeds.

    Attributes:
        elbo: held-out ELBO of the plan ``all`` minus that of ``scratch``, in nats per image.
        accuracy: that of a linear probe on the source's latent means, nothing retrained, minus that
            of the best of an untrained network's, PCA's and raw pixels.
        plan: the plan, ``scratch`` among them, with the highest held-out ELBO.
    """

    elbo: float
    accuracy: float
    plan: str


class Judgement(NamedTuple):
    """One answer of one card, held against the outcome.

    Attributes:
        target: name of the set that was gone to.
        source: name of the set that the model was trained on.
        seed: of the model and of the card.
        question: ``"plan"``, ``"reconstruction"`` or ``"classification"``.
        answer: what the card said.
        right: whether it was so; None where the card said that it cannot tell.
        images: how many images of the target the card had.
    """

    target: str
    source: str
    seed: int
    question: str
    answer: str
    right: bool | None
    images: int


def outcomes() -> dict[tuple[str, str], Outcome]:
    """Return what came of each transfer that was measured on 1,000 images, by target and source.

    They are read from the table ``transfer``, and empty where the package has none.
    """
    values: dict[tuple[str, str], dict[tuple[str, str], list[float]]] = {}
    for row in _table(OUTCOMES):
        of_seeds = values.setdefault((str(row["target"]), str(row["source"])), {})
        of_seeds.setdefault((str(row["plan"]), str(row["measure"])), []).append(float(row["value"]))
    means = {
        pair: {key: mean(each) for key, each in found.items()} for pair, found in values.items()
    }
    measured = {}
    for (target, source), of_pair in means.items():
        if source == "none":
            continue
        alone = means[target, "none"]
        elbos = {plan: v for (plan, what), v in (of_pair | alone).items() if what == "elbo"}
        baseline = max(alone[name, "accuracy"] for name in _BASELINES)
        measured[target, source] = Outcome(
            elbo=elbos["all"] - elbos["scratch"],
            accuracy=of_pair["frozen", "accuracy"] - baseline,
            plan=max(elbos, key=elbos.__getitem__),
        )
    return measured


def cards() -> dict[tuple[str, str, int], Evidence]:
    """Return the evidence of each card that was measured, by target, source and seed.

    It is read from the table ``transfer_card``, and empty where the package has none.
    """
    found: dict[tuple[str, str, int], dict[str, Estimate]] = {}
    for row in _table(CARDS):
        numbers = found.setdefault((str(row["target"]), str(row["source"]), int(row["seed"])), {})
        estimate = Estimate(float(row["value"]), float(row["low"]), float(row["high"]))
        numbers[str(row["measure"])] = estimate
    return {
        card: Evidence(
            images=int(numbers["images"].value),
            held_out=int(numbers["held-out images"].value),
            classes=int(numbers["classes"].value),
            gain=numbers["gain"],
            inverted_gain=numbers["gain of inverted images"],
            encoder_lead=numbers["encoder's lead"],
            leads={
                name.removeprefix(_LEAD): estimate
                for name, estimate in numbers.items()
                if name.startswith(_LEAD)
            },
        )
        for card, numbers in found.items()
    }


def judgements() -> list[Judgement]:
    """Hold every card that was measured against its outcome.

    An answer about reconstruction is right if ``all`` beats ``scratch`` or not as it says, one
    about classification if the source's latents beat every baseline or not, and one about the plan
    if no plan had a higher ELBO; in the mean over seeds, however narrow. Where either table is
    missing there are none.
    """
    measured = outcomes()
    found = []
    for (target, source, seed), evidence in cards().items():
        if (target, source) not in measured:
            continue
        outcome = measured[target, source]
        advice = recommend(evidence, reliability={})
        helped = {"reconstruction": outcome.elbo > 0, "classification": outcome.accuracy > 0}
        for question in ("plan", "reconstruction", "classification"):
            answer = getattr(advice, question).answer
            right = None
            if answer != CANNOT_TELL:
                right = (
                    answer == outcome.plan
                    if question == "plan"
                    else (answer == LIKELY) == helped[question]
                )
            found.append(Judgement(target, source, seed, question, answer, right, evidence.images))
    return found


def count(judged: Iterable[Judgement]) -> dict[tuple[str, str], Reliability]:
    """Count right answers, by question and answer; those that cannot tell are left out.

    Args:
        judged: what to count.
    """
    by_answer: dict[tuple[str, str], list[Judgement]] = {}
    for one in judged:
        if one.right is not None:
            by_answer.setdefault((one.question, one.answer), []).append(one)
    return {
        key: Reliability(
            right=sum(bool(one.right) for one in found),
            cards=len(found),
            pairs=len({(one.target, one.source) for one in found}),
            images=min(one.images for one in found),
        )
        for key, found in by_answer.items()
    }


def held_out_reliability() -> dict[tuple[str, str], Reliability]:
    """Count how often each answer was right on held-out targets, by question and answer."""
    return count(one for one in judgements() if one.target in HELD_OUT_TARGETS)


def keep_reliability(folder: Path) -> None:
    """Write what a card says of itself, where the package's own tables were measured again.

    Args:
        folder: where the tables lie.
    """
    if folder != FOLDER:
        return
    rows = [
        {"question": question, "answer": answer, **found._asdict()}
        for (question, answer), found in held_out_reliability().items()
    ]
    text = json.dumps(rows, indent=1) + "\n"
    write_atomically(Path(recommendation.__file__).with_name("reliability.json"), text.encode())


def _table(name: str) -> list[dict[Hashable, Any]]:
    there = (FOLDER / f"{name}.csv").is_file()
    return load_table(name).to_dict("records") if there else []
