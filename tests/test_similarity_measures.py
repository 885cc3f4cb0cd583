"""Procrustes, RSA and regression against SciPy and scikit-learn, and the controls."""

import numpy as np
import pytest
import scipy
import torch
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr
from sklearn.linear_model import LinearRegression
from torch import nn

from tutorial_vae.models import VAE
from tutorial_vae.similarity import ConstantLayerWarning, compare_layers


class Parts(nn.Module):
    """Layers x and y, which read the first three and the other features of the images."""

    def __init__(self):
        super().__init__()
        self.x, self.y = nn.Identity(), nn.Identity()

    def forward(self, features):
        self.x(features[:, :3])
        return self.y(features[:, 3:])


def compared(x, y, measure):
    both = torch.from_numpy(np.hstack([x, y]))
    return compare_layers(model := Parts(), model, both, measure=measure)


@pytest.fixture
def pair():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(30, 3))
    return x, x @ generator.normal(size=(3, 5)) + generator.normal(size=(30, 5))


def test_procrustes_is_that_of_scipy(pair):
    x, y = pair
    value = compared(x, y, "procrustes").values[0, 1]
    a, b = ((part - part.mean(axis=0)) / np.linalg.norm(part - part.mean(axis=0)) for part in pair)
    _, scale = scipy.linalg.orthogonal_procrustes(np.pad(a, ((0, 0), (0, 2))), b)
    assert value == pytest.approx(scale, abs=1e-12)
    _, _, disparity = scipy.spatial.procrustes(np.pad(x, ((0, 0), (0, 2))), y)
    assert value == pytest.approx(np.sqrt(1 - disparity), abs=1e-12)


def test_rsa_is_that_of_scipy(pair):
    x, y = pair
    value = compared(x, y, "rsa").values[0, 1]
    assert value == pytest.approx(spearmanr(pdist(x), pdist(y)).statistic, abs=1e-12)
    # With ties: few different distances.
    x, y = x.round(), y.round()
    value = compared(x, y, "rsa").values[0, 1]
    assert value == pytest.approx(spearmanr(pdist(x), pdist(y)).statistic, abs=1e-12)


def test_regression_is_that_of_scikit_learn(pair):
    x, y = pair
    values = compared(x, y, "regression").values
    for (i, a), (j, b) in (((0, x), (1, y)), ((1, y), (0, x))):
        fitted = LinearRegression().fit(a, b)
        r2 = fitted.score(a, b)  # the mean over features: weigh them by variance
        weighted = 1 - ((b - fitted.predict(a)) ** 2).sum() / ((b - b.mean(axis=0)) ** 2).sum()
        assert values[i, j] == pytest.approx(weighted, abs=1e-12)
        assert abs(r2 - weighted) < 0.3
    assert values[0, 1] != pytest.approx(values[1, 0], abs=0.01)


@pytest.mark.parametrize("measure", ["procrustes", "rsa", "regression"])
def test_invariances(pair, measure):
    x, y = pair
    rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))
    value = compared(x, y, measure).values[0, 1]
    moved = compared(x, 3e-4 * y @ rotation + np.arange(5.0), measure).values[0, 1]
    assert moved == pytest.approx(value, abs=1e-9)
    assert compared(x, x @ rotation[:3, :3], measure).values[0, 0] == pytest.approx(1, abs=1e-12)
    stretched = compared(x * [10.0, 1.0, 1.0], y, measure).values[0, 1]
    assert (abs(stretched - value) < 1e-9) == (measure == "regression")


@pytest.mark.parametrize("measure", ["procrustes", "rsa", "regression"])
def test_more_features_than_images_keep_all_distances(pair, measure):
    x, y = pair
    wide = (
        np.hstack([y, np.zeros((30, 100))])
        @ np.linalg.qr(np.random.default_rng(2).normal(size=(105, 105)))[0]
    )
    value = compared(x, wide, measure).values[0, 1]
    assert value == pytest.approx(compared(x, y, measure).values[0, 1], abs=1e-9)


@pytest.mark.parametrize("measure", ["procrustes", "rsa", "regression"])
def test_chance_intervals_and_p_values(pair, measure):
    x, y = pair
    result = compared(x, y, measure)
    generator = np.random.default_rng(3)
    shuffled = [compared(x, y[generator.permutation(30)], measure).values[0, 1] for _ in range(200)]
    error = np.std(shuffled) * (1 / np.sqrt(200) + 1 / np.sqrt(100))
    assert abs(result.chance[0, 1] - np.mean(shuffled)) < 4 * error
    assert result.p_values(99)[0, 1] == 0.01
    low, high = result.interval(draws=20)
    assert low[0, 1] < result.values[0, 1] < high[0, 1]


def test_a_regression_on_as_many_features_as_images_says_nothing(pair):
    x, _ = pair
    noise = np.random.default_rng(4).normal(size=(30, 40))
    result = compared(x, noise, "regression")
    assert result.values[1, 0] == pytest.approx(1)
    assert result.chance[1, 0] == pytest.approx(1)
    assert result.p_values(20)[1, 0] == 1


@pytest.mark.parametrize("measure", ["procrustes", "rsa", "regression"])
def test_constant_layers(pair, measure):
    x, _ = pair
    with pytest.warns(ConstantLayerWarning, match="layer y of model_a"):
        result = compared(x, np.ones((30, 4)), measure)
    assert np.isnan(result.values[1]).all()
    assert np.isnan(result.values[:, 1]).all()
    assert np.isfinite(result.values[0, 0])


def test_measures_refuse_what_belongs_to_cka(pair):
    images = torch.rand(20, 6)
    for name, value in (("kernel", "rbf"), ("mode", "minibatch"), ("precision", "bf16")):
        with pytest.raises(ValueError, match="measure 'rsa' goes with kernel='linear'"):
            compare_layers(Parts(), Parts(), images, measure="rsa", **{name: value})


# Controls


def fresh(seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return VAE((1, 16, 16), 3, architecture="mlp")


def test_controls():
    images = torch.rand(20, 1, 16, 16)
    model_a, model_b, other = fresh(0), fresh(1), fresh(2)
    before = {name: value.clone() for name, value in model_a.state_dict().items()}
    state = torch.random.get_rng_state()
    result = compare_layers(
        model_a, model_b, images, controls=("untrained", "pixels"), other_seed=other, seed=7
    )
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in model_a.state_dict().items())
    assert list(result.controls) == ["untrained", "pixels", "other_seed"]
    untrained = result.controls["untrained"]
    assert untrained.columns == result.columns == untrained.rows
    assert np.abs(untrained.values - result.values).max() > 0.01
    again = compare_layers(model_a, model_b, images, controls=("untrained",), seed=7)
    np.testing.assert_array_equal(again.controls["untrained"].values, untrained.values)
    pixels = result.controls["pixels"]
    assert pixels.rows == ("pixels",)
    layer = nn.Sequential(nn.Flatten())
    expected = compare_layers(layer, model_b, images)
    np.testing.assert_allclose(pixels.values, expected.values, atol=1e-12)
    direct = compare_layers(other, model_b, images)
    np.testing.assert_array_equal(result.controls["other_seed"].values, direct.values)
    assert result.controls["other_seed"].p_values(5).shape == result.values.shape


class Weighted(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale, self.leaf = nn.Parameter(torch.ones(6)), nn.Identity()

    def forward(self, x):
        return self.leaf(x * self.scale)


def test_bad_controls():
    images = torch.rand(20, 6)
    for bad in ("pixels", ("trained",)):
        with pytest.raises(ValueError, match="controls must hold 'untrained' and 'pixels' alone"):
            compare_layers(Parts(), Parts(), images, controls=bad)
    with pytest.raises(
        ValueError, match="untrained: scale cannot be drawn anew, for Weighted has no"
    ):
        compare_layers(Weighted(), Parts(), images, controls=("untrained",))
