"""Training on random paths: what moves in a step, what is learnt, and what a stop changes."""

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import tutorial_vae as tv
from tutorial_vae.adaptation import fine_tune
from tutorial_vae.adaptation.classifiers import Classifier, accuracy
from tutorial_vae.architecture import (
    MORE_CANDIDATES,
    RandomPathObjective,
    RandomPaths,
    SuperNetwork,
)
from tutorial_vae.data import ImageSet

SHAPE = (1, 8, 8)


def bars(n: int = 120, seed: int = 0) -> ImageSet:
    """Noise with a bright bar, lying or standing: which of the two is the class."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 2, (n,), generator=generator)
    images = torch.randint(0, 120, (n, *SHAPE), generator=generator, dtype=torch.uint8)
    places = torch.randint(0, 8, (n,), generator=generator)
    for image, label, place in zip(images, labels, places, strict=True):
        row = image[0, place] if label else image[0, :, place]
        row += 120
    return ImageSet("bars", images, labels, class_names=("standing", "lying"))


def classifier(widths: tuple[int, ...] = (4, 8)) -> Classifier:
    torch.manual_seed(0)
    return Classifier(SuperNetwork(SHAPE, widths=widths, candidates=MORE_CANDIDATES), 2)


def run(network: Classifier, steps: int, **options: object) -> tv.History:
    settings = {"batch_size": 16, "device": "cpu", "progress": False} | options
    return fine_tune(network, bars(), method=RandomPaths(), steps=steps, **settings)


def changed(before: dict[str, Tensor], network: nn.Module) -> set[str]:
    after = network.state_dict()
    assert list(before) == list(after)
    return {name for name in before if not torch.equal(before[name], after[name])}


def on_path(network: Classifier, path: tuple[int, ...]) -> set[str]:
    """Names of the weights that images meet on a path: blocks', shared convolutions', head's."""
    blocks = {f"backbone.stage{i}.blocks.{choice}." for i, choice in enumerate(path, start=1)}
    return {
        name
        for name in network.state_dict()
        if ".blocks." not in name or any(name.startswith(block) for block in blocks)
    }


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The paths that are drawn, in order."""
    paths: list[tuple[int, ...]] = []
    draw = SuperNetwork.random_path

    def keep(network: SuperNetwork) -> tuple[int, ...]:
        paths.append(draw(network))
        return paths[-1]

    monkeypatch.setattr(SuperNetwork, "random_path", keep)
    return paths


@pytest.mark.parametrize("seed", range(6))
def test_a_step_changes_the_weights_on_the_drawn_path_alone(
    seed: int, drawn: list[tuple[int, ...]]
) -> None:
    network = classifier()
    before = copy.deepcopy(network.state_dict())
    run(network, 1, seed=seed)
    (path,) = drawn
    moved = changed(before, network)
    assert moved <= on_path(network, path)
    # All of them: no weight on the path is left out.
    assert moved == on_path(network, path)


def test_later_steps_leave_the_weights_off_their_paths_alone(
    tmp_path: Path, drawn: list[tuple[int, ...]]
) -> None:
    network, seen = classifier(), set()
    for step in range(1, 9):
        before = copy.deepcopy(network.state_dict())
        run(network, step, checkpoint=tmp_path / "run")
        # Adam's averages would go on moving the blocks of earlier steps.
        assert changed(before, network) == on_path(network, drawn[-1])
        seen.add(drawn[-1])
    assert len(drawn) == 8
    assert len(seen) > 4


def test_a_stopped_run_goes_on_bit_for_bit(tmp_path: Path) -> None:
    whole, stopped = classifier(), classifier()
    expected = run(whole, 40, seed=4)
    for steps in (1, 3, 28, 40):
        # A new method each time, and a classifier that is new but for its shape.
        stopped = copy.deepcopy(stopped)
        history = run(stopped, steps, seed=4, checkpoint=tmp_path / "run")
    assert not changed(whole.state_dict(), stopped)
    assert history.step[-1] == expected.step[-1] == 40
    other = classifier()
    run(other, 40, seed=5)
    assert changed(whole.state_dict(), other)


def test_a_run_leaves_the_path_and_the_random_state_as_they_were() -> None:
    network = classifier()
    network.backbone.path = (1, 2)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    run(network, 3)
    assert torch.equal(torch.rand(3), expected)
    assert network.backbone.path == (1, 2)


def test_one_training_serves_all_paths() -> None:
    network, test = classifier((8, 16)), bars(seed=1)
    run(network, 200, lr=1e-2)
    scores = []
    for path in network.backbone.paths():
        with network.backbone.following(path):
            scores.append(accuracy(network, test))
    assert min(scores) > 0.8
    assert max(scores) > 0.9


def test_any_objective_can_run_on_random_paths(drawn: list[tuple[int, ...]]) -> None:
    class Path(nn.Module):
        def forward(self, network: Classifier, x: Tensor) -> tuple[int, ...]:
            return network.backbone.path

    network = classifier()
    objective = RandomPathObjective(Path())
    found = [objective(network, torch.rand(2, *SHAPE)) for _ in range(5)]
    assert found == drawn
    assert network.backbone.path == (0, 0)
    assert "Path()" in repr(objective)


def test_without_a_super_network_there_is_nothing_to_draw() -> None:
    bare = Classifier(classifier().backbone.extract((0, 0)), 2)
    with pytest.raises(ValueError, match="Classifier must hold one SuperNetwork"):
        run(bare, 1)
    with pytest.raises(ValueError, match="Linear must hold one SuperNetwork"):
        RandomPathObjective(nn.Identity())(nn.Linear(2, 2), torch.rand(1, 2))
