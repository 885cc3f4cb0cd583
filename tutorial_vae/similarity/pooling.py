"""What several runs say together: means over seeds and data sets, with their intervals."""

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from ..estimates import Estimate
from .layers import LayerSimilarity


def pool(
    similarities: Sequence[LayerSimilarity],
    *,
    statistic: Callable[[LayerSimilarity], Any] | None = None,
    groups: Sequence[Hashable] | None = None,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Mean over runs, with a bootstrap interval as if other runs had been made.

    Runs of one group, for instance the seeds of one pair of data sets, belong together: whole
    groups are redrawn, with all their runs. Redrawing runs within them as well would count the
    variance of the runs twice. As groups are few, percentiles of the redrawn means would be too
    narrow: the interval is the mean ± Student's quantile times their spread, which is widened by
    the √(G / (G − 1)) that redrawing G groups loses.

    Args:
        similarities: one comparison a run, all of the same layers.
        statistic: what to average, for instance ``lambda run: run.values[:6].mean() -
            run.values[6:].mean()``, a contrast of the first six layers and the rest; a number or an
            array of one shape. By default every entry of ``values``.
        groups: a label for each run; by default each run is a group of its own. Every group
            counts equally, however many runs it holds. Groups that share a data set are treated as
            independent.
        level: probability that the interval covers, between 0 and 1.
        draws: bootstrap samples.
        seed: source of the bootstrap samples.

    Returns:
        The mean and the two ends of its interval. NaN where any run is NaN.

    Raises:
        ValueError: fewer than two groups, layers that differ, or an argument outside what is said
            above.

    Reference: Davison & Hinkley 1997, section 3.8 (the bootstrap of hierarchical data).
    """
    from scipy.stats import t as student  # type: ignore[import-untyped]

    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level!r}")
    if draws < 2:
        raise ValueError(f"draws must be at least 2, not {draws!r}")
    labels = list(range(len(similarities))) if groups is None else list(groups)
    if len(labels) != len(similarities):
        raise ValueError(f"groups has {len(labels)} labels for {len(similarities)} similarities")
    if len({(run.rows, run.columns) for run in similarities}) > 1:
        raise ValueError("similarities must be of the same layers in every run")
    measured = [
        np.asarray(run.values if statistic is None else statistic(run), dtype=np.float64)
        for run in similarities
    ]
    members: dict[Hashable, list[np.ndarray]] = {}
    for label, value in zip(labels, measured, strict=True):
        members.setdefault(label, []).append(value)
    count = len(members)
    if count < 2:
        raise ValueError(f"an interval over runs needs at least 2 groups, and there are {count}")
    means = np.stack([np.mean(values, axis=0) for values in members.values()])
    generator = np.random.default_rng(seed)
    times = generator.multinomial(count, np.full(count, 1 / count), size=draws)
    redrawn = np.tensordot(times, means, axes=1) / count
    spread = redrawn.std(axis=0, ddof=1) * math.sqrt(count / (count - 1))
    reach = float(student.ppf((1 + level) / 2, count - 1)) * spread
    mean = means.mean(axis=0)
    return Estimate(*map(np.asarray, (mean, mean - reach, mean + reach)))
