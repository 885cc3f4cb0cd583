"""Anomaly scores and areas under ROC curves, against their definitions and known separations."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

import tutorial_vae as tv
from tutorial_vae.evaluation import anomaly_detection, anomaly_scores
from tutorial_vae.evaluation.anomalies import _area


def _stripes(n: int, *, across: bool = False, seed: int = 0) -> torch.Tensor:
    """Images with two bright rows, or columns, and noise."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 60, (n, 1, 6, 6), dtype=torch.uint8, generator=generator)
    images[..., 2:4] += 150
    return images if across else images.transpose(2, 3).contiguous()


@pytest.fixture
def model() -> tv.VAE:
    torch.manual_seed(0)
    return tv.VAE((1, 6, 6), 2, architecture="mlp")


def test_scores_are_the_parts_of_the_elbo(model: tv.VAE) -> None:
    images = _stripes(30)
    scores = {
        name: anomaly_scores(model, images, score=name, samples=3)
        for name in ("elbo", "reconstruction", "kl", "squared_error")
    }
    result = tv.evaluate(model, images, samples=3)
    assert scores["elbo"].mean().item() == pytest.approx(-result.elbo)
    assert scores["reconstruction"].mean().item() == pytest.approx(-result.log_likelihood)
    assert scores["kl"].mean().item() == pytest.approx(result.kl)
    x = images / 255
    errors = (model.reconstruct(x) - x).square().mean(dim=(1, 2, 3))
    torch.testing.assert_close(scores["squared_error"].float(), errors)
    assert torch.equal(anomaly_scores(model, images), anomaly_scores(model, images))


@pytest.mark.parametrize("score", ["elbo", "reconstruction", "squared_error"])
def test_trained_model_and_pca_tell_rows_from_columns(model: tv.VAE, score: str) -> None:
    train = _stripes(200)
    tv.fit(model, train, steps=150, progress=False)
    state = torch.get_rng_state()
    other, odd = _stripes(60, seed=1), _stripes(40, across=True, seed=2)
    result = anomaly_detection(model, train, other, odd, score=score)
    assert torch.equal(state, torch.get_rng_state())
    assert result.model.value == result.pca.value == 1
    turned = anomaly_detection(model, train, odd, other, score=score)
    assert turned.model.value == turned.pca.value == 0


def test_equal_kinds_are_told_apart_by_chance(model: tv.VAE) -> None:
    result = anomaly_detection(model, _stripes(100), _stripes(150, seed=1), _stripes(150, seed=2))
    for area in result:
        assert abs(area.value - 0.5) < 3.5 * area.standard_error
        assert 0.02 < area.standard_error < 0.05


def test_area_counts_ties_by_half_and_agrees_with_scikit_learn() -> None:
    random = np.random.default_rng(0)
    normal = random.integers(0, 6, 80).astype(float)
    anomalous = random.integers(2, 9, 50).astype(float)
    truth = np.repeat([0, 1], [80, 50])
    expected = roc_auc_score(truth, np.concatenate([normal, anomalous]))
    wins = (anomalous[:, None] > normal) + 0.5 * (anomalous[:, None] == normal)
    area = _area(normal, anomalous)
    assert area.value == pytest.approx(expected)
    assert area.value == pytest.approx(wins.mean())
    # The two-sample formula of DeLong et al. 1988, from the table of all pairs.
    variance = wins.mean(axis=1).var(ddof=1) / 50 + wins.mean(axis=0).var(ddof=1) / 80
    assert area.standard_error == pytest.approx(variance**0.5)


def test_standard_error_is_the_spread_over_repetitions() -> None:
    random = np.random.default_rng(1)
    areas = [_area(random.normal(size=60), random.normal(1.0, size=40)) for _ in range(400)]
    spread = np.std([area.value for area in areas])
    assert np.mean([area.standard_error for area in areas]) == pytest.approx(spread, rel=0.12)


def test_bad_input_is_named(model: tv.VAE) -> None:
    images = _stripes(5)
    with pytest.raises(ValueError, match="score must be one of"):
        anomaly_scores(model, images, score="smell")
    with pytest.raises(ValueError, match="samples"):
        anomaly_scores(model, images, samples=0)
    with pytest.raises(ValueError, match="normal must hold at least 2"):
        anomaly_detection(model, images, images[:1], images)
    with pytest.raises(ValueError, match="anomalies must hold at least 2"):
        anomaly_detection(model, images, images, images[:1])
    with pytest.raises(ValueError, match="made for"):
        anomaly_detection(model, images, images, images[:, :, :3])
