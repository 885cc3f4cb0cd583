"""Multiply-adds counted by hand, and Pareto fronts against brute force."""

import random

import pytest
import torch
from torch import nn

from tutorial_vae import VAE
from tutorial_vae.architecture import CANDIDATES, SuperNetwork, front, multiply_adds


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (nn.Conv2d(2, 6, 3, padding=1), 6 * 8 * 8 * 2 * 9),
        (nn.Conv2d(2, 6, (3, 1), stride=2, groups=2), 6 * 3 * 4 * 1 * 3),
        (nn.ConvTranspose2d(2, 6, 4, stride=2, padding=1), 2 * 8 * 8 * 6 * 16),
        (nn.Sequential(nn.Flatten(), nn.Linear(128, 10)), 128 * 10),
        (nn.Sequential(nn.ReLU(), nn.BatchNorm2d(2), nn.MaxPool2d(2)), 0),
        (nn.Identity(), 0),
    ],
)
def test_layers_cost_what_a_count_by_hand_gives(layer: nn.Module, expected: int) -> None:
    assert multiply_adds(layer, (2, 8, 8)) == expected


def test_a_layer_that_runs_twice_counts_twice() -> None:
    layer = nn.Conv2d(2, 2, 1)
    assert multiply_adds(nn.Sequential(layer, layer), (2, 4, 4)) == 2 * 4 * 4 * 2 * 2


def test_of_a_super_network_the_path_counts() -> None:
    network = SuperNetwork((1, 16, 16), widths=(4, 8), candidates=CANDIDATES)
    shared = 8 * 8 * 4 * 9 + 4 * 4 * 8 * 4 * 9
    # Of each block, the k×k and the 1×1 convolution; the skip costs nothing.
    first = [8 * 8 * 4 * 4 * 10, 8 * 8 * 4 * 4 * 26, 0]
    second = [4 * 4 * 8 * 8 * 10, 4 * 4 * 8 * 8 * 26, 0]
    for path in network.paths():
        expected = shared + first[path[0]] + second[path[1]]
        assert multiply_adds(network.extract(path), (1, 16, 16)) == expected
        with network.following(path):
            assert multiply_adds(network, (1, 16, 16)) == expected


def test_counting_leaves_no_trace() -> None:
    model = VAE((1, 16, 16), 3)
    model.encoder.conv1.eval()
    modes = [module.training for module in model.modules()]
    state = torch.get_rng_state()
    assert multiply_adds(model, (1, 16, 16)) > 0
    assert torch.equal(torch.get_rng_state(), state)
    assert [module.training for module in model.modules()] == modes
    assert not any(module._forward_hooks for module in model.modules())


def test_counting_leaves_no_trace_where_images_do_not_suit() -> None:
    layer = nn.Conv2d(2, 6, 3)
    with pytest.raises(RuntimeError):
        multiply_adds(layer, (1, 8, 8))
    assert layer.training
    assert not layer._forward_hooks


def beaten(point: tuple[float, float], points: list[tuple[float, float]]) -> bool:
    return any(p[0] >= point[0] and p[1] <= point[1] and p != point for p in points)


@pytest.mark.parametrize("seed", range(20))
def test_the_front_is_what_comparing_all_pairs_gives(seed: int) -> None:
    draw = random.Random(seed)
    # Few values, so that there are ties and equal points.
    points = [(draw.randrange(6) / 5, float(draw.randrange(6))) for _ in range(draw.randrange(25))]
    chosen = front(points)
    assert sorted(chosen) == [i for i, point in enumerate(points) if not beaten(point, points)]
    costs = [points[index][1] for index in chosen]
    assert costs == sorted(costs)


def test_a_known_front() -> None:
    points = [(0.9, 50.0), (0.5, 10.0), (0.8, 50.0), (0.7, 30.0), (0.4, 20.0), (0.7, 40.0)]
    assert front(points) == (1, 3, 0)
    assert front([]) == ()
    with pytest.raises(ValueError, match=r"point 1 is \(nan, 2.0\)"):
        front([(0.5, 1.0), (float("nan"), 2.0)])
