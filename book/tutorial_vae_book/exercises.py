"""Checkers for the book's exercises: they say what is wrong, never how to do it right.

Each exercise asks for one function. :func:`check` runs it on several inputs and compares what it
returns with the right answer and with the answers that well-known mistakes give.
"""

from collections.abc import Callable
from typing import Any

from .chapters import chapter_modules
from .checking import Exercise, Verdict, judge

__all__ = ["EXERCISES", "Exercise", "Verdict", "check"]

EXERCISES: dict[str, Exercise] = {
    name: exercise
    for chapter in chapter_modules("exercises.py")
    for name, exercise in chapter.EXERCISES.items()
}


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
    return judge(exercise, EXERCISES[exercise], function)
