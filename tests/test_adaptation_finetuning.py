"""Fine-tuning: penalties with known values, which tensors move, and what a run leaves behind."""

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import tutorial_vae as tv
from tutorial_vae import VAE
from tutorial_vae.adaptation import (
    BSS,
    DAN,
    DELTA,
    FINE_TUNING,
    L2SP,
    Batch,
    FineTuning,
    LowRankAdapters,
    Method,
    channel_importance,
    fine_tune,
)
from tutorial_vae.adaptation.backbones import Backbone, ConvBackbone, VAEBackbone
from tutorial_vae.adaptation.classifiers import Classifier, accuracy
from tutorial_vae.data import ImageSet
from tutorial_vae.training import DivergenceError

SHAPE = (1, 16, 16)
CLASSES = 4


def quadrants(n: int = 96, seed: int = 0) -> ImageSet:
    """Noise in which one quarter is brighter: which one is the class."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, CLASSES, (n,), generator=generator)
    images = torch.randint(0, 160, (n, *SHAPE), generator=generator, dtype=torch.uint8)
    for image, label in zip(images, labels.tolist(), strict=True):
        row, column = 8 * (label // 2), 8 * (label % 2)
        image[:, row : row + 8, column : column + 8] += 90
    return ImageSet("quadrants", images, labels, class_names=("a", "b", "c", "d"))


def conv() -> Classifier:
    torch.manual_seed(3)
    return Classifier(ConvBackbone(SHAPE), CLASSES)


def vae() -> Classifier:
    torch.manual_seed(3)
    return Classifier(VAEBackbone(VAE(SHAPE, 3)), CLASSES)


class Pooled(Backbone):
    """One stage of three channels; the features are their means, squared."""

    def __init__(self, weight: list[float]) -> None:
        super().__init__()
        self.image_shape, self.feature_dim, self.stages = (1, 2, 2), 3, ("stage",)
        self.stage = nn.Conv2d(1, 3, 1, bias=False)
        self.stage.weight.data = torch.tensor(weight).view(3, 1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.stage(x).mean(dim=(2, 3)).square()


def run(classifier: Classifier, method: Method | None = None, **options: object) -> tv.History:
    settings = {"steps": 3, "batch_size": 16, "device": "cpu", "progress": False} | options
    images = settings.pop("images", None) or quadrants()
    return fine_tune(classifier, images, method=method, **settings)


def batch(classifier: Classifier, n: int = 12) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(n, *classifier.image_shape, generator=generator)
    return x, torch.arange(n) % classifier.classes


def attached(method: Method, make: Callable[[], Classifier] = vae) -> tuple[Method, Classifier]:
    """A method and the classifier that it was attached to, both in evaluation mode."""
    classifier, images = make().eval(), quadrants()
    method.attach(classifier, images.images, images.labels)
    return method.eval(), classifier


def head_norm(classifier: Classifier) -> float:
    return sum(value.detach().square().sum().item() for value in classifier.head.parameters())


def changed(before: dict[str, Tensor], classifier: Classifier) -> set[str]:
    after = classifier.state_dict()
    assert list(before) == list(after)
    return {name for name in before if not torch.equal(before[name], after[name])}


def kept(classifier: Classifier) -> dict[str, Tensor]:
    return copy.deepcopy(classifier.state_dict())


def structure(classifier: Classifier) -> object:
    return (
        list(classifier.state_dict()),
        [(n, value.requires_grad, id(value)) for n, value in classifier.named_parameters()],
        [(n, type(m), m.training, len(m._forward_hooks)) for n, m in classifier.named_modules()],
    )


# What is maximised


def test_the_objective_is_the_mean_log_likelihood_less_the_penalty() -> None:
    classifier = vae()
    x, labels = batch(classifier)

    class Constant(Method):
        def penalty(self, classifier, source, target):
            assert target is None
            assert torch.equal(source.x, x)
            assert torch.equal(source.features, classifier.features(x))
            assert torch.equal(source.logits, classifier.head(source.features))
            assert torch.equal(source.labels, labels)
            return torch.tensor(0.25)

    terms = Constant()(classifier, x, labels)
    expected = -cross_entropy(classifier(x), labels)
    torch.testing.assert_close(terms.log_likelihood, expected)
    torch.testing.assert_close(terms.objective, expected - 0.25)
    plain = FineTuning()(classifier, x, labels)
    assert plain.penalty == 0
    assert plain.objective == plain.log_likelihood


# L2-SP


def test_l2sp_at_the_start_is_the_heads_part_alone() -> None:
    method, classifier = attached(L2SP(0.3, head_strength=0.2))
    penalty = method(classifier, *batch(classifier)).penalty
    assert penalty.item() == pytest.approx(0.1 * head_norm(classifier), rel=1e-5)
    method, classifier = attached(L2SP(0.3, head_strength=0.0))
    assert method(classifier, *batch(classifier)).penalty == 0


def test_l2sp_is_half_the_squared_distance_after_a_known_move() -> None:
    method, classifier = attached(L2SP(0.3, head_strength=0.0), conv)
    with torch.no_grad():
        for value in classifier.backbone.parameters():
            value += 0.5
    count = sum(value.numel() for value in classifier.backbone.parameters())
    penalty = method(classifier, *batch(classifier)).penalty
    assert penalty.item() == pytest.approx(0.5 * 0.3 * 0.25 * count, rel=1e-4)
    # The gradient of α/2 ‖w − w₀‖² is α (w − w₀).
    penalty.backward()
    for value in classifier.backbone.parameters():
        torch.testing.assert_close(value.grad, torch.full_like(value, 0.15))


# DELTA


def test_delta_at_the_start_is_the_heads_part_alone() -> None:
    method, classifier = attached(DELTA(2.0, head_strength=0.2), conv)
    penalty = method(classifier, *batch(classifier)).penalty
    assert penalty.item() == pytest.approx(0.1 * head_norm(classifier), rel=1e-5)
    method.detach(classifier)


def test_delta_is_the_attention_weighted_distance_of_the_maps() -> None:
    torch.manual_seed(0)
    classifier = Classifier(Pooled([1.0, -2.0, 0.5]), 2).eval()
    images = torch.randint(0, 256, (20, 1, 2, 2), dtype=torch.uint8)
    method = DELTA(3.0, head_strength=0.0)
    method.attach(classifier, images, torch.arange(20) % 2)
    moves = torch.tensor([0.1, 0.0, -0.4])
    with torch.no_grad():
        classifier.backbone.stage.weight += moves.view(3, 1, 1, 1)
    x, labels = batch(classifier)
    terms = method(classifier, x, labels)
    (attention,) = method.attention.values()
    # Each map moved by its channel's move times the image.
    expected = 1.5 * 3 * (attention * moves.square()).sum() * x.square().mean()
    torch.testing.assert_close(terms.penalty, expected)
    terms.penalty.backward()
    assert classifier.backbone.stage.weight.grad.abs().sum() > 0
    assert all(value.grad is None for value in method.parameters())
    method.detach(classifier)


def growth_without(backbone: Backbone, x: Tensor, labels: Tensor, silenced: nn.Module, c: int):
    """By how much scikit-learn's head loses when a module's channel is silent."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def silence(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        output = output.clone()
        output[:, c] = 0
        return output

    with torch.no_grad():
        features = backbone(x).double().numpy()
        hook = silenced.register_forward_hook(silence)
        without = backbone(x).double().numpy()
        hook.remove()
    head = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-10, max_iter=1000))
    head.fit(features, labels)
    losses = [log_loss(labels, head.predict_proba(part)) for part in (without, features)]
    return losses[0] - losses[1]


def test_the_importance_of_a_channel_is_the_growth_of_the_loss_without_it() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(60, 1, 2, 2, generator=generator)
    labels = (3 * x.mean(dim=(1, 2, 3)) + 0.3 * torch.rand(60, generator=generator)).long()
    labels = labels.clamp(max=2)
    backbone = Pooled([1.0, 0.0, 2.0]).eval()
    (growths,) = channel_importance(backbone, x, labels, 3).values()
    for channel in range(3):
        expected = growth_without(backbone, x, labels, backbone.stage, channel)
        assert growths[channel].item() == pytest.approx(expected, abs=1e-3)
    assert growths[1] == 0  # the second channel is dead
    assert growths[0] > 0.1
    assert growths[2] > 0.1


@pytest.mark.parametrize("make", [conv, vae])
def test_importance_is_measured_in_every_stage_and_leaves_the_backbone_as_it_was(
    make: Callable[[], Classifier],
) -> None:
    classifier = make().eval()
    backbone, before, whole = classifier.backbone, kept(classifier), structure(classifier)
    images = quadrants(40)
    x = images.images.float() / 255
    growths = channel_importance(backbone, x, images.labels, CLASSES)
    assert not changed(before, classifier)
    assert structure(classifier) == whole
    assert list(growths) == list(backbone.stages)
    for name, growth in growths.items():
        channel = int(growth.argmax())
        stage = backbone.get_submodule(name)
        expected = growth_without(backbone, x, images.labels, stage, channel)
        assert growth[channel].item() == pytest.approx(expected, rel=0.02, abs=2e-3)


def test_attention_sums_to_one_and_a_dead_channel_gets_the_least() -> None:
    torch.manual_seed(0)
    classifier = Classifier(Pooled([1.0, 0.0, 2.0]), 2).eval()
    images = torch.randint(0, 256, (300, 1, 2, 2), dtype=torch.uint8)
    method = DELTA()
    method.attach(classifier, images, (images.float().mean(dim=(1, 2, 3)) > 127).long())
    (attention,) = method.attention.values()
    assert attention.argmin() == 1
    assert attention.sum().item() == pytest.approx(1)
    method.detach(classifier)

    method, classifier = attached(DELTA())
    assert list(method.attention) == list(classifier.backbone.stages)
    for name, attention in method.attention.items():
        assert attention.shape == (classifier.backbone.get_submodule(name)[0].out_channels,)
        assert attention.sum().item() == pytest.approx(1, abs=1e-5)
    method.detach(classifier)


def test_attention_of_a_single_class_is_even() -> None:
    x = torch.rand(10, 1, 2, 2)
    growths = channel_importance(Pooled([1.0, -1.0, 2.0]), x, torch.zeros(10).long(), 2)
    torch.testing.assert_close(growths["stage"], torch.zeros(3), atol=1e-3, rtol=0)


def test_the_copy_of_the_start_stands_still_in_evaluation_mode() -> None:
    classifier, method = conv(), DELTA()
    start = kept(classifier)
    run(classifier, method)
    assert not any(module.training for module in method.start.modules())
    assert not any(value.requires_grad for value in method.parameters())
    for name, value in method.start.state_dict().items():
        assert torch.equal(value, start[f"backbone.{name}"])
    assert method.training
    assert repr(method) == "DELTA(strength=0.01, head_strength=0.01)"


# Batch spectral shrinkage


@pytest.mark.parametrize(("n", "dim"), [(6, 10), (10, 6), (7, 7)])
@pytest.mark.parametrize("smallest", [1, 3, 6])
def test_bss_is_the_sum_of_the_smallest_squared_singular_values(
    n: int, dim: int, smallest: int
) -> None:
    classifier = vae()
    features = torch.randn(n, dim, generator=torch.Generator().manual_seed(n))
    method = BSS(0.7, smallest=smallest)
    singular = np.linalg.svd(features.double().numpy(), compute_uv=False)
    expected = 0.7 * np.sort(singular)[:smallest] ** 2
    penalty = method.penalty(classifier, batch_of(features))
    assert penalty.item() == pytest.approx(expected.sum(), rel=1e-4)


def batch_of(features: Tensor) -> Batch:
    n = len(features)
    return Batch(torch.zeros(n, *SHAPE), features, torch.zeros(n, CLASSES), torch.zeros(n).long())


def test_the_gradient_of_bss_is_that_of_its_singular_vectors() -> None:
    classifier = vae().double()
    features = torch.randn(5, 8, dtype=torch.float64, requires_grad=True)
    BSS(0.5).penalty(classifier, batch_of(features)).backward()
    u, s, vh = np.linalg.svd(features.detach().numpy(), full_matrices=False)
    np.testing.assert_allclose(features.grad, s[-1] * np.outer(u[:, -1], vh[-1]), atol=1e-10)


@pytest.mark.parametrize("kind", ["zero", "repeated", "dead features"])
def test_the_gradient_of_bss_is_finite_where_singular_values_coincide(kind: str) -> None:
    features = torch.rand(6, 9)
    if kind == "zero":
        features.zero_()
    elif kind == "repeated":
        features[3:] = features[:3]
    else:
        features[:, 2:] = 0
    features.requires_grad_()
    penalty = BSS(1.0, smallest=3).penalty(vae(), batch_of(features))
    penalty.backward()
    assert penalty.item() == pytest.approx(0, abs=1e-6)
    assert features.grad.isfinite().all()


def test_bss_asks_for_no_more_singular_values_than_there_are() -> None:
    with pytest.raises(ValueError, match=r"smallest is 17.*only 16 singular values"):
        run(conv(), BSS(smallest=17))


@pytest.mark.parametrize("name", FINE_TUNING)
def test_features_that_are_not_finite_end_training(name: str) -> None:
    class Broken(ConvBackbone):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) * torch.inf

    # DELTA looks at the features before it starts.
    error, words = (ValueError, "not finite") if name == "delta" else (DivergenceError, "step 1:")
    with pytest.raises(error, match=words):
        run(Classifier(Broken(SHAPE), CLASSES), FINE_TUNING[name]())


# Low-rank adapters


@pytest.mark.parametrize("make", [conv, vae])
def test_adapters_change_nothing_at_first(make: Callable[[], Classifier]) -> None:
    classifier = make().eval()
    x, _ = batch(classifier)
    before, names = classifier(x), list(classifier.state_dict())
    method = LowRankAdapters(2)
    images = quadrants()
    method.attach(classifier, images.images, images.labels)
    assert torch.equal(classifier(x), before)
    trained = {name for name, value in classifier.named_parameters() if value.requires_grad}
    layers = [m for m in classifier.backbone.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(trained) == 2 * len(layers) + 2
    assert all(name.startswith("head.") or "parametrizations" in name for name in trained)
    method.detach(classifier)
    assert list(classifier.state_dict()) == names
    assert torch.equal(classifier(x), before)


def test_adapters_merge_to_the_weight_and_the_product() -> None:
    classifier, original = vae().eval(), vae().eval()
    method = LowRankAdapters(3, scale=6.0)
    images = quadrants()
    method.attach(classifier, images.images, images.labels)
    torch.manual_seed(0)
    products = {}
    for name, layer in classifier.backbone.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            (adapter,) = layer.parametrizations.weight
            nn.init.normal_(adapter.b)
            products[f"{name}.weight"] = 2.0 * adapter.b.detach() @ adapter.a.detach()
    x, _ = batch(classifier)
    adapted = classifier(x)
    method.detach(classifier)
    torch.testing.assert_close(classifier(x), adapted)
    for name, start in original.backbone.named_parameters():
        moved = classifier.backbone.get_parameter(name).detach() - start.detach()
        product = products.pop(name, torch.zeros_like(start).flatten(0))
        torch.testing.assert_close(moved.flatten(), product.flatten(), atol=1e-5, rtol=1e-4)
    assert not products


def test_the_trained_difference_has_at_most_the_rank() -> None:
    classifier, original = vae(), vae()
    run(classifier, LowRankAdapters(2), steps=5)
    ranked = 0
    for name, start in original.backbone.named_parameters():
        moved = (classifier.backbone.get_parameter(name) - start).detach()
        if name.endswith("weight"):
            singular = torch.linalg.svdvals(moved.flatten(1).double())
            assert singular[1] > 1e-3 * singular[0]
            assert singular[2] < 1e-4 * singular[0]
            ranked += 1
        else:
            assert not moved.any()
    assert ranked == 5


# Which tensors move


@pytest.mark.parametrize("make", [conv, vae])
@pytest.mark.parametrize("name", FINE_TUNING)
def test_exactly_the_tensors_of_the_method_move(name: str, make: Callable[[], Classifier]) -> None:
    classifier = make()
    before = kept(classifier)
    head = {"head.weight", "head.bias"}
    if name == "linear-probe":
        expected = head
    elif name == "adapters":
        kinds = nn.Conv2d | nn.Linear
        modules = classifier.backbone.named_modules()
        expected = head | {f"backbone.{n}.weight" for n, m in modules if isinstance(m, kinds)}
    else:
        expected = set(before)
    history = run(classifier, FINE_TUNING[name]())
    assert changed(before, classifier) == expected
    assert len(history) == 1
    assert history.objective[0] == pytest.approx(history.log_likelihood[0] - history.penalty[0])


@pytest.mark.parametrize("name", FINE_TUNING)
def test_what_the_caller_froze_stays_frozen(name: str) -> None:
    classifier = conv()
    classifier.backbone.stage1.requires_grad_(False)
    before = kept(classifier)
    wanted = {n: value.requires_grad for n, value in classifier.named_parameters()}
    run(classifier, FINE_TUNING[name]())
    assert {n: value.requires_grad for n, value in classifier.named_parameters()} == wanted
    moved = changed(before, classifier)
    assert not any(n.startswith("backbone.stage1") for n in moved)
    assert ("backbone.stage2.0.weight" in moved) == (name != "linear-probe")


@pytest.mark.parametrize("name", FINE_TUNING)
def test_structure_mode_and_random_state_are_as_before(name: str) -> None:
    classifier = conv().eval()
    before = structure(classifier)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    run(classifier, FINE_TUNING[name](), steps=1)
    assert torch.equal(torch.rand(3), expected)
    assert structure(classifier) == before
    weights = kept(classifier)
    with pytest.raises(ValueError, match="precision"):
        run(classifier, FINE_TUNING[name](), precision="64")
    assert structure(classifier) == before
    assert not changed(weights, classifier)


# Training


@pytest.fixture(scope="module")
def pretrained() -> Backbone:
    classifier = vae()
    run(classifier, images=quadrants(seed=2), steps=60, lr=3e-3)
    return classifier.backbone


@pytest.mark.parametrize("name", FINE_TUNING)
def test_every_method_learns(name: str, pretrained: Backbone) -> None:
    torch.manual_seed(0)
    classifier = Classifier(copy.deepcopy(pretrained), CLASSES)
    test = quadrants(seed=1)
    assert accuracy(classifier, test) < 0.6
    history = run(classifier, FINE_TUNING[name](), steps=50, lr=3e-3)
    assert history.step == [25, 50]
    assert history.objective[1] > history.objective[0]
    assert accuracy(classifier, test) > 0.8


@pytest.mark.parametrize("name", FINE_TUNING)
def test_a_stopped_run_goes_on_bit_for_bit(name: str, tmp_path: Path) -> None:
    whole, stopped = conv(), conv()
    expected = run(whole, FINE_TUNING[name](), steps=8, seed=4)
    # The method is a new one each time, and the classifier no longer has its start weights.
    for steps in (5, 8):
        history = run(
            stopped, FINE_TUNING[name](), steps=steps, seed=4, checkpoint=tmp_path / "run"
        )
    assert not changed(kept(whole), stopped)
    assert history.step == [5, 8]
    assert expected.step == [8]


def test_a_checkpoint_belongs_to_one_method_and_backbone(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run"
    run(conv(), L2SP(0.1), checkpoint=checkpoint)
    with pytest.raises(ValueError, match=r"its objective is 'L2SP\(strength=0\.1, head_str"):
        run(conv(), L2SP(0.2), checkpoint=checkpoint)
    with pytest.raises(ValueError, match=r"its model is \['ConvBackbone'.*not \['VAEBackbone'"):
        run(vae(), L2SP(0.1), checkpoint=checkpoint)


@pytest.mark.parametrize("name", FINE_TUNING)
def test_bfloat16_trains_too(name: str) -> None:
    classifier = conv()
    before = kept(classifier)
    history = run(classifier, FINE_TUNING[name](), precision="bf16")
    assert np.isfinite(history.objective).all()
    assert {"head.weight", "head.bias"} <= changed(before, classifier)


def test_same_seed_same_weights_other_seed_others() -> None:
    one, two, other = conv(), conv(), conv()
    for classifier, seed in ((one, 1), (two, 1), (other, 2)):
        run(classifier, LowRankAdapters(), seed=seed)
    assert not changed(kept(one), two)
    assert changed(kept(one), other)


def test_plain_fine_tuning_is_the_default() -> None:
    one, two = conv(), conv()
    run(one)
    run(two, FineTuning())
    assert not changed(kept(one), two)


def test_a_method_of_ones_own_is_one_sub_class() -> None:
    class SmallFeatures(Method):
        def penalty(self, classifier, source, target):
            return 10.0 * source.features.square().sum(dim=1).mean()

    plain, small = vae(), vae()
    run(plain, steps=20)
    run(small, SmallFeatures(), steps=20)
    x, _ = batch(plain)
    assert small.features(x).square().mean() < 0.5 * plain.features(x).square().mean()


# Refusals


def test_strengths_and_counts_are_checked() -> None:
    for make in (L2SP, DELTA, BSS):
        with pytest.raises(ValueError, match="strength must be a finite number"):
            make(-1.0)
    for make in (L2SP, DELTA):
        with pytest.raises(ValueError, match="head_strength must be a finite number"):
            make(head_strength=float("inf"))
    with pytest.raises(ValueError, match="smallest must be a whole number of at least 1"):
        BSS(smallest=0)
    with pytest.raises(ValueError, match="rank must be a whole number of at least 1"):
        LowRankAdapters(0)
    with pytest.raises(ValueError, match="scale must be a finite number"):
        LowRankAdapters(scale=-1.0)


def test_images_and_methods_that_do_not_suit_are_refused() -> None:
    images = quadrants(8)
    names = images.class_names
    with pytest.raises(ValueError, match=r"images .*have no labels"):
        run(conv(), images=ImageSet("bare", images.images))
    small = ImageSet("small", images.images[:, :, :8, :8], images.labels, class_names=names)
    with pytest.raises(ValueError, match=r"images must have the shape \(n, "):
        run(conv(), images=small)
    with pytest.raises(ValueError, match=r"labels up to 3, but the classifier knows 3"):
        run(Classifier(ConvBackbone(SHAPE), 3), images=images)
    # A name of FINE_TUNING, and a class in place of an object.
    for wrong in ("l2-sp", L2SP):
        with pytest.raises(TypeError, match="method"):
            run(conv(), wrong)
    with pytest.raises(ValueError, match=r"method DAN compares two domains.*use adapt\("):
        run(conv(), DAN())
