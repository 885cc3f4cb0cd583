"""Checkers for the book's exercises: they say what is wrong, never how to do it right.

Each exercise asks for one function. :func:`check` runs it on several inputs and compares what it
returns with the right answer and with the answers that well-known mistakes give.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .objectives import gaussian_kl
from .similarity import cka


@dataclass(frozen=True)
class Exercise:
    """One exercise: inputs to try, the right answer, and the mistakes that it knows.

    Attributes:
        inputs: argument lists to call the reader's function with.
        answer: the right function.
        mistakes: wrong functions, each under the sentence that names the mistake.
    """

    inputs: Sequence[tuple[Any, ...]]
    answer: Callable[..., Tensor]
    mistakes: dict[str, Callable[..., Tensor]]


@dataclass(frozen=True)
class Verdict:
    """What a checker found. It shows itself as one line of text.

    Attributes:
        exercise: name of the exercise.
        passed: whether the function gave the right answer on every input.
        message: what was found, in words.
    """

    exercise: str
    passed: bool
    message: str

    def __repr__(self) -> str:
        """Return the verdict as one line."""
        return f"{self.exercise}: {'passed' if self.passed else 'not yet'}. {self.message}"


def check(exercise: str, function: Callable[..., Any]) -> Verdict:
    """Check a solution to an exercise of the book.

    Args:
        exercise: name of the exercise, as the chapter gives it.
        function: your function. It is called with several inputs.

    Returns:
        The verdict, which says what is wrong and names the likely mistake when it knows it.

    Raises:
        ValueError: there is no exercise of that name.
    """
    if exercise not in EXERCISES:
        raise ValueError(f"exercise must be one of {', '.join(EXERCISES)}, not {exercise!r}")
    task = EXERCISES[exercise]
    for inputs in task.inputs:
        copies = [i.clone() if isinstance(i, Tensor) else i for i in inputs]
        try:
            given = function(*copies)
        except Exception as error:  # whatever the reader's code raises is for the reader to see
            return Verdict(exercise, False, f"It stopped with {type(error).__name__}: {error}")
        if problem := _problem(given, task, inputs):
            return Verdict(exercise, False, problem)
    return Verdict(exercise, True, f"Right on {len(task.inputs)} inputs.")


def _problem(given: Any, task: Exercise, inputs: tuple[Any, ...]) -> str | None:
    """Say what is wrong with one answer, or return nothing when it is right."""
    right = task.answer(*inputs)
    if given is None:
        return "The function returned None, which is no answer."
    try:
        given = torch.as_tensor(given, dtype=right.dtype).detach()
    except (TypeError, ValueError, RuntimeError):
        return f"The function returned {type(given).__name__}, not numbers."
    if _agree(given, right):
        return None
    for sentence, mistake in task.mistakes.items():
        if _agree(given, mistake(*inputs)):
            return sentence
    if given.shape != right.shape:
        return (
            f"The answer has the shape {tuple(given.shape)}, but {tuple(right.shape)} was expected."
        )
    if not given.isfinite().all():
        return "The answer holds values that are not finite."
    if _agree(-given, right):
        return "The size is right and the sign is wrong."
    return "The shape is right, but the values are not."


def _agree(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.allclose(a, b, rtol=1e-4, atol=1e-6)


def _random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _line(
    start: Tensor, end: Tensor, count: int, *, ends: tuple[float, float] = (0.0, 1.0)
) -> Tensor:
    weights = torch.linspace(*ends, count, dtype=start.dtype)[:, None]
    return (1 - weights) * start + weights * end


def _biased_cka(x: Tensor, y: Tensor) -> Tensor:
    return torch.tensor(cka(x, y, estimator="biased"), dtype=x.dtype)


def _cka_of_raw(x: Tensor, y: Tensor) -> Tensor:
    return (x.T @ y).square().sum() / ((x.T @ x).norm() * (y.T @ y).norm())


def _centred(x: Tensor) -> Tensor:
    return x - x.mean(dim=0)


EXERCISES: dict[str, Exercise] = {
    "quick-tour-1": Exercise(
        inputs=[
            (_random(4, 3, seed=0), _random(4, 3, seed=1)),
            (_random(2, 10, seed=2), torch.zeros(2, 10, dtype=torch.float64)),
            (torch.zeros(3, 5, dtype=torch.float64), _random(3, 5, seed=3)),
        ],
        answer=gaussian_kl,
        mistakes={
            "This is the mean over the latent dimensions; the KL is their sum.": (
                lambda mean, log_var: gaussian_kl(mean, log_var) / mean.shape[1]
            ),
            "This is one number for the whole batch; give one value per image.": (
                lambda mean, log_var: gaussian_kl(mean, log_var).sum()
            ),
            "This is the mean over the batch; give one value per image.": (
                lambda mean, log_var: gaussian_kl(mean, log_var).mean()
            ),
            "This sums over the images; sum over the latent dimensions, dim=1.": (
                lambda mean, log_var: 0.5 * (mean.square() + log_var.exp() - 1 - log_var).sum(dim=0)
            ),
            "The factor ½ is missing.": lambda mean, log_var: 2 * gaussian_kl(mean, log_var),
            "This takes the log-variance for a variance: exponentiate it where σ² stands.": (
                lambda mean, log_var: (
                    0.5 * (mean.square() + log_var - 1 - log_var.abs().log()).sum(dim=1)
                )
            ),
            "This takes the log-variance for the logarithm of σ: σ² is exp(log_var).": (
                lambda mean, log_var: gaussian_kl(mean, 2 * log_var)
            ),
            "The sign is wrong: a KL divergence is never negative.": (
                lambda mean, log_var: -gaussian_kl(mean, log_var)
            ),
        },
    ),
    "quick-tour-2": Exercise(
        inputs=[
            (_random(3, seed=0), _random(3, seed=1), 5),
            (_random(10, seed=2), _random(10, seed=3), 2),
            (torch.zeros(4, dtype=torch.float64), torch.ones(4, dtype=torch.float64), 9),
        ],
        answer=_line,
        mistakes={
            "This runs from the end to the start.": lambda a, b, n: _line(b, a, n),
            "The last point stops short of the end: both ends belong to the line.": (
                lambda a, b, n: _line(a, b, n, ends=(0.0, 1 - 1 / n))
            ),
            "Both ends are left out: the first point is the start and the last is the end.": (
                lambda a, b, n: _line(a, b, n, ends=(1 / (n + 1), n / (n + 1)))
            ),
            "There is one point too many.": lambda a, b, n: _line(a, b, n + 1),
            "The points lie in the columns; put one latent in each row.": (
                lambda a, b, n: _line(a, b, n).T
            ),
        },
    ),
    "quick-tour-3": Exercise(
        inputs=[
            (_random(30, 4, seed=0) + 3, _random(30, 6, seed=1) + 1),
            (_random(12, 5, seed=2) - 2, _random(12, 5, seed=2) - 2),
            (_random(20, 3, seed=4), _random(20, 3, seed=4) + 0.5 * _random(20, 3, seed=5)),
        ],
        answer=_biased_cka,
        mistakes={
            "The features are not centred: subtract each feature's mean over the images first.": (
                _cka_of_raw
            ),
            "This centres each image instead of each feature: take the mean over dim=0.": (
                lambda x, y: _cka_of_raw(x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True))
            ),
            "This is the square root of the answer: the norm of XᵀY has to be squared.": (
                lambda x, y: _biased_cka(x, y).sqrt()
            ),
            "This is not divided by the norms of XᵀX and YᵀY.": (
                lambda x, y: (_centred(x).T @ _centred(y)).square().sum()
            ),
        },
    ),
}
