"""Pre-training: the contrastive loss by hand, views, and what each kind leaves behind."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import log_softmax  # type: ignore[import-untyped]

import tutorial_vae as tv
from tutorial_vae.adaptation.backbones import VAEBackbone
from tutorial_vae.adaptation.classifiers import accuracy
from tutorial_vae.adaptation.pretraining import (
    KINDS,
    SimCLR,
    contrast,
    contrastive_loss,
    pretrain,
    random_view,
)


def test_contrastive_loss_is_the_sum_over_views_written_out() -> None:
    torch.manual_seed(1)
    first, second = torch.randn(5, 7), torch.randn(5, 7)
    views = np.concatenate([first.numpy(), second.numpy()])
    views /= np.linalg.norm(views, axis=1, keepdims=True)
    losses = []
    for i in range(10):
        others = [j for j in range(10) if j != i]
        logits = np.array([views[i] @ views[j] for j in others]) / 0.2
        losses.append(-log_softmax(logits)[others.index((i + 5) % 10)])
    loss = contrastive_loss(first, second, temperature=0.2)
    assert loss.item() == pytest.approx(np.mean(losses), rel=1e-5)


def test_contrastive_loss_knows_its_extremes() -> None:
    same = torch.ones(4, 3)
    assert contrastive_loss(same, same).item() == pytest.approx(math.log(7), rel=1e-5)
    apart = torch.eye(4)
    assert contrastive_loss(apart, apart, temperature=0.01).item() == pytest.approx(0, abs=1e-6)


def test_contrastive_loss_reads_directions_alone_and_is_symmetric() -> None:
    torch.manual_seed(2)
    first, second = torch.randn(6, 4), torch.randn(6, 4)
    loss = contrastive_loss(first, second)
    torch.testing.assert_close(contrastive_loss(7 * first, second / 3), loss)
    torch.testing.assert_close(contrastive_loss(second, first), loss)


def test_views_lie_in_range_differ_and_keep_an_even_image_nearly_even() -> None:
    torch.manual_seed(0)
    x = torch.rand(8, 1, 32, 32)
    one, two = random_view(x), random_view(x)
    assert one.shape == x.shape
    assert one.min() >= 0
    assert one.max() <= 1
    assert (one - two).abs().mean() > 0.02
    even = random_view(torch.full((500, 1, 32, 32), 0.5))
    middle = even[:, 0, 12:20, 12:20]
    torch.testing.assert_close(middle.amax(dim=(1, 2)), middle.amin(dim=(1, 2)))
    levels = middle[:, 0, 0]
    assert levels.min() >= 0.1
    assert levels.max() <= 0.9
    assert levels.std() > 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_moves_every_weight_and_leaves_the_global_random_state(kind: str) -> None:
    images = tv.load_images("digits", limit=100)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    result = pretrain(images, kind, steps=30, batch_size=20, seed=3, progress=False)
    assert torch.equal(torch.get_rng_state(), state)
    assert len(result.history) == 2
    with torch.random.fork_rng():
        torch.manual_seed(3)
        start = VAEBackbone(tv.VAE(images.image_shape))
    for name, value in start.named_parameters():
        assert not torch.equal(value, result.backbone.get_parameter(name)), name
    assert (result.classifier is not None) == (kind == "supervised")
    assert (result.vae is not None) == (kind == "generative")
    again = pretrain(images, kind, steps=30, batch_size=20, seed=3, progress=False)
    for name, value in result.backbone.state_dict().items():
        assert torch.equal(value, again.backbone.state_dict()[name])


@pytest.mark.slow
def test_supervised_pretraining_learns_the_classes() -> None:
    images, unseen = (tv.load_images("digits", split, limit=600) for split in ("train", "test"))
    result = pretrain(images, "supervised", steps=150, progress=False)
    assert result.classifier is not None
    assert result.classifier.backbone is result.backbone
    assert accuracy(result.classifier, unseen) > 0.7


def test_generative_pretraining_hands_over_the_encoder_of_its_vae() -> None:
    images = tv.load_images("digits", limit=64)
    result = pretrain(images, "generative", steps=20, progress=False)
    assert result.vae is not None
    for name, value in result.backbone.state_dict().items():
        assert torch.equal(value, result.vae.encoder.state_dict()[name])


@pytest.mark.slow
def test_contrast_tells_images_apart_better_with_training() -> None:
    images = tv.load_images("digits", limit=300)
    result = pretrain(images, "contrastive", steps=150, progress=False)
    assert result.history.objective[-1] > result.history.objective[0] + 0.5  # type: ignore[union-attr]


@pytest.mark.slow
def test_contrast_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    images = tv.load_images("digits", limit=60)

    def fresh() -> VAEBackbone:
        torch.manual_seed(0)
        return VAEBackbone(tv.VAE(images.image_shape))

    options = {"batch_size": 16, "seed": 4, "progress": False}
    straight, stopped = fresh(), fresh()
    contrast(straight, images, steps=60, **options)  # type: ignore[arg-type]
    checkpoint = tmp_path / "run"
    contrast(stopped, images, steps=35, checkpoint=checkpoint, **options)  # type: ignore[arg-type]
    resumed = fresh()
    contrast(resumed, images, steps=60, checkpoint=checkpoint, **options)  # type: ignore[arg-type]
    for name, value in straight.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name])


def test_what_does_not_suit_is_refused() -> None:
    images = tv.load_images("digits", limit=30)
    with pytest.raises(ValueError, match=r"kind must be one of .* not 'magic'"):
        pretrain(images, "magic")
    backbone = VAEBackbone(tv.VAE((1, 16, 16)))
    with pytest.raises(ValueError, match=r"\(1, 16, 16\) that the backbone reads"):
        contrast(backbone, images)
    for temperature in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="temperature must be a positive number"):
            SimCLR(4, temperature=temperature)
    with pytest.raises(ValueError, match="first and second must have one shape"):
        contrastive_loss(torch.ones(1, 2), torch.ones(1, 2))
