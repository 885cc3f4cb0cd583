"""Solids: their shadows, light and rotations have known answers."""

import math

import pytest
import torch

from tutorial_vae.data import load_images, solids

AHEAD = torch.tensor([[0.0, 0.0, 1.0]])
UPRIGHT = torch.eye(3)[None]
# The solid's own z axis points up in the picture.
STANDING = torch.tensor([[[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]])


def draw(solid: str, turn: torch.Tensor, light: torch.Tensor = AHEAD) -> torch.Tensor:
    label = torch.tensor([solids.SOLIDS.index(solid)])
    return solids.render(label, turn, light, torch.tensor([0.9]), size=64)[0, 0].float()


@pytest.mark.parametrize(
    ("solid", "turn", "area"),
    [
        ("cube", UPRIGHT, (2 / math.sqrt(3)) ** 2),
        ("octahedron", UPRIGHT, 2),
        ("sphere", UPRIGHT, math.pi * 0.85**2),
        ("cylinder", UPRIGHT, math.pi * 0.6**2),
        ("cylinder", STANDING, 1.2 * 1.6),
        ("cone", UPRIGHT, math.pi * 0.75),
        ("cone", STANDING, 1.5 * math.sqrt(0.75)),
        ("tetrahedron", UPRIGHT, 4 / 3),
    ],
)
def test_shadows_have_the_area_of_the_solid(solid: str, turn: torch.Tensor, area: float) -> None:
    covered = (draw(solid, turn) > 0).float().mean().item() * 4 / 0.9**2
    assert covered == pytest.approx(area, rel=0.06)


def test_the_icosahedron_is_almost_a_ball() -> None:
    generator = torch.Generator().manual_seed(0)
    for turn in solids.random_rotations(5, generator):
        covered = (draw("icosahedron", turn[None]) > 0).float().mean().item() * 4 / 0.9**2
        assert 2.3 < covered < math.pi


def test_the_cone_stands_on_its_base() -> None:
    rows = (draw("cone", STANDING) > 0).sum(1)
    rows = rows[rows > 0]
    assert rows[0] <= 2
    assert rows[-1] >= 48
    assert (rows.diff() >= 0).all()


def test_light_comes_from_where_it_is() -> None:
    light = torch.tensor([[math.sin(0.8), 0, math.cos(0.8)]])
    sphere = draw("sphere", UPRIGHT, light)
    assert sphere[:, 36:].sum() > 1.2 * sphere[:, :28].sum()
    up = draw("sphere", UPRIGHT, light[:, [1, 0, 2]])
    assert up[:28].sum() > 1.2 * up[36:].sum()


def test_a_face_towards_the_light_is_white_and_flat() -> None:
    front = draw("cube", UPRIGHT)[24:40, 24:40]
    assert (front == 255).all()


def test_rotations_are_rotations_and_uniform() -> None:
    turns = solids.random_rotations(4000, torch.Generator().manual_seed(0))
    assert torch.allclose(turns @ turns.mT, torch.eye(3).expand_as(turns), atol=1e-5)
    assert torch.allclose(torch.linalg.det(turns), torch.ones(4000), atol=1e-5)
    # The trace of a uniform rotation has mean 0 and variance 1.
    trace = turns.diagonal(dim1=1, dim2=2).sum(1)
    assert trace.mean().abs() < 0.06
    assert trace.var() == pytest.approx(1, abs=0.08)


def test_pictures_do_not_coincide_and_are_not_cut() -> None:
    images = load_images("solids", limit=700, size=32)
    assert images.labels is not None
    assert len(images.images.flatten(1).unique(dim=0)) == 700
    assert set(images.labels.tolist()) == set(range(7))
    edges = torch.cat((images.images[..., 0, :], images.images[..., :, -1]), dim=-1)
    assert (edges > 0).any(-1).float().mean() < 0.02


def test_drawing_alone_or_together_is_the_same() -> None:
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(14) % 7
    turns = solids.random_rotations(14, generator)
    light, scale = AHEAD.repeat(14, 1), torch.full((14,), 0.8)
    together = solids.render(labels, turns, light, scale, size=16).int()
    for place in range(14):
        one = slice(place, place + 1)
        alone = solids.render(labels[one], turns[one], light[one], scale[one], size=16).int()
        assert (alone[0] - together[place]).abs().max() <= 1


def test_everything_is_computed_on_the_device() -> None:
    # Tensors without storage refuse to meet any that were left on the CPU.
    turns = solids.random_rotations(7, torch.Generator().manual_seed(1))
    arguments = (torch.arange(7), turns, AHEAD.repeat(7, 1), torch.full((7,), 0.8))
    assert solids.render(*arguments, size=16, device="meta").is_meta


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_draws_the_same() -> None:
    labels = torch.arange(7)
    turns = solids.random_rotations(7, torch.Generator().manual_seed(1))
    arguments = (labels, turns, AHEAD.repeat(7, 1), torch.full((7,), 0.8))
    here = solids.render(*arguments, size=64)
    there = solids.render(*arguments, size=64, device="cuda")
    assert there.is_cuda
    assert (here.float() - there.cpu().float()).abs().mean() < 0.1
