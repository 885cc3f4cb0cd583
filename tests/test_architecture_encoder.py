"""VAEs with a super-network as encoder: trained on random paths, extracted, compared."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from tutorial_vae import BetaVAE, assess, compare_layers, evaluate, fit, retrain, save_model
from tutorial_vae.architecture import (
    PathBackbone,
    RandomPathObjective,
    StagedVAE,
    SuperNetwork,
    multiply_adds,
)
from tutorial_vae.data import ImageSet
from tutorial_vae.evaluation import clustering, probe
from tutorial_vae.transfer import assessment

SHAPE = (1, 16, 16)


def vae() -> StagedVAE:
    torch.manual_seed(0)
    return StagedVAE(SuperNetwork(SHAPE, widths=(4, 8)), 3)


def images(n: int = 64) -> torch.Tensor:
    """Bright squares at random places."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.zeros(n, *SHAPE, dtype=torch.uint8)
    for image, (row, column) in zip(
        pixels, torch.randint(0, 10, (n, 2), generator=generator).tolist(), strict=True
    ):
        image[:, row : row + 6, column : column + 6] = 255
    return pixels


def train(model: StagedVAE, steps: int, **options: object) -> list[float]:
    settings = {"batch_size": 16, "device": "cpu", "progress": False, "lr": 3e-3} | options
    return fit(
        model, images(), objective=RandomPathObjective(BetaVAE()), steps=steps, **settings
    ).elbo


def test_it_is_a_vae_whose_encoder_follows_the_path() -> None:
    model = vae()
    x = images().float() / 255
    assert model.encode(x).mean.shape == (64, 3)
    assert model.decode(torch.rand(2, 3)).mean.shape == (2, *SHAPE)
    means = []
    for path in model.encoder.backbone.paths():
        with torch.no_grad(), model.encoder.backbone.following(path):
            means.append(model.encode(x).mean)
            maps = model.encoder.backbone.maps(x).flatten(1)
            assert torch.equal(means[-1], model.encoder.mean(maps))
    assert len({tuple(mean.flatten().tolist()) for mean in means}) == 9
    assert model.layer_names[:4] == (
        "encoder.backbone.stage1",
        "encoder.backbone.stage2",
        "encoder.mean",
        "encoder.log_var",
    )
    assert model.layer_names[4] == "decoder.dense1"
    assert multiply_adds(model, SHAPE) > multiply_adds(model.encoder, SHAPE) > 0


@pytest.mark.slow
def test_random_paths_train_all_of_them() -> None:
    model = vae()
    elbo = train(model, 150)
    assert elbo[-1] > elbo[0] + 20
    for path in model.encoder.backbone.paths():
        with model.encoder.backbone.following(path):
            trained = evaluate(model, images()).elbo
        fresh = vae()
        with fresh.encoder.backbone.following(path):
            assert trained > evaluate(fresh, images()).elbo + 20


def test_a_stopped_run_goes_on_bit_for_bit(tmp_path: Path) -> None:
    whole, stopped = vae(), vae()
    train(whole, 12)
    for steps in (2, 12):
        train(stopped, steps, checkpoint=tmp_path / "run")
    for name, value in whole.state_dict().items():
        assert torch.equal(value, stopped.state_dict()[name]), name
    # Checkpoints tell one encoder from another.
    with pytest.raises(ValueError, match=r"its model is .*super-network 4-8 of 3×3 \| 5×5 \| skip"):
        train(StagedVAE(SuperNetwork(SHAPE, widths=(8, 8)), 3), 2, checkpoint=tmp_path / "run")


def test_an_extracted_path_is_the_same_vae_by_itself() -> None:
    model = vae()
    before = copy.deepcopy(model.state_dict())
    small = model.extract((2, 1))
    assert isinstance(small.encoder.backbone, PathBackbone)
    assert small.architecture == "path 4-8 of skip, 5×5"
    assert small.layer_names == model.layer_names
    x = images().float() / 255
    with torch.no_grad(), model.encoder.backbone.following((2, 1)):
        assert torch.equal(small.encode(x).mean, model.encode(x).mean)
        assert torch.equal(small.encode(x).stddev, model.encode(x).stddev)
        assert torch.equal(small.reconstruct(x), model.reconstruct(x))
    with torch.no_grad():
        for value in small.parameters():
            value.add_(1.0)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    with pytest.raises(ValueError, match="StagedVAE must hold one SuperNetwork"):
        small.extract((0, 0))


def test_a_path_is_compared_with_its_parent_layer_by_layer() -> None:
    model = vae()
    small = model.extract((1, 0))
    with model.encoder.backbone.following((1, 0)):
        same = compare_layers(model, small, images(), device="cpu")
    assert same.rows == same.columns == model.layer_names
    np.testing.assert_allclose(np.diag(same.values), 1, atol=1e-5)
    layers = ["encoder.backbone.stage1", "encoder.backbone.stage2", "encoder.mean"]
    # On another path the parent's layers are others.
    with model.encoder.backbone.following((1, 2)):
        other = compare_layers(model, small, images(), layers=layers, device="cpu")
    assert other.rows == tuple(layers)
    first, second, _ = np.diag(other.values)
    assert first == pytest.approx(1, abs=1e-5)
    assert second < 0.9999


def test_sides_that_do_not_halve_evenly_suit_the_stages() -> None:
    shape = (1, 48, 48)
    model = StagedVAE(SuperNetwork(shape, widths=(2, 2, 2, 2, 4)), 2)
    assert model.encoder.mean.in_features == 4 * 2 * 2
    assert model.encode(torch.rand(2, *shape)).mean.shape == (2, 2)


def test_it_is_not_saved_in_a_file_that_nobody_could_load(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="model has the architecture 'super-network"):
        save_model(vae(), tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())


def labelled(n: int = 40) -> ImageSet:
    pixels = images(n)
    return ImageSet(
        "squares",
        pixels,
        labels=(pixels[:, 0, :8].sum(dim=(1, 2)) > 0).long(),
        class_names=("low", "high"),
    )


@pytest.mark.parametrize("extracted", [False, True])
def test_it_is_a_source_like_any_other_vae(
    extracted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = vae().extract((1, 0)) if extracted else vae()
    before = copy.deepcopy(model.state_dict())
    squares = labelled()
    # Latents of the same network with fresh weights are other numbers, and as many.
    accuracies = probe(model, squares, squares, kind="knn", device="cpu")
    assert all(0 < accuracy.low <= accuracy.value <= accuracy.high for accuracy in accuracies)
    assert len(clustering(model, squares, device="cpu")) == 4
    options = {"steps": 2, "batch_size": 8, "device": "cpu", "progress": False}
    result = retrain(model, squares, "encoder-reset", **options)
    assert result.reset == model.layer_names[:4]
    decoder = {name for name in before if name.startswith("decoder.")}
    later = result.model.state_dict()
    assert all(torch.equal(later[name], before[name]) for name in decoder)
    assert not torch.equal(later["encoder.mean.weight"], before["encoder.mean.weight"])
    with pytest.raises(ValueError, match=r"model has the architecture '(super-network|path)"):
        retrain(model, torch.zeros(8, 3, 16, 16), "new-ends", **options)
    monkeypatch.setattr(assessment, "STEPS", 2)
    card = assess(model, squares, device="cpu", progress=False)
    assert card.layers == model.layer_names
    assert set(card.alignment["target model"]) == {"source", "untrained"}
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
