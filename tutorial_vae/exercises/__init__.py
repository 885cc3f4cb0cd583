"""Checkers for the book's exercises: they say what is wrong, never how to do it right.

Each exercise asks for one function. :func:`check` runs it on several inputs and compares what it
returns with the right answer and with the answers that well-known mistakes give.
"""

from collections.abc import Callable
from typing import Any

from . import (
    architecture_and_weights,
    cka,
    elbo,
    generic_encoders,
    inside_a_vae,
    kl_divergence,
    latent_space,
    latent_variable_models,
    quick_tour,
    reparameterisation,
    training_a_vae,
    transferability,
    what_to_retrain,
    what_vaes_are_for,
    will_it_help,
    your_own_pictures,
)
from .checking import Exercise, Verdict, judge

__all__ = ["EXERCISES", "Exercise", "Verdict", "check"]

EXERCISES: dict[str, Exercise] = {
    **quick_tour.EXERCISES,
    **latent_variable_models.EXERCISES,
    **elbo.EXERCISES,
    **kl_divergence.EXERCISES,
    **reparameterisation.EXERCISES,
    **training_a_vae.EXERCISES,
    **latent_space.EXERCISES,
    **what_vaes_are_for.EXERCISES,
    **cka.EXERCISES,
    **inside_a_vae.EXERCISES,
    **generic_encoders.EXERCISES,
    **what_to_retrain.EXERCISES,
    **will_it_help.EXERCISES,
    **transferability.EXERCISES,
    **architecture_and_weights.EXERCISES,
    **your_own_pictures.EXERCISES,
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
