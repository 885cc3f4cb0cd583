"""The exercises of chapter 12, Will it help?"""

import torch
from torch import Tensor

from ..checking import Exercise, random_input


def _luck(taus: Tensor, relabelled: Tensor) -> Tensor:
    above = relabelled.amax(dim=1) >= taus.max()
    return (1 + above.double().sum()) / (1 + len(relabelled))


def _luck_of_one(taus: Tensor, relabelled: Tensor) -> Tensor:
    above = relabelled[:, taus.argmax()] >= taus.max()
    return (1 + above.double().sum()) / (1 + len(relabelled))


def _luck_of_all(taus: Tensor, relabelled: Tensor) -> Tensor:
    above = relabelled.flatten() >= taus.max()
    return (1 + above.double().sum()) / (1 + relabelled.numel())


def _kept(taus: Tensor, votes: Tensor) -> Tensor:
    return taus.gather(0, votes.argmax(dim=0, keepdim=True)).mean()


def _others(taus: Tensor) -> Tensor:
    return taus.sum(dim=1, keepdim=True) - taus


def _honest(taus: Tensor) -> Tensor:
    return _kept(taus, _others(taus))


def _right(said: Tensor, helped: Tensor) -> Tensor:
    return (said == helped).double().mean()


def _constant(helped: Tensor) -> Tensor:
    share = helped.double().mean()
    return torch.maximum(share, 1 - share)


def _beyond(said: Tensor, helped: Tensor) -> Tensor:
    return _right(said, helped) - _constant(helped)


def _relabelled(scores: int, draws: int, seed: int) -> tuple[Tensor, Tensor]:
    # The first score is the best, but not so far above the others' luck that all answers agree.
    taus = 0.1 * random_input(scores, seed=seed)
    taus[0] = 0.4
    return taus, 0.2 * random_input(draws, scores, seed=seed + 1)


def _taus(scores: int, targets: int, seed: int) -> tuple[Tensor]:
    # Scores differ little on average, so that one target can tip the choice.
    return ((0.2 + 0.4 * random_input(scores, targets, seed=seed)).clamp(-1, 1),)


def _cards(count: int, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Cards that are right four times in five, on pairs of which SHARE are helped."""
    helped = torch.arange(count) < share * count
    wrong = torch.rand(count, generator=torch.Generator().manual_seed(seed)) < 0.2
    return helped ^ wrong, helped


EXERCISES: dict[str, Exercise] = {
    "help-1": Exercise(
        inputs=[_relabelled(11, 200, 0), _relabelled(4, 500, 10), _relabelled(6, 99, 20)],
        answer=_luck,
        mistakes={
            "This asks how lucky one score was: the best of all scores was chosen, so compare with "
            "the best of all under each relabelling.": _luck_of_one,
            "Each relabelling is one draw, whose best score counts, not all of its scores.": (
                _luck_of_all
            ),
            "The labels as they are count as a draw as well.": (
                lambda taus, relabelled: (relabelled.amax(dim=1) >= taus.max()).double().mean()
            ),
            "The labels as they are count once among the draws and once among those that reach.": (
                lambda taus, relabelled: (
                    (relabelled.amax(dim=1) >= taus.max()).double().sum() / (1 + len(relabelled))
                )
            ),
            "This is the probability of less than was found, not of as much.": (
                lambda taus, relabelled: 1 - _luck(taus, relabelled)
            ),
        },
    ),
    "help-2": Exercise(
        inputs=[_taus(5, 6, 0), _taus(11, 6, 10), _taus(3, 10, 20)],
        answer=_honest,
        mistakes={
            "The target itself takes part in the choice: only the other targets may.": (
                lambda taus: taus.mean(dim=1).max()
            ),
            "This is the mean over the targets that chose, not the one that was left out.": (
                lambda taus: (_others(taus) / (taus.shape[1] - 1)).amax(dim=0).mean()
            ),
            "This takes the best score of each target, which nobody knows beforehand.": (
                lambda taus: taus.amax(dim=0).mean()
            ),
            "Average over the targets: one number is asked for.": (
                lambda taus: taus.gather(0, _others(taus).argmax(dim=0, keepdim=True))[0]
            ),
            "This is their sum; average over the targets.": (
                lambda taus: taus.shape[1] * _honest(taus)
            ),
            "This is the mean of all scores, as if one were drawn.": lambda taus: taus.mean(),
        },
    ),
    "help-3": Exercise(
        inputs=[_cards(40, 0.7, 0), _cards(36, 0.1, 10), _cards(60, 0.5, 20)],
        answer=_beyond,
        mistakes={
            "This is the share of right cards; subtract what a constant answer would have.": _right,
            "This compares with always saying yes; always saying no may be better.": (
                lambda said, helped: _right(said, helped) - helped.double().mean()
            ),
            "This compares with always saying no; always saying yes may be better.": (
                lambda said, helped: _right(said, helped) - (~helped).double().mean()
            ),
            "This compares with tossing a coin, which is worse than a constant answer.": (
                lambda said, helped: _right(said, helped) - 0.5
            ),
            "The constant answer is the commoner outcome, not what the cards say most often.": (
                lambda said, helped: _right(said, helped) - _constant(said)
            ),
            "This is how many cards, not which share of them.": (
                lambda said, helped: len(said) * _beyond(said, helped)
            ),
        },
    ),
}
