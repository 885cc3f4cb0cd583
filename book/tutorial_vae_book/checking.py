"""How an answer is judged: against the right one, and against what well-known mistakes give."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


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


def judge(name: str, task: Exercise, function: Callable[..., Any]) -> Verdict:
    """Judge a function by what it returns for each of an exercise's inputs.

    Args:
        name: name of the exercise.
        task: the exercise.
        function: the reader's function.
    """
    for inputs in task.inputs:
        copies = [i.clone() if isinstance(i, Tensor) else i for i in inputs]
        try:
            given = function(*copies)
        except Exception as error:  # whatever the reader's code raises is for the reader to see
            return Verdict(name, False, f"It stopped with {type(error).__name__}: {error}")
        if problem := _problem(given, task, inputs):
            return Verdict(name, False, problem)
    return Verdict(name, True, f"Right on {len(task.inputs)} inputs.")


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


def random_input(*shape: int, seed: int) -> Tensor:
    """Return standard normal numbers of a shape, in float64, the same for the same seed."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
