"""The exercises of chapter 15, Your own pictures."""

import torch
from torch import Tensor

from ..checking import Exercise, random_input

_NORMAL = 1.96  # quantile of a 95 % interval


def _answer(leads: Tensor, low: Tensor, high: Tensor) -> Tensor:
    best = leads.argmin(dim=1, keepdim=True)
    lower, upper = low.gather(1, best)[:, 0], high.gather(1, best)[:, 0]
    return (lower > 0).double() - (upper < 0).double()


def _answer_against_the_weakest(leads: Tensor, low: Tensor, high: Tensor) -> Tensor:
    weakest = leads.argmax(dim=1, keepdim=True)
    lower, upper = low.gather(1, weakest)[:, 0], high.gather(1, weakest)[:, 0]
    return (lower > 0).double() - (upper < 0).double()


def _distances(held_out: Tensor, working: Tensor) -> Tensor:
    return (held_out[:, None] - working).square().mean(dim=2)


def _nearest(held_out: Tensor, working: Tensor) -> Tensor:
    return _distances(held_out, working).min(dim=1).values


def _needed(disagreement: Tensor, difference: Tensor) -> Tensor:
    variance = disagreement - difference.square()
    return (_NORMAL**2 * variance / difference.square()).ceil()


def _cards(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    leads = 0.1 * random_input(12, 3, seed=seed) + 0.1 * random_input(12, 1, seed=seed + 1)
    # A clear card of each kind, and one whose best control has a narrow interval.
    leads[0], leads[1] = torch.tensor([0.4, 0.3, 0.2]), torch.tensor([0.1, -0.3, 0.2])
    leads[2] = torch.tensor([0.02, 0.03, 0.3])
    reach = 0.02 + 0.1 * random_input(12, 3, seed=seed + 2).sigmoid()
    reach[2] = torch.tensor([0.01, 0.2, 0.2])
    return leads, leads - reach, leads + reach


def _pictures(held_out: int, working: int, seed: int) -> tuple[Tensor, Tensor]:
    one = random_input(held_out, 20, seed=seed).sigmoid()
    other = random_input(working, 20, seed=seed + 1).sigmoid()
    one[0], one[1] = other[2], other[0] + 0.01
    return one, other


EXERCISES: dict[str, Exercise] = {
    "own-pictures-1": Exercise(
        inputs=[_cards(0), _cards(10), _cards(20)],
        answer=_answer,
        mistakes={
            "The control to beat is the one with the smallest lead: the largest lead is over the "
            "weakest control.": _answer_against_the_weakest,
            "The interval is left out: a lead whose interval holds 0 cannot tell.": (
                lambda leads, low, high: leads.min(dim=1).values.sign()
            ),
            "Controls are not averaged: the best of them costs as little as the others.": (
                lambda leads, low, high: (
                    (low.mean(dim=1) > 0).double() - (high.mean(dim=1) < 0).double()
                )
            ),
            "Take the interval of the control with the smallest lead, not the lowest ends of "
            "all intervals.": (
                lambda leads, low, high: (
                    (low.min(dim=1).values > 0).double() - (high.min(dim=1).values < 0).double()
                )
            ),
            "A lead below 0 with its whole interval is unlikely, -1.": (
                lambda *card: _answer(*card).clamp(min=0)
            ),
            "Only the control with the smallest lead counts; the others have no vote.": (
                lambda leads, low, high: (
                    (low > 0).all(dim=1).double() - (high < 0).all(dim=1).double()
                )
            ),
            "The signs are exchanged: likely is 1, unlikely is -1.": (
                lambda *card: -_answer(*card)
            ),
        },
    ),
    "own-pictures-2": Exercise(
        inputs=[_pictures(6, 9, 0), _pictures(12, 5, 10)],
        answer=_nearest,
        mistakes={
            "This sums over the pixels; per pixel means their mean.": (
                lambda held_out, working: held_out.shape[1] * _nearest(held_out, working)
            ),
            "This is a distance: the squared error has no root.": (
                lambda held_out, working: _nearest(held_out, working).sqrt()
            ),
            "This is a distance over all pixels: the squared error has no root, and per pixel "
            "means their mean.": (
                lambda held_out, working: (held_out.shape[1] * _nearest(held_out, working)).sqrt()
            ),
            "This says which picture is nearest, not how far it is.": (
                lambda held_out, working: _distances(held_out, working).argmin(dim=1).double()
            ),
            "These are absolute differences; the error is squared.": (
                lambda held_out, working: (
                    (held_out[:, None] - working).abs().mean(dim=2).min(dim=1).values
                )
            ),
            "This is one number per working picture: exchange the two.": (
                lambda held_out, working: _nearest(working, held_out)
            ),
            "This is the error to the furthest working picture.": (
                lambda held_out, working: _distances(held_out, working).max(dim=1).values
            ),
            "This averages over the working pictures; the nearest one alone counts.": (
                lambda held_out, working: _distances(held_out, working).mean(dim=1)
            ),
            "This compares pixels with pixels: take the nearest picture, all of its pixels "
            "together.": (
                lambda held_out, working: (
                    (held_out[:, None] - working).square().min(dim=1).values.mean(dim=1)
                )
            ),
        },
    ),
    "own-pictures-3": Exercise(
        inputs=[
            (torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.05, 0.05, 0.05])),
            (torch.tensor([0.15, 0.25, 0.4]), torch.tensor([0.02, 0.1, 0.3])),
        ],
        answer=_needed,
        mistakes={
            "Pictures come whole: round up.": lambda disagreement, difference: (
                _NORMAL**2 * (disagreement - difference**2) / difference**2
            ),
            "Round up: with fewer pictures the interval still holds 0.": (
                lambda disagreement, difference: _needed(disagreement, difference) - 1
            ),
            "Round up, not to the nearest: with fewer pictures the interval still holds 0.": (
                lambda disagreement, difference: (
                    _NORMAL**2 * (disagreement - difference**2) / difference**2
                ).round()
            ),
            "The number of pictures stands under a root: square both sides.": (
                lambda disagreement, difference: (
                    _NORMAL * (disagreement - difference**2).sqrt() / difference
                ).ceil()
            ),
            "The variance of the differences is their mean square minus their squared mean.": (
                lambda disagreement, difference: (_NORMAL**2 * disagreement / difference**2).ceil()
            ),
            "The 1.96 is to be squared.": lambda disagreement, difference: (
                _NORMAL * (disagreement - difference**2) / difference**2
            ).ceil(),
            "The difference is to be squared.": lambda disagreement, difference: (
                _NORMAL**2 * (disagreement - difference**2) / difference
            ).ceil(),
            "The 1.96 of a 95 % interval is missing.": lambda disagreement, difference: (
                (disagreement - difference**2) / difference**2
            ).ceil(),
        },
    ),
}
