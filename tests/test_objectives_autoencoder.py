"""The plain autoencoder."""

from pathlib import Path

import nbformat
import torch

import tutorial_vae
from tutorial_vae import VAE, objectives


def test_the_autoencoder_of_the_chapter_is_that_of_the_package() -> None:
    chapter = Path(__file__).parents[1] / "notebooks" / "01_latent_variable_models.ipynb"
    cells = nbformat.read(chapter, as_version=4).cells
    [source] = [cell.source for cell in cells if "class Autoencoder" in cell.source]
    definition = source[: source.index("torch.manual_seed")]
    names = {"nn": torch.nn, "torch": torch, "tv": tutorial_vae}
    exec(definition, names)
    model = VAE((1, 16, 16), 2, architecture="mlp")
    x = torch.rand(3, 1, 16, 16)
    given, expected = names["Autoencoder"]()(model, x), objectives.Autoencoder()(model, x)
    for part, wanted in zip(given, expected, strict=True):
        torch.testing.assert_close(part, wanted)
    expected.elbo.sum().backward()
    assert model.encoder.log_var.weight.grad is None
