"""CKA in float32 and bfloat16 against float64, on the same activations."""

import numpy as np
import pytest
import torch
from torch import nn

from tutorial_vae.models import VAE
from tutorial_vae.similarity import ConstantLayerWarning, compare_layers, comparison


def fresh(seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return VAE((1, 16, 16), 4)


class Halves(nn.Module):
    """Two layers that read two halves of the images' features."""

    def __init__(self):
        super().__init__()
        self.x, self.y = nn.Identity(), nn.Identity()

    def forward(self, features):
        x, y = features.chunk(2, dim=1)
        return self.x(x) + self.y(y)


@pytest.fixture
def grams_only(monkeypatch):
    monkeypatch.setattr(comparison, "gram_and_feature_costs", lambda *_: (0, 1))


def oracles():
    legacy = np.random.RandomState(1337)
    x = legacy.randn(100, 10)
    yield x, legacy.randn(100, 10) + x
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(2, 200, 600))
    yield x, y
    yield 1e4 + 1e-2 * x, 3.0 + y + x
    yield np.hstack([np.full((200, 1), 1e4 / 3), 1e-3 * x[:, 1:]]), y + x
    yield 1e-20 * x, 1e20 * (y + x)
    yield np.maximum(x, 0), np.maximum(x + y, 0)
    # What centring nearly wipes out: an outlier, and images that are almost equally far apart.
    outlier = x.copy()
    outlier[0] *= 1e4
    yield outlier, x + y
    yield 10 * np.eye(200, 600) + 0.01 * x, x + y
    # Directions that hide all others.
    yield x * np.r_[1e4, np.ones(599)], x + y
    yield x + 30 * (np.arange(200) < 100)[:, None], x + y


@pytest.mark.parametrize("memory", [2**29, 2**18], ids=["whole", "blocks"])
@pytest.mark.parametrize("mode", ["exact", "minibatch"])
def test_oracles_in_less_than_float64(mode, memory, monkeypatch, grams_only):
    monkeypatch.setattr(comparison, "MEMORY", memory)
    for x, y in oracles():
        both = torch.from_numpy(np.hstack([x, y])).float()
        options = {"mode": mode, "batch_size": 100}
        model = Halves()
        exact = compare_layers(model, model, both, precision="64", **options).values
        single = compare_layers(model, model, both, **options).values
        rounded = compare_layers(model, model, both, precision="bf16", **options).values
        np.testing.assert_allclose(single, exact, rtol=0, atol=1e-6)
        np.testing.assert_allclose(rounded, exact, rtol=0, atol=1e-4)


@pytest.mark.parametrize("factor", [1, 100], ids=["noise", "outlier"])
@pytest.mark.parametrize("mode", ["exact", "minibatch"])
def test_bfloat16(mode, factor):
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(2, 256, 2048))
    y += x
    x[0] *= factor
    model, both = Halves(), torch.from_numpy(np.hstack([x, y])).float()
    exact, single, rounded = (
        compare_layers(model, model, both, mode=mode, precision=precision).values
        for precision in ("64", "32", "bf16")
    )
    assert np.abs(rounded - single).max() > 1e-7  # a layer of 2048 features is rounded
    np.testing.assert_allclose(rounded, exact, rtol=0, atol=1e-4)


def test_rbf_kernels_are_always_in_float64(grams_only):
    x, y = next(iter(oracles()))
    both = torch.from_numpy(np.hstack([x, y])).float()
    values = [
        compare_layers(model := Halves(), model, both, kernel="rbf", precision=precision).values
        for precision in ("64", "32", "bf16")
    ]
    np.testing.assert_array_equal(values[1], values[0])
    np.testing.assert_array_equal(values[2], values[0])


def test_images_equally_far_apart_have_no_value_in_any_precision(grams_only):
    both = torch.cat([torch.eye(40), torch.randn(40, 40)], dim=1)
    for precision in ("64", "32", "bf16"):
        with pytest.warns(ConstantLayerWarning, match="layer x of model_a"):
            result = compare_layers(model := Halves(), model, both, precision=precision)
        np.testing.assert_array_equal(np.isnan(result.values), [[True, True], [True, False]])


def test_equal_images_tie_in_any_precision(grams_only):
    generator = torch.Generator().manual_seed(0)
    pairs = torch.randn(3, 3000, generator=generator).repeat(3, 1)
    both = torch.cat([pairs, pairs + 0.1], dim=1)
    model = Halves()
    exact = compare_layers(model, model, both, precision="64").p_values(500)
    np.testing.assert_array_equal(compare_layers(model, model, both).p_values(500), exact)


@pytest.mark.parametrize("mode", ["exact", "minibatch"])
def test_precision_on_fresh_networks(mode):
    pictures = torch.rand(100, 1, 16, 16)
    options = {"mode": mode, "batch_size": 50}
    models = fresh(0), fresh(1)
    exact, single, rounded = (
        compare_layers(*models, pictures, precision=precision, **options).values
        for precision in ("64", "32", "bf16")
    )
    np.testing.assert_allclose(single, exact, rtol=0, atol=1e-6)
    np.testing.assert_allclose(rounded, exact, rtol=0, atol=1e-4)


def test_double_models_are_centred_before_they_are_rounded():
    far = 1e9 + torch.randn(70, 4, dtype=torch.float64)
    exact = compare_layers(model := Halves(), model, far).values
    single = compare_layers(model, model, far, precision="32").values
    np.testing.assert_allclose(single, exact, rtol=0, atol=1e-6)
