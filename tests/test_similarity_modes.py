"""Comparing layers of any module, in batches, in blocks and with less than float64."""

import math
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from tutorial_vae.models import VAE
from tutorial_vae.similarity import RBF, ConstantLayerWarning, cka, compare_layers, comparison
from tutorial_vae.similarity.blocks import BlockSums
from tutorial_vae.similarity.grams import Grams
from tutorial_vae.similarity.measures import Coordinates, gram_and_feature_costs


def network(seed, width=6, features=5):
    """A small network whose layers have more features than its input."""
    torch.manual_seed(seed)
    return nn.Sequential(
        OrderedDict(
            first=nn.Linear(features, width),
            active=nn.ReLU(inplace=True),
            second=nn.Linear(width, width + 3),
        )
    ).double()


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(70, 5, generator=generator, dtype=torch.float64)


def fresh(seed=0, shape=(1, 16, 16)):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return VAE(shape, 4)


def direct(model, images):
    """Activations of the network above."""
    with torch.no_grad():
        first = model.first(images)
        active = first.relu()
        return [first, active, model.second(active)]


def expected(model_a, model_b, images, **options):
    rows, columns = direct(model_a, images), direct(model_b, images)
    return np.array([[cka(x, y, **options) for y in columns] for x in rows])


@pytest.fixture
def little_memory(monkeypatch):
    """No room for whole grams, nor for features in their place."""
    monkeypatch.setattr(comparison, "MEMORY", 2**12)


@pytest.fixture
def grams_only(monkeypatch):
    monkeypatch.setattr(comparison, "gram_and_feature_costs", lambda *_: (0, 1))


# Any module


def test_all_leaves_of_a_plain_module(images):
    model_a, model_b = network(0), network(1, width=8)
    result = compare_layers(model_a, model_b, images)
    assert result.rows == result.columns == ("first", "active", "second")
    np.testing.assert_allclose(result.values, expected(model_a, model_b, images), atol=1e-12)
    assert not any(module._forward_hooks for module in model_a.modules())


class Awkward(nn.Module):
    """A module with leaves that no default may take."""

    def __init__(self):
        super().__init__()
        self.late, self.early = nn.Linear(4, 4), nn.Linear(4, 4)
        self.twice, self.never = nn.Linear(4, 4), nn.Linear(4, 4)
        self.pair, self.pooled = Pair(), Pooled()

    def forward(self, x):
        x, _ = self.pair(self.late(self.twice(self.twice(self.early(x)))))
        return x + self.pooled(x)


class Pair(nn.Module):
    def forward(self, x):
        return x, x


class Pooled(nn.Module):
    def forward(self, x):
        return x.mean(dim=0, keepdim=True)


def test_defaults_leave_out_what_is_no_layer():
    result = compare_layers(Awkward(), Awkward(), torch.rand(9, 4))
    assert result.rows == ("early", "late")
    with pytest.raises(ValueError, match="layer twice of model_a gave 18 outputs for 9 images"):
        compare_layers(Awkward(), Awkward(), torch.rand(9, 4), layers=["twice"])
    with pytest.raises(ValueError, match="layer pair of model_a has several outputs"):
        compare_layers(Awkward(), Awkward(), torch.rand(9, 4), layers=["pair"])
    with pytest.raises(ValueError, match="model_a has no layer with one output per image"):
        compare_layers(nn.Sequential(Pooled()), Awkward(), torch.rand(9, 4))


def test_a_vae_beside_a_plain_module():
    vae = fresh()
    plain = nn.Sequential(OrderedDict(flat=nn.Flatten(), dense=nn.Linear(256, 3)))
    result = compare_layers(vae, plain, torch.rand(9, 1, 16, 16))
    assert result.rows == vae.layer_names
    assert result.columns == ("flat", "dense")


def test_images_that_a_plain_module_cannot_read(images):
    with pytest.raises(ValueError, match=r"model_a cannot read images of shape \(4,\).*70x|shapes"):
        compare_layers(network(0), network(1), images[:, :4])
    with pytest.raises(ValueError, match=r"uint8 or floats of shape \(n, ...\), not torch.int64"):
        compare_layers(network(0), network(1), images.long())
    spoilt = images.clone()
    spoilt[3, 1] = math.nan
    with pytest.raises(ValueError, match=r"images must be finite, but it holds nan at \(3, 1\)"):
        compare_layers(network(0), network(1), spoilt)


# The cheaper form


def test_cost_in_gram_and_feature_costs():
    grams, features = gram_and_feature_costs(100, [3], [7])
    assert grams == 100 * 100 * (3 + 7 + 1)
    assert features == 100 * (3 * 7 + 3 * 3 + 7 * 7)
    few, many = [10, 10], [5000, 5000]
    assert np.argmin(gram_and_feature_costs(1000, few, few)) == 1
    assert np.argmin(gram_and_feature_costs(1000, many, many)) == 0


@pytest.mark.parametrize("estimator", ["unbiased", "biased"])
def test_forms_agree(images, estimator, monkeypatch):
    options = {"estimator": estimator}
    by_features = compare_layers(network(0), network(1), images, **options)
    monkeypatch.setattr(comparison, "gram_and_feature_costs", lambda *_: (0, 1))
    by_grams = compare_layers(network(0), network(1), images, **options)
    assert isinstance(by_features._kept, Coordinates)
    assert isinstance(by_grams._kept, Grams)
    for name in ("values", "chance"):
        np.testing.assert_allclose(getattr(by_features, name), getattr(by_grams, name), atol=1e-12)
    for seed in (0, 1):
        np.testing.assert_allclose(
            by_features.interval(draws=9, seed=seed),
            by_grams.interval(draws=9, seed=seed),
            atol=1e-9,
        )
        np.testing.assert_allclose(
            by_features.p_values(30, seed=seed), by_grams.p_values(30, seed=seed)
        )


# Batches


def test_minibatch_is_a_ratio_of_averaged_hsics(images):
    from tutorial_vae.similarity import hsic

    model_a, model_b = network(0), network(1)
    options = {"mode": "minibatch", "batch_size": 20, "precision": "64"}
    result = compare_layers(model_a, model_b, images, seed=3, **options)
    order = np.random.default_rng(3).permutation(70)
    batches = [images[order[start : start + 20]] for start in range(0, 70, 20)]

    def average(x, y):
        values = [hsic(x(batch), y(batch)) for batch in batches]
        return np.average(values, weights=[20, 20, 20, 10])

    for i in range(3):
        for j in range(3):
            a, b = (lambda x, i=i: direct(model_a, x)[i]), (lambda x, j=j: direct(model_b, x)[j])
            ratio = average(a, b) / math.sqrt(average(a, a) * average(b, b))
            assert result.values[i, j] == pytest.approx(ratio, abs=1e-12)
    np.testing.assert_array_equal(result.chance, 0)


def test_one_minibatch_is_exact(images, grams_only):
    batch = compare_layers(network(0), network(1), images, mode="minibatch", batch_size=100)
    whole = compare_layers(network(0), network(1), images)
    np.testing.assert_allclose(batch.values, whole.values, atol=1e-12)


def test_minibatches_keep_block_diagonal_grams_alone(images):
    evidence = compare_layers(
        network(0), network(1), images, mode="minibatch", batch_size=16, precision="32"
    )._kept
    assert [tuple(grams.shape) for grams in evidence.rows] == [(3, 16, 16)] * 4 + [(3, 6, 6)]
    assert evidence.rows[0].dtype == torch.float32


def test_batches_that_are_too_small_are_refused_before_anything_runs(images):
    for batch_size, last in ((2, 2), (23, 1), (67, 3)):
        with pytest.raises(
            ValueError, match=f"batch_size {batch_size} cuts 70 .* last .* has {last}"
        ):
            compare_layers(network(0), network(1), images, mode="minibatch", batch_size=batch_size)


def test_a_layer_that_is_dead_in_one_batch_only(images):
    torch.manual_seed(0)
    sparse = images.clone()
    order = np.random.default_rng(0).permutation(70)
    sparse[order[:35]] = 0.5
    result = compare_layers(network(0), network(1), sparse, mode="minibatch", batch_size=35)
    rest = compare_layers(network(0), network(1), sparse[order[35:]])
    np.testing.assert_allclose(result.values, rest.values, atol=1e-12)


# Blocks


@pytest.mark.parametrize("kernel", ["linear", RBF(bandwidth=3.0)])
@pytest.mark.parametrize("estimator", ["unbiased", "biased"])
def test_blocks_change_no_value(images, estimator, kernel, little_memory):
    model_a, model_b = network(0), network(1)
    options = {"kernel": kernel, "estimator": estimator}
    result = compare_layers(model_a, model_b, 1e4 + images, batch_size=3, **options)
    assert isinstance(result._kept, BlockSums)
    rows, columns = direct(model_a, 1e4 + images), direct(model_b, 1e4 + images)
    values = [[cka(x, y, **options) for y in columns] for x in rows]
    np.testing.assert_allclose(result.values, values, atol=1e-9)
    same = compare_layers(model_a, model_a, images, **options)
    np.testing.assert_allclose(np.diag(same.values), 1, atol=1e-12)
    np.testing.assert_allclose(
        same.values, expected(model_a, model_a, images, **options), atol=1e-9
    )


@pytest.mark.parametrize("estimator", ["unbiased", "biased"])
def test_chance_of_blocks(images, estimator, monkeypatch):
    whole = compare_layers(network(0), network(1), images, estimator=estimator)
    monkeypatch.setattr(comparison, "MEMORY", 2**12)
    blocks = compare_layers(network(0), network(1), images, estimator=estimator)
    np.testing.assert_allclose(blocks.chance, whole.chance, atol=1e-12)


def test_half_samples_of_blocks_are_exact(images, little_memory):
    model = network(0)
    result = compare_layers(model, network(1), images)
    values, share, freedom = result._kept.half_samples(3, np.random.default_rng(5))
    order = torch.from_numpy(np.random.default_rng(0).permutation(70))
    blocks = order.tensor_split(16)
    generator = np.random.default_rng(5)
    for value in values:
        kept = sorted(generator.permutation(16)[:8])
        part = images[torch.cat([blocks[block] for block in kept])]
        np.testing.assert_allclose(value, expected(model, network(1), part), atol=1e-9)
    assert (share, freedom) == (0.5, 15)


def test_a_sorted_set_of_images_has_the_same_interval(images, little_memory):
    ordered = images[images[:, 0].argsort()]
    widths = []
    for pictures in (images, ordered):
        low, high = compare_layers(network(0), network(1), pictures).interval()
        widths.append(high - low)
    np.testing.assert_allclose(widths[0], widths[1], rtol=0.8)


def test_median_heuristic_needs_all_images(images, little_memory):
    for mode in ("exact", "minibatch"):
        with pytest.raises(ValueError, match=r"kernel 'rbf' .* use RBF\(bandwidth=...\)"):
            compare_layers(network(0), network(1), images, kernel="rbf", mode=mode)


@pytest.mark.parametrize("mode", ["exact", "minibatch"])
def test_dead_layers_are_named_in_every_mode(images, mode, little_memory):
    model = network(0)
    with torch.no_grad():
        model.second.weight.zero_()
    with pytest.warns(ConstantLayerWarning, match="layer second of model_b"):
        result = compare_layers(network(1), model, images, mode=mode, batch_size=35)
    assert np.isnan(result.values[:, 2]).all()
    for array in (*result.interval(draws=5), result.p_values(5)):
        np.testing.assert_array_equal(np.isnan(array), np.isnan(result.values))


@pytest.mark.parametrize("mode", ["exact", "minibatch"])
def test_activations_that_are_not_finite(images, mode, little_memory):
    model = network(0)
    with torch.no_grad():
        model.second.bias[1] = math.inf
    with pytest.raises(ValueError, match="layer second of model_a must be finite"):
        compare_layers(model, network(1), images, mode=mode, batch_size=35)


# Intervals and p-values of parts


@pytest.fixture
def part_options(request, monkeypatch):
    if request.param == "blocks":
        monkeypatch.setattr(comparison, "MEMORY", 2**12)
        return {}
    return {"mode": "minibatch", "batch_size": 20}


class Halves(nn.Module):
    """Two layers that read two halves of the images' features."""

    def __init__(self):
        super().__init__()
        self.x, self.y = nn.Identity(), nn.Identity()

    def forward(self, features):
        x, y = features.chunk(2, dim=1)
        return self.x(x) + self.y(y)


@pytest.mark.parametrize("part_options", ["blocks", "batches"], indirect=True)
def test_intervals_of_parts_cover(part_options):
    """40 sets of 80 images: coverage of 95% has a standard error of 3.4 points."""
    generator = np.random.default_rng(0)
    variances = 1 / np.arange(1, 6)
    truth = (variances**2).sum() / math.sqrt((variances**2).sum() * ((variances + 1) ** 2).sum())
    covered = 0
    for seed in range(40):
        x = generator.normal(size=(80, 5)) * np.sqrt(variances)
        both = torch.from_numpy(np.hstack([x, x + generator.normal(size=(80, 5))]))
        result = compare_layers(model := Halves(), model, both, **part_options)
        low, high = result.interval(draws=60, seed=seed)
        covered += low[0, 1] <= truth <= high[0, 1]
    assert covered >= 35


@pytest.mark.parametrize("part_options", ["blocks", "batches"], indirect=True)
def test_p_values_of_parts(part_options, grams_only, monkeypatch):
    monkeypatch.setattr(comparison, "FEWEST_BLOCKS", 4)
    generator = np.random.default_rng(1)
    null = []
    for _ in range(20):
        noise = torch.from_numpy(generator.normal(size=(64, 6)))
        result = compare_layers(model := Halves(), model, noise, **part_options)
        null.append(result.p_values(39)[0, 1])
    assert 0.3 < np.mean(null) < 0.7
    assert np.mean(np.array(null) <= 0.05) < 0.2
    signal = torch.from_numpy(generator.normal(size=(64, 3)))
    both = torch.cat([signal, signal + 0.3 * torch.randn(64, 3).double()], dim=1)
    assert compare_layers(model, model, both, **part_options).p_values(99)[0, 1] == 0.01


def test_p_values_of_blocks_agree_with_those_of_whole_grams(images, monkeypatch):
    """One group of 64 images is the whole: then the tests are the same, up to random pairings."""
    noisy = torch.cat([images[:64, :3], images[:64, :3] + 6 * torch.randn(64, 3).double()], dim=1)
    model = Halves()
    whole = compare_layers(model, model, noisy).p_values(2000)
    monkeypatch.setattr(comparison, "MEMORY", 2**9)
    monkeypatch.setattr(comparison, "FEWEST_BLOCKS", 1)
    monkeypatch.setattr(comparison, "block_sums", lambda *a: _blocks(1, *a))
    blocks = compare_layers(model, model, noisy).p_values(2000)
    np.testing.assert_allclose(blocks, whole, atol=0.04)


def _blocks(count, *arguments):
    from tutorial_vae.similarity.blocks import block_sums

    return block_sums(*arguments[:3], count, *arguments[4:])


# Devices and options


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("precision", ["64", "32", "bf16"])
@pytest.mark.parametrize("mode", ["exact", "minibatch"])
def test_modes_on_cuda(mode, precision, images, monkeypatch):
    options = {"mode": mode, "precision": precision, "batch_size": 35}
    for memory in (2**29, 2**12):
        monkeypatch.setattr(comparison, "MEMORY", memory)
        model_a, model_b = network(0), network(1)
        on_cpu = compare_layers(model_a, model_b, images, device="cpu", **options).values
        on_cuda = compare_layers(model_a, model_b, images, device="cuda", **options).values
        np.testing.assert_allclose(on_cuda, on_cpu, rtol=0, atol=1e-3)


def test_bad_options(images):
    call = {"model_a": network(0), "model_b": network(1), "images": images}
    for name, bad in (("mode", "fast"), ("precision", "16"), ("measure", "cosine")):
        with pytest.raises(ValueError, match=f"{name} must be one of .*, not '{bad}'"):
            compare_layers(**call, **{name: bad})
    with pytest.raises(ValueError, match="estimator must be 'unbiased' with mode='minibatch'"):
        compare_layers(**call, mode="minibatch", estimator="biased")
    with pytest.raises(ValueError, match="batches of at least 8 images, and there are 6"):
        compare_layers(**call, mode="minibatch", batch_size=16).interval()
