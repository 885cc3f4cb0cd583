"""Trained models that come with the package."""

import pytest
import torch

import tutorial_vae as tv
from tutorial_vae import pretrained as shipped
from tutorial_vae.data.catalogue import CATALOGUE
from tutorial_vae.evaluation import evaluate
from tutorial_vae_book import pretrained_models as pretrained
from tutorial_vae_book import results
from tutorial_vae_book.trained_models import grey_images

NAMES = shipped.pretrained_names()


def test_every_offline_set_of_the_experiment_has_three_models_and_all_are_small() -> None:
    assert tuple(sorted(pretrained.PRETRAINED)) == NAMES
    assert all(CATALOGUE[name].offline for name in NAMES)
    files = sorted(shipped.FOLDER.glob("*.safetensors"))
    assert files == sorted(shipped.pretrained_path(name, s) for name in NAMES for s in range(3))
    assert sum(file.stat().st_size for file in files) < 10e6


@pytest.mark.parametrize("name", NAMES)
def test_rounding_the_weights_to_bfloat16_costs_less_than_a_fifth_of_a_nat(name: str) -> None:
    wanted = "images == @name and objective == 'beta=1' and step == 2000 and measure == 'elbo'"
    (elbo,) = results.load_table("models").query(f"{wanted} and seed == 0")["value"]
    model = tv.load_pretrained(name)
    held_out = evaluate(model, grey_images(name, "test", limit=1000)).elbo
    assert abs(held_out - float(elbo)) < 0.2
    assert next(model.parameters()).dtype == torch.float32


def test_seeds_are_different_models() -> None:
    first, second = (tv.load_pretrained("dsprites", seed=seed) for seed in (0, 1))
    assert not torch.equal(first.encoder.conv1[0].weight, second.encoder.conv1[0].weight)


@pytest.mark.parametrize(("name", "seed"), [("mnist", 0), ("dsprites", 3), ("../models/x", 0)])
def test_a_model_that_is_not_there_is_named(name: str, seed: int) -> None:
    with pytest.raises(ValueError, match=rf"'{name}' with seed {seed}.*must be one of dsprites"):
        tv.load_pretrained(name, seed=seed)


def test_the_experiment_keeps_models_that_load(monkeypatch, tmp_path) -> None:
    model = tv.VAE((1, 32, 32))
    monkeypatch.setattr(pretrained, "trained", lambda images, seed: model)
    monkeypatch.setattr(pretrained, "model_path", lambda images, *_: tmp_path / images)
    for name in NAMES[1:]:
        (tmp_path / name).touch()
    pretrained.keep_pretrained(tmp_path)
    paths = [
        shipped.pretrained_path(n, s, folder=tmp_path / "models")
        for n in NAMES[1:]
        for s in range(3)
    ]
    assert sorted((tmp_path / "models").iterdir()) == sorted(paths)  # the first one's runs failed
    loaded = tv.load_model(paths[0]).state_dict()
    for name, value in model.state_dict().items():
        assert torch.equal(loaded[name], value.bfloat16().float())
