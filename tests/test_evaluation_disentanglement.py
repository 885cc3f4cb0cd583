"""Disentanglement scores, against codes and importance matrices whose scores are known."""

import math
import random

import numpy as np
import pytest
import torch

from tutorial_vae.evaluation import dci, importance_scores, mig

HALF_OF_TEN = 1 - math.log(2) / math.log(10)
DIAGONAL = 5 * np.eye(5)
EMPTY_CODE = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])


def _factors(n: int = 3000, count: int = 5, values: int = 10) -> np.ndarray:
    return np.random.default_rng(0).integers(0, values, (n, count))


# The cases, and their answers, with which Locatello et al. 2019 test their own code.
@pytest.mark.parametrize(
    ("importance", "disentanglement", "completeness"),
    [
        (DIAGONAL, 1.0, 1.0),
        (EMPTY_CODE, 1.0, 1.0),
        (np.zeros((10, 10)), 0.0, 0.0),
        (np.vstack([DIAGONAL, DIAGONAL]), 1.0, HALF_OF_TEN),
        (DIAGONAL[:2], 1.0, 1.0),
        (np.hstack([DIAGONAL, DIAGONAL]), HALF_OF_TEN, 1.0),
    ],
    ids=["diagonal", "empty code", "zero", "redundant codes", "missed factors", "two factors"],
)
def test_importance_scores_of_known_matrices(
    importance: np.ndarray, disentanglement: float, completeness: float
) -> None:
    scores = importance_scores(importance)
    assert scores.disentanglement == pytest.approx(disentanglement, abs=1e-12)
    assert scores.completeness == pytest.approx(completeness, abs=1e-12)


def test_importance_scores_weigh_rows_and_columns_by_their_sums() -> None:
    # Row 0 is concentrated and holds 3/4 of the weight; row 1 is spread evenly.
    scores = importance_scores(np.array([[3.0, 0.0], [0.5, 0.5]]))
    assert scores.disentanglement == pytest.approx(0.75)
    entropy = -(6 / 7 * math.log2(6 / 7) + 1 / 7 * math.log2(1 / 7))
    assert scores.completeness == pytest.approx(7 / 8 * (1 - entropy) + 1 / 8)
    assert importance_scores(np.ones((4, 3))) == pytest.approx((0, 0), abs=1e-12)


@pytest.mark.parametrize(
    ("importance", "message"),
    [
        (np.ones((1, 3)), "at least 2"),
        (np.ones((3, 1)), "at least 2"),
        (np.array([[1.0, -1.0], [1.0, 1.0]]), "at least 0"),
        (np.array([[1.0, np.nan], [1.0, 1.0]]), "finite"),
    ],
)
def test_importance_scores_refuse_what_is_no_importance(
    importance: np.ndarray, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        importance_scores(importance)


def test_mig_of_identity_codes() -> None:
    factors = _factors(count=10)
    result = mig(factors.astype(float), factors)
    assert 0.9 <= result.score <= 1
    assert result.mutual_information.shape == (10, 10)
    assert np.array_equal(result.mutual_information.argmax(axis=0), np.arange(10))
    turned = mig(torch.as_tensor(-3.0 * factors[:, ::-1] + 1), torch.as_tensor(factors))
    assert turned.score == pytest.approx(result.score, abs=1e-12)


def test_mig_of_codes_in_which_no_latent_stands_out() -> None:
    factors = _factors()
    codes = factors.astype(float)
    assert 0 <= mig(np.hstack([codes, codes]), factors).score <= 0.1
    assert mig(np.zeros_like(codes), factors).score == 0
    noise = np.random.default_rng(1).normal(size=codes.shape)
    assert 0 <= mig(noise, factors).score <= 0.1


def test_mig_by_hand() -> None:
    # Two bits; the first latent is the first bit, the second knows it three times in four.
    bit = np.repeat([0, 1], 4)
    copy = np.array([0, 0, 0, 1, 1, 1, 1, 0])
    known = math.log(2) + 0.75 * math.log(0.75) + 0.25 * math.log(0.25)
    result = mig(np.stack([bit, copy], axis=1).astype(float), bit[:, None], bins=2)
    np.testing.assert_allclose(result.mutual_information[:, 0], [math.log(2), known])
    np.testing.assert_allclose(result.gaps, [1 - known / math.log(2)])


def test_mig_cuts_latents_into_bins_of_equal_width() -> None:
    random_source = np.random.default_rng(2)
    latent = random_source.normal(size=2000)
    factor = (latent + 0.5 * random_source.normal(size=2000) > 0).astype(int)
    information = mig(np.stack([latent, 0 * latent], axis=1), factor[:, None]).mutual_information
    table, _, _ = np.histogram2d(latent, factor, bins=(20, 2))
    joint = table / table.sum()
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    some = joint > 0
    expected = (joint[some] * np.log(joint[some] / independent[some])).sum()
    np.testing.assert_allclose(information[:, 0], [expected, 0], atol=1e-12)


@pytest.mark.parametrize("importance", ["random_forest", "gradient_boosting"])
def test_dci_of_identity_codes(importance: str) -> None:
    factors = _factors(n=800, count=3, values=4)
    result = dci(factors.astype(float), factors, importance=importance)
    assert 0.9 <= result.disentanglement <= 1
    assert 0.9 <= result.completeness <= 1
    assert result.informativeness == 1
    np.testing.assert_array_equal(result.accuracies, [1, 1, 1])
    assert result.importance.shape == (3, 3)


def test_dci_of_duplicated_and_of_shuffled_codes() -> None:
    factors = _factors(n=800, values=6)
    codes = factors.astype(float)
    twice = dci(np.hstack([codes, codes]), factors)
    assert twice.disentanglement >= 0.9
    assert twice.completeness == pytest.approx(HALF_OF_TEN, abs=0.1)
    shuffled = dci(np.random.default_rng(3).permuted(codes, axis=1), factors)
    assert 0 <= shuffled.disentanglement <= 0.2
    assert 0 <= shuffled.completeness <= 0.2
    assert shuffled.informativeness < twice.informativeness


def test_dci_of_constant_codes_is_zero_and_informativeness_is_chance() -> None:
    factors = _factors(n=800, count=2, values=4)
    result = dci(np.zeros((800, 3)), factors)
    assert (result.disentanglement, result.completeness) == (0, 0)
    assert result.informativeness == pytest.approx(0.25, abs=0.06)


def test_dci_repeats_itself_and_leaves_the_random_state() -> None:
    factors = _factors(n=200, count=2, values=3)
    codes = factors + np.random.default_rng(4).normal(size=factors.shape)
    numpy_state = np.random.get_state()[1].tolist()  # noqa: NPY002
    states = random.getstate(), torch.get_rng_state()
    first, second, other = dci(codes, factors), dci(codes, factors), dci(codes, factors, seed=1)
    assert first[:3] == second[:3] != other[:3]
    assert numpy_state == np.random.get_state()[1].tolist()  # noqa: NPY002
    assert states[0] == random.getstate()
    assert torch.equal(states[1], torch.get_rng_state())


@pytest.mark.parametrize("score", [mig, dci])
@pytest.mark.parametrize(
    ("codes", "factors", "message"),
    [
        (np.ones((9, 2)), None, r"factors are missing.*dsprites"),
        (np.ones((9, 1)), np.ones((9, 2), int), "at least 2 latents"),
        (np.ones(9), np.ones((9, 2), int), "codes must have the shape"),
        (np.ones((9, 2)), np.ones(9, int), "factors must have the shape"),
        (np.ones((8, 2)), np.ones((9, 2), int), "8 and 9"),
        (np.ones((9, 2)), np.ones((9, 2)), "whole numbers"),
        (np.full((9, 2), np.nan), np.arange(18).reshape(9, 2), "finite"),
        (np.ones((9, 2)), np.stack([np.arange(9), np.ones(9, int)], 1), "column 1 has one value"),
    ],
)
def test_scores_name_bad_input(
    score: object, codes: np.ndarray, factors: np.ndarray | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        score(codes, factors)


def test_scores_name_bad_options() -> None:
    codes, factors = np.eye(8)[:, :2], np.arange(16).reshape(8, 2)
    with pytest.raises(ValueError, match="bins"):
        mig(codes, factors, bins=1)
    with pytest.raises(ValueError, match="importance"):
        dci(codes, factors, importance="tea leaves")
    with pytest.raises(ValueError, match="at least 2 factors"):
        dci(codes, factors[:, :1])


def test_mig_of_perfect_codes_is_one_however_many_values_a_factor_has() -> None:
    draw = np.random.default_rng(0)
    factors = np.stack([draw.integers(0, size, 20_000) for size in (3, 6, 40, 32, 32)], axis=1)
    assert mig(factors.astype(float), factors).score > 0.99
    # Forty values in twenty bins are not told apart.
    assert mig(factors.astype(float), factors, bins=20).score < 0.92
    few = factors[:, :2]
    assert mig(few + 0.3, few).score == mig(few + 0.3, few, bins=20).score
