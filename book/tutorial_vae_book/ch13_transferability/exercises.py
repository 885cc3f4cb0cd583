"""The exercises of chapter 13, Transferability."""

import torch
from torch import Tensor

from ..checking import Exercise, random_input


def _lead(method: Tensor, plain: Tensor) -> Tensor:
    return (method - plain).mean(dim=2)


def _growth(method: Tensor, plain: Tensor) -> Tensor:
    lead = _lead(method, plain)
    return lead[:, 0] - lead[:, -1]


def _within(rows: Tensor) -> Tensor:
    """Mean inner product of different rows."""
    products = rows @ rows.T
    return (products.sum() - products.trace()) / (len(rows) * (len(rows) - 1))


def _across(source: Tensor, target: Tensor) -> Tensor:
    return (source @ target.T).mean()


def _discrepancy(source: Tensor, target: Tensor) -> Tensor:
    return _within(source) + _within(target) - 2 * _across(source, target)


def _together(probabilities: Tensor) -> Tensor:
    return probabilities.T @ probabilities


def _confusion(probabilities: Tensor) -> Tensor:
    together = _together(probabilities)
    shares = together / together.sum(dim=1, keepdim=True)
    return 1 - shares.diagonal().mean()


def _accuracies(tasks: int, fractions: int, seeds: int, seed: int) -> tuple[Tensor, Tensor]:
    """Accuracies of a method and of plain fine-tuning, which rise with the labels."""
    rise = torch.linspace(0.4, 0.8, fractions, dtype=torch.float64)[:, None]
    method, plain = (
        rise + 0.05 * random_input(tasks, fractions, seeds, seed=seed + i) for i in (0, 1)
    )
    return method, plain


def _features(n: int, m: int, dim: int, seed: int) -> tuple[Tensor, Tensor]:
    return random_input(n, dim, seed=seed), 1 + random_input(m, dim, seed=seed + 1)


def _probabilities(batch: int, classes: int, seed: int) -> tuple[Tensor]:
    # Some classes are likelier than others, so that the order of dividing and averaging matters.
    favour = torch.linspace(0, 2, classes, dtype=torch.float64)
    return ((2 * random_input(batch, classes, seed=seed) + favour).softmax(dim=1),)


EXERCISES: dict[str, Exercise] = {
    "transferability-1": Exercise(
        inputs=[_accuracies(6, 5, 3, 0), _accuracies(4, 3, 2, 10), _accuracies(2, 7, 5, 20)],
        answer=_growth,
        mistakes={
            "This is the lead with all labels minus that with the fewest: the other way round.": (
                lambda method, plain: -_growth(method, plain)
            ),
            "This is how the method's accuracy falls; subtract plain fine-tuning first.": (
                lambda method, plain: _growth(method, torch.zeros_like(plain))
            ),
            "This is the lead with the fewest labels; subtract the lead with the most.": (
                lambda method, plain: _lead(method, plain)[:, 0]
            ),
            "This compares neighbouring fractions; compare the first with the last.": (
                lambda method, plain: _lead(method, plain)[:, 0] - _lead(method, plain)[:, 1]
            ),
            "Average over seeds: one number for each task is asked for.": (
                lambda method, plain: (method - plain)[:, 0] - (method - plain)[:, -1]
            ),
            "Keep the tasks apart: one number for each is asked for.": (
                lambda method, plain: _growth(method, plain).mean()
            ),
            "This is the sum over seeds; average over them.": (
                lambda method, plain: method.shape[2] * _growth(method, plain)
            ),
        },
    ),
    "transferability-2": Exercise(
        inputs=[_features(20, 30, 4, 0), _features(6, 5, 10, 10), _features(50, 10, 2, 20)],
        answer=_discrepancy,
        mistakes={
            "Images are paired with themselves here: leave those pairs out of the first two "
            "means.": (
                lambda source, target: (source.mean(dim=0) - target.mean(dim=0)).square().sum()
            ),
            "Pairs of an image with itself are left out of the sums, but still counted in what "
            "they are divided by.": (
                lambda source, target: (
                    _within(source) * (len(source) - 1) / len(source)
                    + _within(target) * (len(target) - 1) / len(target)
                    - 2 * _across(source, target)
                )
            ),
            "The mean across the domains counts twice.": (
                lambda source, target: _within(source) + _within(target) - _across(source, target)
            ),
            "The mean across the domains is subtracted, not added.": (
                lambda source, target: (
                    _within(source) + _within(target) + 2 * _across(source, target)
                )
            ),
            "The discrepancy is already a squared distance: no square root of it is asked for.": (
                lambda source, target: _discrepancy(source, target).clamp(min=0).sqrt()
            ),
        },
    ),
    "transferability-3": Exercise(
        inputs=[_probabilities(40, 5, 0), _probabilities(12, 3, 10), _probabilities(64, 10, 20)],
        answer=_confusion,
        mistakes={
            "This is the share that a class keeps to itself; the confusion is the rest.": (
                lambda probabilities: 1 - _confusion(probabilities)
            ),
            "Divide each row by its own sum before leaving out the diagonal, not the whole matrix "
            "by its sum.": (
                lambda probabilities: (
                    1 - _together(probabilities).trace() / _together(probabilities).sum()
                )
            ),
            "This is the sum over the classes; divide by how many there are.": (
                lambda probabilities: probabilities.shape[1] * _confusion(probabilities)
            ),
            "The diagonal is no confusion: leave it out.": (
                lambda probabilities: torch.ones((), dtype=probabilities.dtype)
            ),
            "The products are not divided by the sums of their rows.": (
                lambda probabilities: (
                    (_together(probabilities).sum() - _together(probabilities).trace())
                    / probabilities.shape[1]
                )
            ),
            "This sets images beside images; classes are to be set beside classes.": (
                lambda probabilities: _confusion(probabilities.T)
            ),
        },
    ),
}
