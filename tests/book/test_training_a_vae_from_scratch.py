"""The VAE that chapter 05 writes in plain PyTorch is the package's, number by number."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from torch.distributions import Bernoulli

import tutorial_vae as tv
from tutorial_vae.objectives import ELBO, elbo
from tutorial_vae_book.ch05_training_a_vae.experiment import (
    FAULTS,
    FaultyObjective,
    PixelByPixel,
    StrongDecoderVAE,
)

CHAPTER = Path(__file__).parents[2] / "notebooks" / "05_training_a_vae.ipynb"
CELLS = [cell for cell in nbformat.read(CHAPTER, as_version=4).cells if cell.cell_type == "code"]
SCRATCH = [cell.source for cell in CELLS if "from-scratch" in cell.metadata.get("tags", [])]
STEPS = 30


def run(sources: list[str], names: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run cells of the chapter and return what they define."""
    names = dict(names or {})
    for source in sources:
        exec(compile(source, CHAPTER.name, "exec"), names)
    return names


def defining(name: str) -> str:
    """The cell of the chapter that defines NAME."""
    [source] = [c.source for c in CELLS if f"class {name}(" in c.source]
    return source


@pytest.fixture(scope="module")
def scratch() -> dict[str, Any]:
    return run(SCRATCH)


@pytest.fixture(scope="module")
def digits() -> tv.data.ImageSet:
    return tv.load_images("digits", size=16)


class Watched(tv.BetaVAE):
    """The package's objective, which also writes down its mean over each batch."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[float] = []

    def forward(self, model: tv.VAE, x: torch.Tensor) -> ELBO:
        bound = super().forward(model, x)
        self.told.append(bound.elbo.mean().item())
        return bound


def test_it_takes_fewer_than_80_lines_of_pytorch_alone() -> None:
    lines = [line for source in SCRATCH for line in source.splitlines()]
    assert 20 < len(lines) < 80
    assert not any("tutorial_vae" in line or "tv." in line for line in lines)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_step_gives_the_elbo_of_the_package(
    scratch: dict[str, Any], digits: tv.data.ImageSet, seed: int
) -> None:
    torch.manual_seed(seed)
    ours = scratch["PlainVAE"]()
    torch.manual_seed(seed)
    theirs, watched = tv.VAE(digits.image_shape, 10, architecture="mlp"), Watched()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)
    pixels = digits.images.flatten(1) / 255
    elbos = scratch["train"](ours, pixels, steps=STEPS, seed=seed)
    tv.fit(theirs, digits, objective=watched, steps=STEPS, lr=2e-3, seed=seed, progress=False)
    assert len(elbos) == len(watched.told) == STEPS
    assert elbos == pytest.approx(watched.told, rel=1e-5)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-4)
    torch.manual_seed(seed)
    other = scratch["train"](scratch["PlainVAE"](), pixels, steps=STEPS, seed=seed + 10)
    assert max(abs(a - b) for a, b in zip(elbos, other, strict=True)) > 0.5


def test_the_batches_are_those_of_fit_over_several_epochs(
    scratch: dict[str, Any], digits: tv.data.ImageSet
) -> None:
    few = digits[:100]  # one batch of 64 an epoch, and 36 images that sit it out
    torch.manual_seed(0)
    ours, watched = scratch["PlainVAE"](), Watched()
    torch.manual_seed(0)
    theirs = tv.VAE(digits.image_shape, 10, architecture="mlp")
    elbos = scratch["train"](ours, few.images.flatten(1) / 255, steps=8, seed=0)
    tv.fit(theirs, few, objective=watched, steps=8, lr=2e-3, progress=False)
    assert elbos == pytest.approx(watched.told, rel=1e-5)


def test_the_bound_is_that_of_the_package_in_double_precision(scratch: dict[str, Any]) -> None:
    torch.manual_seed(0)
    ours = scratch["PlainVAE"]().double()
    theirs = tv.VAE((1, 16, 16), 10, architecture="mlp").double()
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    x = torch.rand(5, 256, dtype=torch.float64)
    torch.manual_seed(1)
    mine = scratch["bound"](ours, x)
    torch.manual_seed(1)
    its = elbo(theirs, x.unflatten(1, (1, 16, 16))).elbo
    assert torch.allclose(mine, its, rtol=1e-12, atol=0)


@pytest.mark.parametrize("fault", FAULTS)
def test_the_chapter_breaks_the_bound_as_its_table_does(
    fault: str, digits: tv.data.ImageSet
) -> None:
    patient = run([defining("Patient")], {"torch": torch, "nn": torch.nn, "tv": tv})["Patient"]
    torch.manual_seed(0)
    model = tv.VAE(digits.image_shape, 10, architecture="mlp")
    x = digits.images[:5] / 255
    results = []
    for objective in (patient(fault), FaultyObjective(fault)):
        torch.manual_seed(1)
        results.append(objective(model, x))
    for mine, its in zip(*results, strict=True):
        assert torch.allclose(mine, its, rtol=1e-5)
    true = elbo(model, x).elbo
    assert not torch.allclose(results[0].elbo, true, rtol=1e-3) or fault == "wrong width"


def test_the_chapter_has_the_strong_decoder_of_its_table(scratch: dict[str, Any]) -> None:
    names = scratch | {"tv": tv, "Distribution": torch.distributions.Distribution}
    chapter = run([defining("StrongDecoderVAE")], names)["StrongDecoderVAE"]
    torch.manual_seed(0)
    mine = chapter((1, 16, 16))
    its = StrongDecoderVAE((1, 16, 16))
    torch.nn.init.normal_(mine.earlier, std=0.05)
    its.load_state_dict(mine.state_dict())
    z, x = torch.randn(3, 10), torch.rand(3, 1, 16, 16)
    with torch.no_grad():
        assert torch.allclose(mine.decode(z).log_prob(x), its.decode(z).log_prob(x))
        assert torch.allclose(mine.decode(z).mean, its.decode(z).mean)


def test_pixels_one_by_one_have_the_probabilities_of_a_chain() -> None:
    torch.manual_seed(0)
    logits, weight = torch.randn(1, 1, 2, 2), torch.randn(4, 4).tril(-1)
    pictures = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 4).view(16, 1, 2, 2)
    chain = PixelByPixel(logits.expand(16, -1, -1, -1), weight)
    assert chain.log_prob(pictures).exp().sum() == pytest.approx(1, abs=1e-5)
    picture = pictures[11].flatten()
    by_hand = sum(
        Bernoulli(logits=logits.flatten()[i] + weight[i, :i] @ picture[:i]).log_prob(picture[i])
        for i in range(4)
    )
    assert chain.log_prob(pictures)[11] == pytest.approx(by_hand.item(), abs=1e-5)
    independent = PixelByPixel(logits, torch.zeros(4, 4))
    assert torch.allclose(independent.mean, logits.sigmoid())
