"""Domain adaptation: discrepancies and gradients that are known, and a shift that methods undo."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import tutorial_vae as tv
from tutorial_vae.adaptation import (
    CDAN,
    CORAL,
    DAN,
    DANN,
    DOMAIN_ADAPTATION,
    FINE_TUNING,
    MCC,
    Batch,
    Method,
    SourceOnly,
    adapt,
    class_confusion,
    coral_distance,
    multi_kernel_mmd,
    reverse_gradient,
)
from tutorial_vae.adaptation.backbones import Backbone, ConvBackbone
from tutorial_vae.adaptation.classifiers import Classifier, Terms, accuracy
from tutorial_vae.training import loop


class SmallBackbone(Backbone):
    def __init__(self) -> None:
        super().__init__()
        self.image_shape = (1, 8, 8)
        self.feature_dim = 16
        self.stages = ("conv",)
        self.conv = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.dense = nn.Sequential(nn.Flatten(), nn.Linear(128, 16), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        return self.dense(self.conv(x))


def _classifier(seed: int = 0) -> Classifier:
    torch.manual_seed(seed)
    return Classifier(SmallBackbone(), 2)


def _bars(n: int, seed: int, *, stripes: float = 0.0) -> tv.ImageSet:
    """Noisy images of one bar, lying or standing, on a background of lying stripes."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(2, (n,), generator=generator)
    place = torch.randint(1, 7, (n,), generator=generator)
    lying = torch.zeros(n, 8, 8)
    lying[torch.arange(n), place] = 1
    images = 0.6 * torch.where(labels[:, None, None] == 1, lying.mT, lying)
    images += 0.2 * torch.rand(n, 8, 8, generator=generator)
    images[:, ::2] += stripes
    pixels = (images.clamp(max=1) * 255).round().to(torch.uint8)[:, None]
    return tv.ImageSet("bars", pixels, labels, class_names=("lying", "standing"))


def _adapt(classifier: Classifier, method: Method | None, **options: Any) -> tv.History:
    settings: dict[str, Any] = {"steps": 10, "batch_size": 16, "device": "cpu", "progress": False}
    source, target = _bars(48, 0), _bars(40, 1, stripes=0.24)
    return adapt(classifier, source, target, method=method, **(settings | options))


def _every_method() -> dict[str, Method]:
    torch.manual_seed(0)
    made = [SourceOnly(), DAN(), CORAL(), DANN(16, hidden=8), CDAN(16, 2, hidden=8), MCC()]
    return dict(zip(DOMAIN_ADAPTATION, made, strict=True))


def _same_weights(a: nn.Module, b: nn.Module) -> bool:
    states = a.state_dict(), b.state_dict()
    return all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def _batches(n: int = 7, m: int = 5, features: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, features, generator=generator, dtype=torch.float64)
    return x, 1 + torch.rand(m, features, generator=generator, dtype=torch.float64)


# --- discrepancies ---


@pytest.mark.parametrize("estimator", ["unbiased", "biased"])
def test_mmd_equals_its_definition(estimator: str) -> None:
    x, y = (batch.numpy() for batch in _batches())
    rows = np.concatenate([x, y])
    pairs = [np.sum((a - b) ** 2) for i, a in enumerate(rows) for b in rows[:i]]
    scale = np.mean(pairs)

    def mean_kernel(a: np.ndarray, b: np.ndarray, *, skip: bool) -> float:
        values = [
            sum(math.exp(-np.sum((p - q) ** 2) / (2.0**k * scale)) for k in range(-2, 3))
            for i, p in enumerate(a)
            for j, q in enumerate(b)
            if not (skip and i == j)
        ]
        return float(np.mean(values))

    skip = estimator == "unbiased"
    expected = mean_kernel(x, x, skip=skip) + mean_kernel(y, y, skip=skip)
    expected -= 2 * mean_kernel(x, y, skip=False)
    value = multi_kernel_mmd(torch.from_numpy(x), torch.from_numpy(y), estimator=estimator)
    assert value.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("estimator", ["unbiased", "biased"])
def test_mmd_of_two_points(estimator: str) -> None:
    # All rows of a batch at one point each: no distance within, one distance d between.
    n, m = 4, 6
    x, y = torch.zeros(n, 2), torch.full((m, 2), 3.0)
    share = 2 * n * m / ((n + m) * (n + m - 1))  # the mean squared distance over d²
    expected = sum(2 * (1 - math.exp(-1 / (u * share))) for u in (0.25, 0.5, 1, 2, 4))
    value = multi_kernel_mmd(x, y, estimator=estimator).item()
    assert value == pytest.approx(expected, rel=1e-6)
    one = multi_kernel_mmd(x, y, multiples=[1e-3], estimator=estimator).item()
    assert one == pytest.approx(2)


def test_equal_batches_have_no_biased_mmd_and_no_coral_distance() -> None:
    x, _ = _batches(32, features=16)
    for batch in (x, x.float(), 1000 + x.float()):
        assert multi_kernel_mmd(batch, batch, estimator="biased").item() == pytest.approx(
            0, abs=1e-6
        )
        assert coral_distance(batch, batch).item() == 0
    # Without the pairs of a row with itself, a batch is further from itself than from itself.
    assert multi_kernel_mmd(x, x).item() < 0


def test_equal_distributions_have_an_unbiased_mmd_of_zero_on_average() -> None:
    generator = torch.Generator().manual_seed(0)
    draws: dict[str, list[float]] = {"unbiased": [], "biased": []}
    for _ in range(400):
        x, y = torch.randn(8, 3, generator=generator), torch.randn(12, 3, generator=generator)
        for estimator, values in draws.items():
            values.append(multi_kernel_mmd(x, y, estimator=estimator).item())
    unbiased, biased = (np.array(values) for values in draws.values())
    error = unbiased.std() / 20
    assert abs(unbiased.mean()) < 3 * error
    assert (biased >= 0).all()
    assert biased.mean() > 20 * error


def test_discrepancies_do_not_see_the_order_or_the_place() -> None:
    x, y = _batches()
    order = torch.tensor([3, 1, 0, 4, 2])
    for measure in (multi_kernel_mmd, coral_distance):
        value = measure(x, y)
        torch.testing.assert_close(measure(x, y[order]), value)
        torch.testing.assert_close(measure(y, x), value)
        torch.testing.assert_close(measure(x + 5, y + 5), value)
    torch.testing.assert_close(multi_kernel_mmd(10 * x, 10 * y), multi_kernel_mmd(x, y))
    torch.testing.assert_close(coral_distance(x, y + 5), coral_distance(x, y))
    torch.testing.assert_close(coral_distance(10 * x, 10 * y), 1e4 * coral_distance(x, y))


def test_coral_equals_its_definition() -> None:
    x, y = _batches()
    difference = np.cov(x.numpy().T) - np.cov(y.numpy().T)
    expected = np.square(difference).sum() / (4 * 3**2)
    assert coral_distance(x, y).item() == pytest.approx(expected, rel=1e-12)
    # One feature with the variances 2 and 8.
    one = coral_distance(torch.tensor([[0.0], [2.0]]), torch.tensor([[0.0], [4.0]]))
    assert one.item() == pytest.approx((8 - 2) ** 2 / 4)


def test_discrepancies_of_features_that_never_vary_have_finite_gradients() -> None:
    x, y = (torch.ones(4, 3, requires_grad=True) for _ in range(2))
    (multi_kernel_mmd(x, y) + coral_distance(x, y)).backward()
    assert multi_kernel_mmd(x, y).item() == 0
    for batch in (x, y):
        assert batch.grad is not None
        assert batch.grad.isfinite().all()


def test_no_gradient_flows_through_the_scale_of_the_kernels() -> None:
    # A common factor changes nothing in the value, so only a scale that is held still pulls.
    x, y = _batches()
    factor = torch.ones((), dtype=torch.float64, requires_grad=True)
    multi_kernel_mmd(factor * x, factor * y).backward()
    assert factor.grad is not None
    assert abs(factor.grad.item()) > 0.1


# --- class confusion ---


def test_confusion_of_certain_and_of_uniform_predictions() -> None:
    certain = 1000 * torch.eye(4)[torch.tensor([0, 1, 1, 2])].requires_grad_()
    assert class_confusion(certain).item() == 0
    for classes in (2, 5):
        uniform = torch.zeros(6, classes)
        assert class_confusion(uniform).item() == pytest.approx(1 - 1 / classes)


def test_confusion_equals_its_definition() -> None:
    logits = 2 * _batches(7)[0]
    z = logits.numpy() / 1.7
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    w = [1 + math.exp(sum(q * math.log(q) for q in row)) for row in p]
    w = [len(p) * weight / sum(w) for weight in w]
    m = [[sum(w[i] * p[i, a] * p[i, b] for i in range(7)) for b in range(3)] for a in range(3)]
    shares = [m[a][b] / sum(m[a]) for a in range(3) for b in range(3) if a != b]
    assert class_confusion(logits, 1.7).item() == pytest.approx(sum(shares) / 3, rel=1e-12)


def test_confusion_has_finite_gradients_where_a_class_is_never_predicted() -> None:
    logits = torch.tensor([[0.0, 1.0, -1e4], [2.0, 0.0, -200.0]], requires_grad=True)
    class_confusion(logits).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


# --- adversaries ---


@pytest.mark.parametrize("strength", [0.0, 0.3, 2.0])
def test_reversal_is_the_identity_whose_gradient_has_the_other_sign(strength: float) -> None:
    x, _ = _batches()
    plain, reversed_ = x.clone().requires_grad_(), x.clone().requires_grad_()
    result = reverse_gradient(reversed_, strength)
    assert torch.equal(result, x)
    plain.pow(3).sum().backward()
    result.pow(3).sum().backward()
    assert plain.grad is not None
    assert reversed_.grad is not None
    torch.testing.assert_close(reversed_.grad, -strength * plain.grad)


def _attach(method: Method, classifier: Classifier, steps: int) -> None:
    images = torch.zeros(2, *classifier.image_shape, dtype=torch.uint8)
    method.attach(classifier, images, torch.tensor([0, 1]), steps=steps)


def _at(method: DANN | CDAN, done: int, steps: int = 100) -> DANN | CDAN:
    _attach(method, _classifier(), steps)
    method.steps_done.fill_(done)
    return method


def _features() -> tuple[Batch, Batch]:
    torch.manual_seed(0)
    return tuple(
        Batch(torch.zeros(n, 1, 8, 8), torch.randn(n, 16), torch.randn(n, 2)) for n in (6, 4)
    )


def test_the_ramp_rises_from_0_to_1_over_the_steps_of_training() -> None:
    method = DANN(16, hidden=8)
    for done, value in ((0, 0.0), (50, 2 / (1 + math.exp(-5)) - 1), (100, 0.9999092)):
        assert _at(method, done).ramp.item() == pytest.approx(value, abs=1e-6)
    _attach(method, _classifier(), 4)
    assert method.steps_done == 0
    for done in range(4):
        assert method.ramp.item() == pytest.approx(2 / (1 + math.exp(-10 * done / 4)) - 1)
        method.penalty(_classifier(), *_features())
    method.eval()
    method.penalty(_classifier(), *_features())
    assert method.steps_done == 4


@pytest.mark.parametrize("make", [lambda: DANN(16, 0.7, hidden=8), lambda: CDAN(16, 2, 0.7)])
def test_discriminator_and_features_get_gradients_of_opposite_signs(
    make: Callable[[], DANN | CDAN],
) -> None:
    method = make()
    batches = _features()
    (_, source, source_logits, _), (_, target, target_logits, _) = batches
    source.requires_grad_()
    target.requires_grad_()
    strength = 0.7 * _at(method, 30).ramp.item()
    penalty = method.penalty(_classifier(), *batches)
    parameters = list(method.discriminator.parameters())
    through = torch.autograd.grad(penalty, [source, target, *parameters])

    # The same loss without a reversal, by a formula of torch's own.
    if isinstance(method, CDAN):
        probabilities = source_logits.softmax(1), target_logits.softmax(1)
        seen = [
            torch.einsum("nf,nc->nfc", features, p).flatten(1)
            for features, p in zip((source, target), probabilities, strict=True)
        ]
    else:
        seen = [source, target]
    loss = sum(
        nn.functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, domain))
        for logits, domain in zip(map(method.discriminator, seen), (1.0, 0.0), strict=True)
    )
    assert isinstance(loss, Tensor)
    torch.testing.assert_close(penalty, loss / 2)
    plain = torch.autograd.grad(loss / 2, [source, target, *parameters])
    for index, (a, b) in enumerate(zip(through, plain, strict=True)):
        torch.testing.assert_close(a, -strength * b if index < 2 else b)


def test_cdan_sees_all_products_or_projects_them() -> None:
    features, probabilities = torch.randn(5, 16), torch.randn(5, 2).softmax(1)
    small = CDAN(16, 2).products(features, probabilities)
    assert torch.equal(small, torch.einsum("nf,nc->nfc", features, probabilities).flatten(1))
    assert CDAN(2048, 2, hidden=1).discriminator[0].in_features == 4096

    torch.manual_seed(0)
    large = CDAN(512, 10, hidden=1)
    features, probabilities = torch.randn(5, 512), torch.randn(5, 10).softmax(1)
    projected = large.products(features, probabilities)
    assert projected.shape == (5, 1024)
    exact = (features @ features.T) * (probabilities @ probabilities.T)
    # Each entry is a mean of 1024 independent terms.
    scale = exact.diagonal().max().item()
    torch.testing.assert_close(projected @ projected.T, exact, rtol=0, atol=0.3 * scale)
    names = {name for name, _ in large.named_buffers()}
    assert names == {"steps_done", "feature_projection", "class_projection"}


def test_entropy_conditioning_weighs_certain_images_more() -> None:
    torch.manual_seed(0)
    method = CDAN(16, 2, hidden=8, entropy_conditioning=True)
    _at(method, 0)
    batches = _features()
    (_, source, source_logits, _), (_, target, target_logits, _) = batches
    value = method.penalty(_classifier(), *batches)
    expected = 0.0
    for features, logits, sign in ((source, source_logits, -1), (target, target_logits, 1)):
        p = logits.softmax(1)
        weights = 1 + (p * p.log()).sum(1).exp()
        losses = (1 + (sign * method.discriminator(method.products(features, p))).exp()).log()
        expected += (weights * losses[:, 0]).sum().item() / weights.sum().item() / 2
    assert value.item() == pytest.approx(expected, rel=1e-5)
    # Equally certain predictions change nothing.
    flat = [batch._replace(logits=torch.zeros_like(batch.logits)) for batch in batches]
    plain = CDAN(16, 2, hidden=8)
    plain.load_state_dict(method.state_dict())
    _at(plain, 0)
    values = [m.penalty(_classifier(), *flat) for m in (method, plain)]
    torch.testing.assert_close(*values)


# --- the objective ---


def test_the_objective_is_the_likelihood_of_source_labels_less_the_penalty() -> None:
    classifier = _classifier()
    source, target = _bars(6, 0), _bars(4, 1, stripes=0.24)
    x, y = (images.images / 255 for images in (source, target))
    assert source.labels is not None
    expected = -nn.functional.cross_entropy(classifier(x), source.labels)
    for method in _every_method().values():
        _attach(method, classifier, 10)
        terms = method(classifier, x, source.labels, y)
        assert isinstance(terms, Terms)
        torch.testing.assert_close(terms.log_likelihood, expected)
        torch.testing.assert_close(terms.objective, expected - terms.penalty)
        batches = [Batch(z, classifier.features(z), classifier(z)) for z in (x, y)]
        torch.testing.assert_close(terms.penalty, method.penalty(classifier, *batches))
    assert SourceOnly()(classifier, x, source.labels, y).penalty.item() == 0


def test_penalties_have_the_weights_that_they_were_given() -> None:
    (_, source, source_logits, _), (_, target, target_logits, _) = features = _features()
    classifier = _classifier()
    mmd = multi_kernel_mmd(source, target)
    torch.testing.assert_close(DAN(2.0).penalty(classifier, *features), 2 * mmd)
    both = mmd + multi_kernel_mmd(source_logits, target_logits)
    torch.testing.assert_close(DAN(logits=True).penalty(classifier, *features), both)
    coral = 3 * coral_distance(source, target)
    torch.testing.assert_close(CORAL(3.0).penalty(classifier, *features), coral)
    confusion = 0.5 * class_confusion(target_logits, 1.0)
    torch.testing.assert_close(MCC(0.5, temperature=1.0).penalty(classifier, *features), confusion)


@pytest.mark.parametrize("name", FINE_TUNING)
def test_methods_of_fine_tuning_hold_on_in_domain_adaptation_too(name: str) -> None:
    classifier = _classifier()
    history = _adapt(classifier, FINE_TUNING[name](), steps=2)
    assert math.isfinite(history.objective[-1])
    # Only the labelled images count: features of the target are held to nothing.
    source, target = _bars(6, 0), _bars(4, 1, stripes=0.24)
    method = FINE_TUNING[name]().eval()
    method.attach(classifier.eval(), source.images, source.labels)
    with torch.no_grad():
        x, y = (images.images / 255 for images in (source, target))
        with_target = method(classifier, x, source.labels, y).penalty
        torch.testing.assert_close(with_target, method(classifier, x, source.labels).penalty)
    method.detach(classifier)


def test_a_method_of_ones_own_is_one_sub_class() -> None:
    class EqualMeans(Method):
        def penalty(self, classifier, source, target):
            return (source.features.mean(dim=0) - target.features.mean(dim=0)).square().sum()

    history = _adapt(_classifier(), EqualMeans(), steps=50)
    assert history.penalty[-1] < history.penalty[0]


def test_batch_normalisation_takes_its_statistics_from_both_domains() -> None:
    def mean(target: tv.ImageSet) -> Tensor:
        torch.manual_seed(0)
        classifier = Classifier(ConvBackbone((1, 8, 8)), 2)
        adapt(classifier, _bars(16, 0), target, steps=1, device="cpu", progress=False)
        return classifier.state_dict()["backbone.stage1.1.running_mean"]

    assert not torch.allclose(mean(_bars(16, 1)), mean(_bars(16, 1, stripes=0.24)))


# --- adapt ---


_WORKING: dict[str, Callable[[], Method]] = {
    "dan": lambda: DAN(0.3),
    "coral": lambda: CORAL(10.0),
    "dann": lambda: DANN(16, 0.5),
    "cdan": lambda: CDAN(16, 2, 0.5),
    "mcc": lambda: MCC(0.3),
}


def _target_accuracies(make: Callable[[], Method]) -> np.ndarray:
    reached = []
    for seed in range(3):
        classifier = _classifier(seed)
        source, target = _bars(512, seed), _bars(512, 100 + seed, stripes=0.24)
        options: dict[str, Any] = {"steps": 200, "seed": seed, "device": "cpu", "progress": False}
        adapt(classifier, source, target, method=make(), **options)
        assert accuracy(classifier, source) > 0.97
        reached.append(accuracy(classifier, _bars(512, 200 + seed, stripes=0.24)))
    return np.array(reached)


@pytest.fixture(scope="module")
def source_only() -> np.ndarray:
    return _target_accuracies(SourceOnly)


@pytest.mark.slow
def test_source_only_falls_for_a_striped_background(source_only: np.ndarray) -> None:
    assert source_only.mean() < 0.75


@pytest.mark.slow
@pytest.mark.parametrize("name", _WORKING)
def test_every_method_cuts_the_loss_that_a_striped_background_brings(
    name: str, source_only: np.ndarray
) -> None:
    gain = _target_accuracies(_WORKING[name]) - source_only
    assert gain.min() > 0.1
    assert gain.mean() > 0.2


@pytest.mark.parametrize("name", DOMAIN_ADAPTATION)
def test_labels_of_the_target_are_never_read(name: str) -> None:
    trained = []
    target = _bars(40, 1, stripes=0.24)
    garbage = tv.ImageSet("garbage", target.images, torch.arange(40), class_names=("?",) * 40)
    for given in (target, garbage, target.images):
        classifier = _classifier()
        adapt(
            classifier,
            _bars(48, 0),
            given,
            method=_every_method()[name],
            steps=10,
            device="cpu",
            progress=False,
        )
        trained.append(classifier)
    assert _same_weights(trained[0], trained[1])
    assert _same_weights(trained[0], trained[2])


def test_history_and_what_comes_back() -> None:
    classifier = _classifier().eval()
    before = torch.get_rng_state()
    history = _adapt(classifier, DAN(), steps=30)
    assert torch.equal(torch.get_rng_state(), before)
    assert not classifier.training
    assert history.step == [25, 30]
    rows = zip(history.objective, history.log_likelihood, history.penalty, strict=True)
    for objective, log_likelihood, penalty in rows:
        assert objective == pytest.approx(log_likelihood - penalty, abs=1e-6)
    # No method is source only; the same arguments give the same weights.
    first, second = _classifier(), _classifier()
    _adapt(first, None)
    _adapt(second, SourceOnly())
    assert _same_weights(first, second)


@pytest.mark.parametrize("make", [lambda: DANN(16, hidden=8), lambda: CDAN(512, 10, hidden=8)])
def test_a_run_that_was_stopped_goes_on_bit_for_bit(
    make: Callable[[], DANN | CDAN], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_SECONDS_BETWEEN_CHECKPOINTS", 0.0)

    def start(seed: int) -> tuple[Classifier, DANN | CDAN]:
        torch.manual_seed(seed)
        method = make()
        backbone = SmallBackbone()
        if isinstance(method, CDAN):
            backbone.feature_dim = method.feature_dim
            backbone.dense[1] = nn.Linear(128, method.feature_dim)
        return Classifier(backbone, getattr(method, "classes", 2)), method

    whole, stopped, resumed = start(0), start(0), start(1)
    _adapt(*whole, steps=60)
    forward, path = stopped[1].forward, tmp_path / "run"

    def stop_after_40(*batch: Any) -> Terms:
        if stopped[1].steps_done == 40:
            raise KeyboardInterrupt
        return forward(*batch)

    monkeypatch.setattr(stopped[1], "forward", stop_after_40)
    with pytest.raises(KeyboardInterrupt):
        _adapt(*stopped, steps=60, checkpoint=path)
    history = _adapt(*resumed, steps=60, checkpoint=path)
    assert history.step == [25, 50, 60]
    assert resumed[1].steps_done == 60
    for a, b in zip(whole, resumed, strict=True):
        assert _same_weights(a, b)

    # The ramp of another number of steps would have been another one.
    with pytest.raises(ValueError, match="belongs to another run"):
        _adapt(*start(0), steps=80, checkpoint=path)


def test_checkpoints_tell_methods_and_settings_apart(tmp_path: Path) -> None:
    methods = [*_every_method().values(), DAN(0.5), DAN(logits=True), CORAL(0.5), MCC(0.5)]
    methods += [MCC(temperature=1.0), DANN(16, 0.5, hidden=8), DANN(16, hidden=9)]
    methods += [CDAN(16, 2, hidden=8, entropy_conditioning=True)]
    assert len({repr(method) for method in methods}) == len(methods)
    _adapt(_classifier(), DAN(), checkpoint=tmp_path / "run")
    with pytest.raises(ValueError, match="belongs to another run"):
        _adapt(_classifier(), DAN(0.5), checkpoint=tmp_path / "run")


@pytest.mark.parametrize("name", DOMAIN_ADAPTATION)
def test_bf16_keeps_penalties_in_float32(name: str) -> None:
    classifier = _classifier()
    history = _adapt(classifier, _every_method()[name], precision="bf16")
    assert math.isfinite(history.objective[-1])
    assert classifier.head.weight.dtype == torch.float32


# --- errors ---


def test_bad_settings_are_refused() -> None:
    for make in (DAN, CORAL, MCC, lambda s: DANN(16, s), lambda s: CDAN(16, 2, s)):
        for strength in (-1.0, math.inf, math.nan):
            with pytest.raises(ValueError, match="strength must be"):
                make(strength)
    for temperature in (0.0, -1.0, math.inf):
        with pytest.raises(ValueError, match="temperature must be"):
            MCC(temperature=temperature)
        with pytest.raises(ValueError, match="temperature must be"):
            class_confusion(torch.zeros(2, 2), temperature)
    for name, call in (
        ("feature_dim", lambda: DANN(0)),
        ("hidden", lambda: DANN(16, hidden=0)),
        ("classes", lambda: CDAN(16, 0)),
    ):
        with pytest.raises(ValueError, match=f"{name} must be"):
            call()


def test_bad_batches_are_refused() -> None:
    one, two = torch.zeros(1, 3), torch.zeros(2, 3)
    for measure in (multi_kernel_mmd, coral_distance):
        with pytest.raises(ValueError, match="x must have at least 2 rows"):
            measure(one, two)
        with pytest.raises(ValueError, match="y must have at least 2 rows"):
            measure(two, one)
    for multiples in ([], [1.0, 0.0], [math.inf]):
        with pytest.raises(ValueError, match="multiples must be"):
            multi_kernel_mmd(two, two, multiples=multiples)
    with pytest.raises(ValueError, match="estimator must be"):
        multi_kernel_mmd(two, two, estimator="linear")


def test_arguments_that_do_not_suit_the_classifier_are_refused() -> None:
    classifier = _classifier()
    source, target = _bars(8, 0), _bars(8, 1)
    weights = {name: value.clone() for name, value in classifier.state_dict().items()}
    unlabelled = tv.ImageSet("bars", source.images)
    with pytest.raises(ValueError, match=r"source .* have no labels"):
        adapt(classifier, unlabelled, target)
    with pytest.raises(TypeError, match="source"):
        adapt(classifier, source.images, target)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="target must have the shape"):
        adapt(classifier, source, target.images[:, :, :4])
    with pytest.raises(ValueError, match="feature_dim is 8"):
        adapt(classifier, source, target, method=DANN(8))
    with pytest.raises(ValueError, match="classes is 3"):
        adapt(classifier, source, target, method=CDAN(16, 3))
    with pytest.raises(TypeError, match="method"):
        adapt(classifier, source, target, method=DAN)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="steps must be"):
        adapt(classifier, source, target, method=DANN(16), steps=0)
    with pytest.raises(ValueError, match="call attach"):
        DANN(16).penalty(classifier, *_features())
    assert all(torch.equal(value, weights[n]) for n, value in classifier.state_dict().items())


@pytest.mark.parametrize("name", DOMAIN_ADAPTATION)
def test_every_method_makes_itself_for_a_classifier(name: str) -> None:
    torch.manual_seed(0)
    classifier = Classifier(ConvBackbone((1, 16, 16)), 3)
    options = {} if name == "source-only" else {"strength": 0.7}
    method = DOMAIN_ADAPTATION[name].made_for(classifier, **options)
    assert type(method) is DOMAIN_ADAPTATION[name]
    assert getattr(method, "strength", 0.7) == 0.7
    _attach(method, classifier, 10)
    labels = torch.tensor([0, 1, 2, 0])
    terms = method(classifier, torch.rand(4, 1, 16, 16), labels, torch.rand(5, 1, 16, 16))
    assert terms.objective.isfinite()
