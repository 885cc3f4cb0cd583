"""The similarity of representations, against published values, exact identities and bad input."""

import doctest
import itertools
import math
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from tutorial_vae import similarity
from tutorial_vae.data import ImageSet
from tutorial_vae.models import VAE
from tutorial_vae.similarity import (
    RBF,
    ConstantLayerWarning,
    LayerSimilarity,
    cka,
    compare_layers,
    hsic,
)

ESTIMATORS = ("unbiased", "biased")
KERNELS = ("linear", "rbf")


@pytest.fixture
def pair():
    """The data of the notebook that Kornblith et al. published with their paper."""
    legacy = np.random.RandomState(1337)
    x = legacy.randn(100, 10)
    return x, legacy.randn(100, 10) + x


def small_pair(n, seed=0):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, 3))
    return x, x @ generator.normal(size=(3, 4)) + generator.normal(size=(n, 4))


def similarity_of(representations_a, representations_b, estimator="unbiased", kernel="linear"):
    """Compare arrays as if they were layers: networks whose layers hand out stored rows."""
    model_a, model_b = Stored(representations_a), Stored(representations_b)
    images = torch.zeros(len(representations_a[0]), 1, 16, 16, dtype=torch.uint8)
    return compare_layers(
        model_a,
        model_b,
        images,
        batch_size=10**6,
        estimator=estimator,
        kernel=kernel,
        precision="64",
    )


class Stored(VAE):
    def __init__(self, representations):
        super().__init__((1, 16, 16), 2, architecture="linear")
        self.encoder, self.decoder = StoredEncoder(representations), nn.Identity()
        self.anchor = nn.Parameter(torch.zeros(()))


class StoredEncoder(nn.Module):
    def __init__(self, representations):
        super().__init__()
        self.layers = nn.ModuleList(StoredRows(rows) for rows in representations)
        self.layer_names = tuple(f"layers.{i}" for i in range(len(representations)))

    def forward(self, x):
        outputs = [layer(x) for layer in self.layers]
        return outputs[0], outputs[0]


class StoredRows(nn.Module):
    def __init__(self, rows):
        super().__init__()
        self.rows = torch.as_tensor(rows)

    def forward(self, x):
        return self.rows[: len(x)]


# Published values


def test_values_of_the_reference_notebook(pair):
    x, y = pair
    assert cka(x, y, estimator="biased") == pytest.approx(0.55761, abs=5e-6)
    assert cka(x, y, kernel=RBF(scale=0.5), estimator="biased") == pytest.approx(0.65483, abs=5e-6)
    assert cka(x, y, estimator="unbiased") == pytest.approx(0.51346, abs=5e-6)


def test_agrees_with_distance_correlation(pair):
    dcor = pytest.importorskip("dcor")
    x, y = pair
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # exponent 2 does not characterise independence
        unbiased = dcor.u_distance_correlation_sqr(x, y, exponent=2)
        biased = dcor.distance_correlation_sqr(x, y, exponent=2)
    assert cka(x, y) == pytest.approx(unbiased, abs=1e-12)
    assert cka(x, y, estimator="biased") == pytest.approx(biased, abs=1e-12)


def test_value_of_pytorch_ignite():
    x = torch.arange(50.0).reshape(10, 5)
    y = torch.sin(x * torch.pi * 2 / 50)
    assert hsic(x, y, kernel="rbf") == pytest.approx(0.0922664999961853, abs=1e-6)


# Exact identities


def test_unbiased_hsic_is_equation_5_of_song():
    x, y = small_pair(9)
    n = len(x)
    k, l_ = (a @ a.T * (1 - np.eye(n)) for a in (x, y))
    kl = k @ l_
    expected = np.trace(kl) + k.sum() * l_.sum() / ((n - 1) * (n - 2)) - 2 * kl.sum() / (n - 2)
    assert hsic(x, y) == pytest.approx(expected / (n * (n - 3)), rel=1e-12)


def test_gram_form_equals_feature_form(pair):
    x, y = (part - part.mean(axis=0) for part in pair)
    cross, own_x, own_y = (np.linalg.norm(a.T @ b) ** 2 for a, b in ((x, y), (x, x), (y, y)))
    n = len(x)
    assert hsic(x, y, estimator="biased") == pytest.approx(cross / (n - 1) ** 2, rel=1e-12)
    assert cka(x, y, estimator="biased") == pytest.approx(cross / math.sqrt(own_x * own_y))


def test_mean_over_minibatches_is_the_full_hsic():
    x, y = small_pair(7)
    batches = [list(batch) for batch in itertools.combinations(range(7), 5)]
    mean = np.mean([hsic(x[batch], y[batch]) for batch in batches])
    assert mean == pytest.approx(hsic(x, y), rel=1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("n", [4, 5, 6])
def test_chance_is_the_mean_over_all_permutations(n, estimator, kernel):
    x, y = small_pair(n)
    options = {"kernel": kernel, "estimator": estimator}
    mean = np.mean(
        [cka(x, y[list(order)], **options) for order in itertools.permutations(range(n))]
    )
    chance = similarity_of([x], [y], **options).chance.item()
    assert chance == pytest.approx(mean, abs=1e-12)
    if estimator == "unbiased":
        assert chance == 0


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_invariances(pair, kernel, estimator):
    x, y = pair
    options = {"kernel": kernel, "estimator": estimator}
    value = cka(x, y, **options)
    rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(10, 10)))
    assert cka(x, x, **options) == pytest.approx(1, abs=1e-12)
    assert cka(y, x, **options) == pytest.approx(value, abs=1e-12)
    assert cka(x @ rotation, y, **options) == pytest.approx(value, abs=1e-12)
    assert cka(-3e-4 * x, y, **options) == pytest.approx(value, abs=1e-12)
    assert cka(x + np.arange(10.0), y, **options) == pytest.approx(value, abs=1e-12)
    stretched = x * np.array([10.0] + [1.0] * 9)
    assert abs(cka(stretched, y, **options) - value) > 0.1


# Independent noise


def test_noise_scores_high_when_biased_and_zero_when_debiased():
    generator = np.random.default_rng(0)
    n, p = 200, 4096
    x, y = generator.normal(size=(2, n, p))
    assert cka(x, y, estimator="biased") == pytest.approx(0.954, abs=2e-3)
    assert abs(cka(x, y)) < 0.02


@pytest.mark.parametrize(("p", "q"), [(20, 20), (50, 300), (400, 400)])
def test_biased_value_of_noise(p, q):
    n = 100
    generator = np.random.default_rng(p)
    x, y = generator.normal(size=(n, p)), generator.normal(size=(n, q))
    expected = math.sqrt(p * q / ((p + n) * (q + n)))
    assert cka(x, y, estimator="biased") == pytest.approx(expected, abs=0.02)
    assert abs(cka(x, y)) < 0.05


# Numbers that are hard to represent


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_large_offsets_cost_no_digits(kernel, estimator):
    generator = np.random.default_rng(0)
    signal = generator.normal(size=(60, 30))
    x, y = (
        (1e4 + 1e-2 * (signal + generator.normal(size=signal.shape))).astype(np.float32)
        for _ in range(2)
    )
    options = {"kernel": kernel, "estimator": estimator}
    exact_x, exact_y = (part.astype(np.float64) - 1e4 for part in (x, y))
    reference = cka(exact_x, exact_y, **options)
    assert 0.1 < reference < 0.95
    assert cka(x, y, **options) == pytest.approx(reference, abs=1e-9)
    assert cka(torch.from_numpy(x), torch.from_numpy(y), **options) == cka(x, y, **options)


def test_a_large_constant_feature_hides_no_small_one(pair):
    x, y = pair
    beside = np.hstack([np.full((100, 1), 1e4 / 3), 1e-9 * x])
    assert cka(beside, y) == pytest.approx(cka(x, y), abs=1e-9)


def test_a_wide_kernel_keeps_its_digits(pair):
    x, y = pair
    wide = cka(x, y, kernel=RBF(bandwidth=1e7))
    assert wide == pytest.approx(cka(x, y), abs=1e-10)


def test_bandwidth_is_a_multiple_of_the_median_distance(pair):
    x, _ = pair
    distances = np.linalg.norm(x[:, None] - x[None], axis=2)
    median = math.sqrt(np.median(distances**2))
    scaled = hsic(x, x, kernel=RBF(scale=0.5))
    assert hsic(x, x, kernel=RBF(bandwidth=0.5 * median)) == pytest.approx(scaled, rel=1e-12)
    assert hsic(x, x, kernel=RBF()) == hsic(x, x, kernel="rbf")


# Representations that do not tell images apart

NOISE = np.random.default_rng(0).normal(size=(12, 3))
ROTATION = np.linalg.qr(np.random.default_rng(1).normal(size=(12, 12)))[0]
JITTER = np.float32(np.random.default_rng(2).choice([1.0, np.nextafter(np.float32(1), 2)], (12, 3)))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(
    "constant",
    [np.zeros((12, 3)), np.full((12, 3), 0.1), np.full((12, 500), np.float32(1e4 / 3)), JITTER],
    ids=["zeros", "tenths", "large", "rounding"],
)
def test_a_constant_representation_is_not_a_number(constant, estimator, kernel):
    options = {"kernel": kernel, "estimator": estimator}
    with pytest.warns(ConstantLayerWarning, match="x does not tell the images apart"):
        assert math.isnan(cka(constant, NOISE, **options))
    with pytest.warns(ConstantLayerWarning, match="y does not tell the images apart"):
        assert math.isnan(cka(NOISE, constant, **options))
    assert hsic(constant, NOISE, **options) == 0


@pytest.mark.parametrize("equidistant", [np.eye(12), 1e3 * ROTATION], ids=["one-hot", "rotated"])
def test_images_equally_far_apart_have_no_unbiased_value(equidistant):
    with pytest.warns(ConstantLayerWarning, match="x .* shared with no other image"):
        assert math.isnan(cka(equidistant, NOISE))
    assert 0 < cka(equidistant, NOISE, estimator="biased") < 1


def test_median_heuristic_without_a_bandwidth():
    mostly_equal = np.zeros((12, 3))
    mostly_equal[:2] = NOISE[:2]
    for function in (cka, hsic):
        with pytest.warns(ConstantLayerWarning, match="x .* median distance"):
            assert math.isnan(function(mostly_equal, NOISE, kernel="rbf"))
    assert math.isfinite(cka(mostly_equal, NOISE, kernel=RBF(bandwidth=1.0)))


# Accepted and refused input


def test_accepted_inputs_agree():
    x, y = small_pair(8)
    value = cka(x, y)
    assert cka(torch.from_numpy(x), y) == value
    assert cka(torch.from_numpy(x).requires_grad_(), y) == value
    assert cka(x.reshape(8, 3, 1), y.reshape(8, 2, 2)) == value
    assert cka(x[::-1], y[::-1]) == pytest.approx(value, abs=1e-12)
    assert cka(x.astype(">f8"), y) == value
    x.flags.writeable = False
    assert cka(x, y) == value
    pictures = np.random.default_rng(0).integers(0, 256, size=(8, 1, 4, 4), dtype=np.uint8)
    assert cka(pictures, y) == cka(pictures.astype(np.float64), y)


GOOD = NOISE
SPOILT = NOISE.copy()
SPOILT[5, 2] = np.nan
ENDLESS = torch.full((12, 3), math.inf)


@pytest.mark.parametrize("function", [cka, hsic])
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (GOOD[:3], "at least 4 images, not 3"),
        (GOOD[0], r"shape \(n, features\).*\(3,\)"),
        (np.ones(()), r"shape \(n, features\).*\(\)"),
        (np.ones((12, 0)), r"at least one feature.*\(12, 0\)"),
        (SPOILT, r"finite, but it holds nan at \(5, 2\)"),
        (ENDLESS, r"finite, but it holds inf at \(0, 0\)"),
        (GOOD.astype(complex), "real numbers, not complex128"),
        (torch.ones(12, 3, dtype=torch.complex64), "real numbers, not torch.complex64"),
        (np.full((12, 3), "a"), "real numbers, not <U1"),
    ],
)
def test_bad_representations(function, bad, message):
    with pytest.raises(ValueError, match=f"^x must .*{message}"):
        function(bad, GOOD)
    with pytest.raises(ValueError, match=f"^y must .*{message}"):
        function(GOOD, bad)


@pytest.mark.parametrize("function", [cka, hsic])
def test_bad_options(function):
    with pytest.raises(ValueError, match="x has 12 rows and y 11"):
        function(GOOD, GOOD[:11])
    with pytest.raises(ValueError, match=r"kernel must be .* not 'cosine'"):
        function(GOOD, GOOD, kernel="cosine")
    with pytest.raises(ValueError, match=r"estimator must be .* not 'debiased'"):
        function(GOOD, GOOD, estimator="debiased")


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
@pytest.mark.parametrize("name", ["scale", "bandwidth"])
def test_bad_bandwidths(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a positive finite number"):
        RBF(**{name: value})


def test_scale_and_bandwidth_exclude_each_other():
    with pytest.raises(ValueError, match="give one of them"):
        RBF(scale=0.5, bandwidth=2.0)


# All pairs of layers


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (21, 1, 32, 32), generator=generator, dtype=torch.uint8)


def fresh(architecture="conv", seed=0, shape=(1, 32, 32)):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return VAE(shape, 4, architecture=architecture)


def activations_of(model, images):
    """Activations of all named layers, in one pass and in the precision of the model."""
    found = {}
    handles = [
        model.get_submodule(name).register_forward_hook(
            lambda _module, _inputs, output, name=name: found.update({name: output.clone()})
        )
        for name in model.layer_names
    ]
    with torch.no_grad():
        model.decoder(model.encoder(images.to(next(model.parameters()).dtype) / 255)[0])
    for handle in handles:
        handle.remove()
    return found


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("architecture", ["conv", "mlp", "linear"])
def test_fresh_networks_match_a_direct_computation(architecture, estimator, images):
    model_a, model_b = fresh(architecture, 0), fresh("conv", 1)
    options = {"estimator": estimator, "precision": "64"}
    in_single = compare_layers(model_a, model_b, images, **options)
    model_a, model_b = model_a.double(), model_b.double()
    result = compare_layers(model_a, model_b, images, **options)
    direct_a, direct_b = activations_of(model_a, images), activations_of(model_b, images)
    expected = [
        [cka(a, b, estimator=estimator) for b in direct_b.values()] for a in direct_a.values()
    ]
    assert result.rows == model_a.layer_names
    assert result.columns == model_b.layer_names
    assert result.values.dtype == np.float64
    assert result.n == 21
    np.testing.assert_allclose(result.values, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(in_single.values, result.values, rtol=0, atol=1e-4)


def test_weights_stay_in_the_layout_that_they_had(images):
    model = fresh()
    strides = {name: value.stride() for name, value in model.named_parameters()}
    before = {name: value.clone() for name, value in model.named_parameters()}
    compare_layers(model, fresh(seed=1), images)
    for name, value in model.named_parameters():
        assert value.stride() == strides[name]
        assert torch.equal(value, before[name])


def test_modules_that_look_at_memory_as_it_lies_can_be_read(images):
    class Views(nn.Module):
        def forward(self, x):
            return x.view(len(x), -1)  # which channels-last images do not allow

    def network(flatten):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            parts = (nn.Conv2d(1, 3, 3), nn.ReLU(), flatten, nn.Linear(2700, 5))
            return nn.Sequential(*parts)

    x = images / 255
    with pytest.raises(RuntimeError, match="view"):
        network(Views()).to(memory_format=torch.channels_last)(x)
    options = {"precision": "64"}
    viewed, flattened = (
        compare_layers(network(flatten), network(flatten), x, **options)
        for flatten in (Views(), nn.Flatten())
    )
    np.testing.assert_allclose(viewed.values, flattened.values, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kernel", ["linear", "rbf", RBF(scale=0.5)])
def test_batches_do_not_change_the_values(kernel, images):
    model_a, model_b = fresh(seed=0).double(), fresh(seed=1).double()
    whole = compare_layers(model_a, model_b, images, batch_size=100, kernel=kernel)
    for batch_size in (7, 10, 20):
        parts = compare_layers(model_a, model_b, images, batch_size=batch_size, kernel=kernel)
        np.testing.assert_allclose(parts.values, whole.values, rtol=0, atol=1e-9)


def test_a_model_with_itself(images):
    result = compare_layers(fresh(), fresh(), images)
    same = compare_layers(model := fresh(), model, images)
    np.testing.assert_allclose(np.diag(same.values), 1, rtol=0, atol=1e-12)
    np.testing.assert_allclose(same.values, same.values.T, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(same.values, result.values)


def test_kinds_of_images_agree(images):
    model_a, model_b = fresh(seed=0), fresh(seed=1)
    image_set = ImageSet(name="noise", images=images)
    expected = compare_layers(model_a, model_b, images).values
    np.testing.assert_array_equal(compare_layers(model_a, model_b, image_set).values, expected)
    floats = compare_layers(model_a, model_b, images.float() / 255).values
    np.testing.assert_allclose(floats, expected, rtol=0, atol=1e-12)


def test_float_images_are_not_rounded(images):
    close = 0.5 + images.double() * 1e-6
    result = compare_layers(fresh(), fresh(seed=1), close, layers=["encoder.conv1"])
    reference = compare_layers(fresh(), fresh(seed=1), images, layers=["encoder.conv1"])
    assert np.isfinite(result.values).all()
    assert result.values.item() == pytest.approx(reference.values.item(), abs=0.2)


def test_chosen_layers(images):
    names = ["decoder.conv4", "encoder.mean"]
    model_a, model_b = fresh(seed=0), fresh(seed=1)
    chosen = compare_layers(model_a, model_b, images, layers=names)
    everything = compare_layers(model_a, model_b, images).to_frame()
    assert chosen.rows == chosen.columns == tuple(names)
    np.testing.assert_allclose(chosen.values, everything.loc[names, names], rtol=0, atol=1e-12)


def test_no_noise_reaches_the_decoder(images):
    model = fresh()
    with torch.no_grad():
        model.encoder.log_var.bias.fill_(20.0)
    a, b = (compare_layers(model, fresh(seed=1), images).values for _ in range(2))
    np.testing.assert_array_equal(a, b)


def test_later_work_in_place_does_not_reach_the_activation(images):
    plain, in_place = fresh("mlp"), fresh("mlp")
    for model, inplace in ((plain, False), (in_place, True)):
        linear = model.encoder.dense1[0]
        model.encoder.dense1 = nn.Sequential(linear, nn.ReLU(inplace=inplace))
    layers = ["encoder.dense1.0", "encoder.dense1.1"]
    expected = compare_layers(plain, plain, images, layers=layers).values
    result = compare_layers(in_place, in_place, images, layers=layers).values
    assert expected[0, 1] < 0.999
    np.testing.assert_array_equal(result, expected)


def test_a_dead_layer_is_named_and_not_a_number(images):
    model = fresh()
    with torch.no_grad():
        model.encoder.conv2[0].weight.zero_()
    with pytest.warns(ConstantLayerWarning) as caught:
        result = compare_layers(model, fresh(seed=1), images, batch_size=8)
    named = [str(warning.message).split(" does")[0] for warning in caught]
    assert named[0] == "layer encoder.conv2 of model_a"
    assert "layer encoder.conv1 of model_a" not in named
    dead = result.rows.index("encoder.conv2")
    assert np.isnan(result.values[dead:]).all()
    assert np.isfinite(result.values[:dead]).all()
    for array in (*result.interval(draws=5), result.p_values(5), result.chance):
        np.testing.assert_array_equal(np.isnan(array), np.isnan(result.values))


class Broken(nn.Module):
    def forward(self, x):
        raise RuntimeError("broken on purpose")


def test_models_are_left_as_they_were_even_after_an_error(images):
    model_a, model_b = fresh(seed=0), fresh(seed=1)
    model_b.train()
    model_b.encoder.conv2.eval()
    model_a.eval()
    modes = [module.training for model in (model_a, model_b) for module in model.modules()]

    def untouched():
        modules = [module for model in (model_a, model_b) for module in model.modules()]
        assert not any(module._forward_hooks for module in modules)
        return [module.training for module in modules] == modes

    compare_layers(model_a, model_b, images)
    assert untouched()
    model_b.decoder.conv3, working = Broken(), model_b.decoder.conv3
    with pytest.raises(RuntimeError, match="broken on purpose"):
        compare_layers(model_a, model_b, images, layers=["encoder.conv1"])
    model_b.decoder.conv3 = working
    assert untouched()


def test_bad_calls(images):
    model = fresh()
    with pytest.raises(ValueError, match=r"layers .* model_b, not \['encoder.dense1'\].*conv1"):
        compare_layers(fresh("mlp"), model, images, layers=["encoder.dense1"])
    with pytest.raises(ValueError, match=r"layers must name layers of model_a, not \[\]"):
        compare_layers(model, model, images, layers=[])
    with pytest.raises(ValueError, match="layer encoder of model_a has several outputs"):
        compare_layers(model, model, images, layers=["encoder"])
    with pytest.raises(ValueError, match=r"\(1, 32, 32\) and model_b of shape \(3, 32, 32\)"):
        compare_layers(model, fresh(shape=(3, 32, 32)), images)
    with pytest.raises(ValueError, match=r"shape \(1, 16, 16\), but the models read \(1, 32, 32\)"):
        compare_layers(model, model, images[:, :, :16, :16])
    with pytest.raises(ValueError, match="at least 4 images, not 3"):
        compare_layers(model, model, images[:3])
    with pytest.raises(ValueError, match="batch_size must be at least 1, not 0"):
        compare_layers(model, model, images, batch_size=0)
    with pytest.raises(ValueError, match="estimator must be one of"):
        compare_layers(model, model, images, estimator="best")
    with pytest.raises(ValueError, match="device"):
        compare_layers(model, model, images, device="warp")


def test_layers_that_do_not_run_once_per_image(images):
    model = fresh()
    model.encoder.unused = nn.Linear(2, 2)
    with pytest.raises(ValueError, match=r"encoder.unused of model_a gave 0 outputs for 21 images"):
        compare_layers(model, model, images, layers=["encoder.unused"])
    model.encoder.log_var = model.encoder.mean
    with pytest.raises(ValueError, match=r"encoder.mean of model_a gave 42 outputs for 21 images"):
        compare_layers(model, model, images, layers=["encoder.mean"])


def test_activations_that_are_not_finite_are_named(images):
    model = fresh()
    with torch.no_grad():
        model.encoder.conv3[0].bias.fill_(math.nan)
    with pytest.raises(ValueError, match=r"layer encoder.conv3 of model_a must be finite"):
        compare_layers(model, model, images)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_on_cuda(images):
    model_a, model_b = fresh(seed=0), fresh(seed=1)
    on_cpu = compare_layers(model_a, model_b, images, device="cpu").values
    on_cuda = compare_layers(model_a, model_b, images, device="cuda").values
    assert next(model_a.parameters()).device.type == "cpu"
    np.testing.assert_allclose(on_cuda, on_cpu, rtol=0, atol=1e-3)
    x, y = (torch.from_numpy(part) for part in small_pair(20))
    assert cka(x.cuda(), y) == pytest.approx(cka(x, y), abs=1e-12)


# Chance, intervals and p-values


@pytest.mark.parametrize("kernel", [RBF(bandwidth=2.0), "linear"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("n", [16, 17])
def test_interval_is_the_spread_of_recomputed_half_samples(n, estimator, kernel):
    x, y = small_pair(n)
    result = similarity_of([x, y], [y], estimator, kernel)
    low, high = result.interval(0.9, draws=30, seed=3)
    generator = np.random.default_rng(3)
    halves = [generator.permutation(n)[: n // 2] for _ in range(30)]
    recomputed = [cka(x[half], y[half], kernel=kernel, estimator=estimator) for half in halves]
    reach = 1.6448536 * np.std(recomputed, ddof=1) * math.sqrt((n // 2) / (n - n // 2))
    assert low[0, 0] == pytest.approx(result.values[0, 0] - reach, abs=1e-7)
    assert high[0, 0] == pytest.approx(result.values[0, 0] + reach, abs=1e-7)
    assert high[1, 0] - low[1, 0] == pytest.approx(0, abs=1e-6)


@pytest.mark.slow
def test_interval_covers_the_value_of_the_population():
    """200 sets of 60 images: coverage of 95% has a standard error of 1.5 points."""
    generator = np.random.default_rng(0)
    variances = 1 / np.arange(1, 6)
    expected = (variances**2).sum() / math.sqrt((variances**2).sum() * ((variances + 1) ** 2).sum())
    covered = 0
    for seed in range(200):
        x = generator.normal(size=(60, 5)) * np.sqrt(variances)
        y = x + generator.normal(size=(60, 5))
        low, high = similarity_of([x], [y]).interval(draws=60, seed=seed)
        covered += low.item() <= expected <= high.item()
    assert 0.90 <= covered / 200 <= 0.99


def test_p_values_count_permutations():
    x, y = small_pair(8)
    noise = np.random.default_rng(5).normal(size=(8, 3))
    result = similarity_of([x, noise], [y])
    p_values = result.p_values(50, seed=2)
    generator = np.random.default_rng(2)
    orders = [generator.permutation(8) for _ in range(50)]
    for row, rows in enumerate((x, noise)):
        reached = sum(cka(rows, y[order]) >= cka(rows, y) for order in orders)
        assert p_values[row, 0] == pytest.approx((1 + reached) / 51)
    np.testing.assert_array_equal(p_values, result.p_values(50, seed=2))


def test_p_values_of_noise_are_uniform():
    generator = np.random.default_rng(0)
    columns = [generator.normal(size=(30, 4)) for _ in range(200)]
    p_values = similarity_of([generator.normal(size=(30, 4))], columns).p_values(99)
    assert 0.4 < p_values.mean() < 0.6
    assert 0.01 < (p_values <= 0.05).mean() < 0.1


def test_ties_count_against_the_value():
    two_groups = np.repeat([[0.0], [1.0]], 6, axis=0)
    result = similarity_of([two_groups], [two_groups])
    order_keeps_groups = result.p_values(2000, seed=0).item()
    exact = 2 * math.factorial(6) ** 2 / math.factorial(12)
    assert order_keeps_groups == pytest.approx(exact, abs=0.003)
    assert order_keeps_groups > 1 / 2001


def test_bad_intervals_and_p_values():
    result = similarity_of([NOISE], [NOISE])
    for level in (0.0, 1.0, 95.0):
        with pytest.raises(ValueError, match=f"level must lie between 0 and 1, not {level}"):
            result.interval(level)
    with pytest.raises(ValueError, match="draws must be at least 2, not 1"):
        result.interval(draws=1)
    with pytest.raises(ValueError, match="permutations must be at least 1, not 0"):
        result.p_values(0)
    with pytest.raises(ValueError, match="at least 8 images, and there are 7"):
        similarity_of([NOISE[:7]], [NOISE[:7]]).interval()


# Tables and figures


def test_to_frame(images):
    result = compare_layers(fresh(), fresh("linear"), images)
    frame = result.to_frame()
    assert tuple(frame.index) == result.rows
    assert (
        tuple(frame.columns)
        == result.columns
        == ("encoder.mean", "encoder.log_var", "decoder.pixels")
    )
    np.testing.assert_array_equal(frame.to_numpy(), result.values)


def test_plot_hands_over_to_the_figure(monkeypatch):
    calls = []
    monkeypatch.setattr(
        similarity.maps, "similarity_map", lambda *args, **kw: calls.append((args, kw)) or 7
    )
    result = similarity_of([NOISE], [NOISE])
    assert result.plot() == 7
    assert calls == [((result,), {"ax": None})]


def test_shown_without_the_grams():
    result = similarity_of([NOISE], [NOISE])
    assert isinstance(result, LayerSimilarity)
    assert "gram" not in repr(result)


def test_the_ten_lines_that_the_folder_begins_with_are_cka():
    lines = doctest.DocTestParser().get_examples(similarity.__doc__)
    assert sum(example.source.count("\n") for example in lines) <= 10
    names = {}
    for example in lines:
        exec(example.source, names)
    x, y = small_pair(40)
    plain = names["plain_cka"](torch.from_numpy(x), torch.from_numpy(y))
    assert plain.item() == pytest.approx(cka(x, y), abs=1e-12)
