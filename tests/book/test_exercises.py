"""The checkers pass what is right, name each mistake that they know, and give nothing away."""

import re

import pytest
import torch

from tutorial_vae_book.exercises import EXERCISES, check

CASES = [(name, sentence) for name, task in EXERCISES.items() for sentence in task.mistakes]


@pytest.mark.parametrize("name", EXERCISES)
def test_the_right_answer_passes(name: str) -> None:
    verdict = check(name, EXERCISES[name].answer)
    assert verdict.passed
    assert repr(verdict).startswith(f"{name}: passed.")


@pytest.mark.parametrize(("name", "sentence"), CASES)
def test_each_known_mistake_is_named(name: str, sentence: str) -> None:
    verdict = check(name, EXERCISES[name].mistakes[sentence])
    assert not verdict.passed
    assert verdict.message == sentence


@pytest.mark.parametrize("name", EXERCISES)
@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda *_: None, "returned None"),
        (lambda *_: "seven", "returned str"),
        (lambda *_: 1 / 0, "ZeroDivisionError"),
        (lambda: 0, "TypeError"),
        (lambda *_: torch.zeros(7, 7, 7), "shape"),
    ],
)
def test_anything_else_is_described(name: str, function, words: str) -> None:
    verdict = check(name, function)
    assert not verdict.passed
    assert words in verdict.message


def test_values_that_are_merely_wrong_are_told_from_values_that_are_not_finite() -> None:
    right = EXERCISES["quick-tour-1"].answer
    assert "values are not" in check("quick-tour-1", lambda m, v: right(m, v) + 1).message
    assert "not finite" in check("quick-tour-1", lambda m, v: right(m, v) / 0).message


def test_the_reader_cannot_break_the_inputs() -> None:
    def careless(mean: torch.Tensor, log_var: torch.Tensor) -> torch.Tensor:
        mean.zero_()
        return log_var.sum(dim=1)

    assert not check("quick-tour-1", careless).passed
    assert check("quick-tour-1", EXERCISES["quick-tour-1"].answer).passed


@pytest.mark.parametrize(("name", "sentence"), CASES)
def test_no_message_holds_code(name: str, sentence: str) -> None:
    assert not re.search(r"torch\.|\.sum\(|\.mean\(|return|lambda|=(?!\d)", sentence), name


def test_an_unknown_exercise_is_named() -> None:
    with pytest.raises(ValueError, match="no-such-exercise"):
        check("no-such-exercise", len)
