"""Means over runs and their intervals, against Student's and in simulation."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from tutorial_vae.similarity import pooling
from tutorial_vae.similarity.grams import Grams
from tutorial_vae.similarity.layers import LayerSimilarity

NOTHING = Grams([torch.zeros(1, 4, 4)], [torch.zeros(1, 4, 4)], "unbiased")


def run(values):
    values = np.atleast_2d(values)
    rows, columns = (tuple(f"layer{i}" for i in range(count)) for count in values.shape)
    return LayerSimilarity(
        values=values,
        rows=rows,
        columns=columns,
        chance=0 * values,
        n=100,
        kernel="linear",
        estimator="unbiased",
        _kept=NOTHING,
    )


def test_interval_of_independent_runs_is_that_of_student():
    runs = np.random.default_rng(0).normal(size=(6, 2, 3))
    result = pooling.pool([run(values) for values in runs], draws=20_000)
    low, high = stats.t.interval(0.95, 5, runs.mean(axis=0), stats.sem(runs, axis=0))
    np.testing.assert_allclose(result.value, runs.mean(axis=0))
    np.testing.assert_allclose(result.low, low, atol=0.05)
    np.testing.assert_allclose(result.high, high, atol=0.05)


def test_groups_count_equally_and_a_statistic_replaces_the_values():
    runs = [run([[1.0, 0.0]]), run([[0.0, 0.0]]), run([[0.0, 0.5]])]
    result = pooling.pool(runs, groups=["a", "a", "b"])
    np.testing.assert_allclose(result.value, [[0.25, 0.25]])
    contrast = pooling.pool(
        runs, groups=["a", "a", "b"], statistic=lambda r: r.values[0, 0] - r.values[0, 1]
    )
    assert contrast.value == pytest.approx(0.0)
    assert contrast.low < 0 < contrast.high
    assert np.isnan(pooling.pool([run([[math.nan]]), run([[1.0]])]).low)


@pytest.mark.parametrize("seeds_spread", [0.1, 2.0])
@pytest.mark.parametrize("pairs", [3, 12])
def test_coverage(pairs, seeds_spread):
    """500 experiments with 3 seeds a pair: coverage of 95% has a standard error of 1 point."""
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(pairs), 3)
    covered = 0
    for _ in range(500):
        values = generator.normal(size=pairs)[labels]
        values = values + seeds_spread * generator.normal(size=3 * pairs)
        runs = [run(value) for value in values]
        result = pooling.pool(runs, groups=list(labels), draws=400)
        covered += result.low <= 0 <= result.high
    assert 0.92 <= covered / 500 <= 0.98


def test_bad_calls():
    two = [run([[0.0]]), run([[1.0]])]
    with pytest.raises(ValueError, match="groups has 1 labels for 2 similarities"):
        pooling.pool(two, groups=["a"])
    with pytest.raises(ValueError, match="needs at least 2 groups, and there are 1"):
        pooling.pool(two, groups=["a", "a"])
    with pytest.raises(ValueError, match=r"level must lie between 0 and 1, not 95\.0"):
        pooling.pool(two, level=95.0)
    with pytest.raises(ValueError, match="draws must be at least 2, not 1"):
        pooling.pool(two, draws=1)
    with pytest.raises(ValueError, match="same layers in every run"):
        pooling.pool([run([[0.0]]), run([[1.0, 2.0]])])
