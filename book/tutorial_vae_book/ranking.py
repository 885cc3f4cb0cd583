r"""How well a score ranks sources: agreement with what came of them, and what following it costs.

Sources compete for one target at a time, for no score means the same on two targets. So arrays
have the shape (..., sources): whatever comes before the last axis tells apart groups, such as
targets and seeds, and only the sources of one group are compared. A source that is NaN on either
side is left out of its group. Higher is better; negate a score of which lower is better.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import mean

import numpy as np
from jaxtyping import Float

from tutorial_vae.estimates import Estimate


def rank_agreement(
    scores: Float[np.ndarray, "*groups sources"], gains: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "*groups"]:
    r"""Kendall's rank correlation between scores and gains, in each group.

    Over all pairs of sources of a group,

    .. math::
        \tau = \frac{\sum_{i<j} \operatorname{sign}(s_i - s_j) \operatorname{sign}(g_i - g_j)}
        {\sqrt{n_s n_g}},

    with :math:`n_s` the number of pairs in which the scores differ, :math:`n_g` that in which the
    gains do (the variant :math:`\tau_b`).

    Args:
        scores: :math:`s`, what a score says of each source.
        gains: :math:`g`, what came of each, in any unit; of the same shape.

    Returns:
        1 where both rank the sources of a group alike, -1 where they do so in reverse, 0 where
        either finds all of them equal and so ranks nothing.

    Raises:
        ValueError: the shapes differ, or a group has fewer than 2 known sources.

    Reference: Kendall 1938; ties: Kendall 1945.
    """
    from scipy.stats import kendalltau  # type: ignore[import-untyped]

    known = _known(scores, gains)
    found = np.zeros(known.shape[:-1])
    for group in np.ndindex(found.shape):
        tau = kendalltau(scores[group][known[group]], gains[group][known[group]]).statistic
        found[group] = 0.0 if math.isnan(tau) else tau
    return found


def regret(
    scores: Float[np.ndarray, "*groups sources"], gains: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "*groups"]:
    """Gain of the best source of each group, minus that of the source with the highest score.

    Args:
        scores: what a score says of each source. Where several share the highest, their mean gain
            counts, as if one of them were drawn.
        gains: what came of each, of the same shape.

    Returns:
        In the unit of the gains. Never negative, 0 where the score finds the best source.

    Raises:
        ValueError: the shapes differ, or a group has fewer than 2 known sources.
    """
    known = _known(scores, gains)
    asked, brought = (np.where(known, each, -np.inf) for each in (scores, gains))
    chosen = asked == asked.max(axis=-1, keepdims=True)
    taken = np.where(chosen, gains, 0).sum(axis=-1) / chosen.sum(axis=-1)
    return brought.max(axis=-1) - taken


def mean_over_groups(values: Float[np.ndarray, " groups"], *, level: float = 0.95) -> Estimate:
    r"""Mean of one number per group, and how far it would move with other groups of their kind.

    The interval is Student's, :math:`\bar x \pm t_{n-1} \, s / \sqrt n`, and :math:`s / \sqrt n` is
    also the jackknife's standard error. Average over seeds first: seeds of one group are not
    further groups.

    Args:
        values: one for each group, at least 2.
        level: probability that the interval holds, between 0 and 1.

    Raises:
        ValueError: a value is not finite, there are too few, or ``level`` is not between 0 and 1.

    Reference: Student 1908.
    """
    from scipy.stats import t as student

    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, not {level!r}")
    n = len(values)
    if n < 2 or not np.isfinite(values).all():
        raise ValueError(f"values must be at least 2 finite numbers, not {values!r}")
    quantile = float(student.ppf((1 + level) / 2, n - 1))
    return Estimate.around(values.mean(), quantile * values.std(ddof=1) / math.sqrt(n))


def chosen_settings(rows: Sequence[Mapping[str, str | float]]) -> dict[tuple[str, str], str]:
    """Choose, for each task without labels, the setting that was best on the other tasks.

    Where no label of a target may be read, its own accuracy must not choose how a method is set. So
    each task is left out in turn, and the setting with the highest mean accuracy over the others
    is taken; seeds are averaged first. Of equally good ones the first in the table counts.

    Args:
        rows: of the table ``transferability``, or with the same columns task, method, fraction,
            setting, seed, measure and value. Only accuracies with fraction 0 are read.

    Returns:
        The setting by task and method.

    Raises:
        ValueError: a method was tried on one task only, or one of its settings not on all the tasks
            and seeds of the others.
    """
    found: dict[str, dict[str, dict[tuple[str, float], float]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for row in rows:
        if row["fraction"] == 0 and row["measure"] == "accuracy":
            run = str(row["task"]), float(row["seed"])
            found[str(row["method"])][str(row["setting"])][run] = float(row["value"])
    chosen = {}
    for method, settings in found.items():
        runs = next(iter(settings.values())).keys()
        for setting, accuracies in settings.items():
            if accuracies.keys() != runs:
                raise ValueError(
                    f"rows must hold every setting of {method} on the same tasks and seeds, but "
                    f"those of {setting} are others"
                )
        tasks = list(dict.fromkeys(task for task, _ in runs))
        if len(tasks) < 2:
            raise ValueError(f"rows must hold {method} on at least 2 tasks, not only {tasks[0]}")
        means = {
            setting: {
                task: mean(value for (other, _), value in accuracies.items() if other == task)
                for task in tasks
            }
            for setting, accuracies in settings.items()
        }
        for left_out in tasks:
            elsewhere = {
                setting: mean(value for task, value in by_task.items() if task != left_out)
                for setting, by_task in means.items()
            }
            chosen[left_out, method] = max(elsewhere, key=elsewhere.__getitem__)
    return chosen


def _known(
    scores: Float[np.ndarray, "*groups sources"], gains: Float[np.ndarray, "..."]
) -> np.ndarray:
    """Return which sources have both a score and a gain."""
    if scores.shape != gains.shape:
        raise ValueError(
            f"scores and gains must have one shape, but theirs are {scores.shape} and {gains.shape}"
        )
    known = np.isfinite(scores) & np.isfinite(gains)
    if (known.sum(axis=-1) < 2).any():
        raise ValueError(
            "every group must have at least 2 sources with a finite score and gain: one alone "
            "cannot be ranked"
        )
    return known
