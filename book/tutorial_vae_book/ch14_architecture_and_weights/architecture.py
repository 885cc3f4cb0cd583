"""Chapter 14: one super-network, and what its paths and weights are worth on other tasks."""

from pathlib import Path as FilePath
from tempfile import TemporaryDirectory

import torch
from safetensors.torch import load_file, save

from tutorial_vae.adaptation.classifiers import Classifier
from tutorial_vae.architecture import BlockPath, SuperNetwork, WeightSources, multiply_adds
from tutorial_vae.detection import Detector
from tutorial_vae.devices import own_random_state
from tutorial_vae.files import write_atomically

from ..grid import working_folder
from ..table import Row
from .architecture_tasks import SOURCE, TARGETS, images_of, network_on, score, train

INHERIT, FRESH, SNAPSHOT = "inherit", "fresh", "snapshot 1"
"""Where the weights of a stage come from."""

WINNER = "winner"
"""In the place of a path: the best one by adapted shared weights."""

_PARTS = ("validation", "test")

_SNAPSHOT_STEPS = 500
_SOURCE_STEPS = 2000
_SHARED_STEPS = 300
_ALONE_STEPS = 400  # from nothing on the source
_STEPS = 200  # on a target
# On the source as many as the super-network, on the targets as many as it and its winner together.
_LONGER_STEPS = {SOURCE: (1000, _SOURCE_STEPS)} | dict.fromkeys(TARGETS, (_SHARED_STEPS + _STEPS,))

PATHS = tuple(SuperNetwork((1, 32, 32)).paths())


def path_name(path: BlockPath) -> str:
    """Return a path, or a choice of weights, as the tables name it: ``"0-2-1"``.

    Args:
        path: one number for each stage.
    """
    return "-".join(map(str, path))


def architecture_sources(seed: int) -> list[Row]:
    """Train a super-network once on the source, each step on a random path, and keep it.

    It has three stages of 16, 32 and 64 channels with three candidates each, and takes 2,000 steps
    on batches of 32 letters. A snapshot is kept after 500.

    Args:
        seed: of the start weights, the images, the batches and the paths.

    Returns:
        Rows with the columns task, start, path, seed, measure and value: for every path the
        ``multiply_adds`` of its backbone for an image of 32×32, and its accuracies
        ``validation`` and ``test`` on the source with shared weights.
    """
    with own_random_state(torch.device("cpu"), seed):
        supernet = SuperNetwork((1, 32, 32))
        network = network_on(supernet, SOURCE)
    checkpoint = _kept("training", seed)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.unlink(missing_ok=True)  # of a run that was killed: this one begins again
    for steps, name in ((_SNAPSHOT_STEPS, SNAPSHOT), (_SOURCE_STEPS, INHERIT)):
        train(network, SOURCE, seed, steps=steps, random_paths=True, checkpoint=checkpoint)
        write_atomically(_kept(name, seed), save(supernet.state_dict()))
    checkpoint.unlink()
    rows = _shared_rows(network, SOURCE, INHERIT, seed)
    settings: Row = {"task": SOURCE, "start": INHERIT, "seed": seed, "measure": "multiply_adds"}
    for path in PATHS:
        cost = multiply_adds(supernet.extract(path), supernet.image_shape)
        rows.append(settings | {"path": path_name(path), "value": cost})
    return rows


def architecture_shared(task: str, start: str, seed: int) -> list[Row]:
    """Adapt a whole super-network to a target, and score every path with its shared weights.

    A new head and all blocks take 300 steps, each on a random path. Of an inherited super-network
    the path that is best on the validation images is kept, for :func:`architecture`, and what has
    become of its weights, for :func:`architecture_adapted`.

    Args:
        task: one of the targets.
        start: ``"inherit"`` from the source, or ``"fresh"`` weights.
        seed: as in :func:`architecture_sources`.

    Returns:
        Rows with the columns task, start, path, seed, measure and value: for every path its
        ``validation`` and ``test`` score.
    """
    weights = _sources(task, seed)
    with own_random_state(torch.device("cpu"), seed):
        supernet = weights.inherited if start == INHERIT else SuperNetwork(_shape(task))
        network = network_on(supernet, task)
    train(network, task, seed, steps=_SHARED_STEPS, random_paths=True)
    rows = _shared_rows(network, task, start, seed)
    if start == INHERIT:
        validated = [row for row in rows if row["measure"] == "validation"]
        best = max(validated, key=lambda row: row["value"])
        _winner(task, seed).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(_winner(task, seed), str(best["path"]).encode())
        write_atomically(_adapted(task, seed), save(network.state_dict()))
    return rows


def architecture(task: str, path: str, weights: str, seed: int) -> list[Row]:
    """Train one path by itself on a task, from weights of given origins, and score it.

    It takes 200 steps on a target, and 400 on the source.

    Args:
        task: the source, or one of the targets.
        path: as :func:`path_name` writes it, or ``"winner"``: the best of those whose shared
            weights :func:`architecture_shared` has adapted to the target.
        weights: of each stage, as numbers of ``"inherit"``, ``"fresh"`` and ``"snapshot 1"``, like
            ``"0-0-1"``.
        seed: of the images, the head, fresh weights and the batches.

    Returns:
        Rows with the columns task, path, weights, seed, searched, measure and value: its
        ``validation`` and ``test`` score. ``searched`` says whether the path was the winner's.
    """
    searched = path == WINNER
    if searched:
        path = _winner(task, seed).read_text()
    chosen, origins = (tuple(map(int, name.split("-"))) for name in (path, weights))
    network = _path_on(task, chosen, origins, seed)
    train(network, task, seed, steps=_ALONE_STEPS if task == SOURCE else _STEPS)
    settings: Row = {
        "task": task, "path": path, "weights": weights, "seed": seed, "searched": int(searched)
    }  # fmt: skip
    return _scored(network, settings)


def architecture_adapted(task: str, path: str, seed: int) -> list[Row]:
    """Train one path on a target from the weights that :func:`architecture_shared` has adapted.

    It keeps the head as well and takes 200 steps, so that with the super-network's 300 it has seen
    500 on the target.

    Args:
        task: one of the targets.
        path: as :func:`path_name` writes it.
        seed: as in :func:`architecture`.

    Returns:
        Rows with the columns task, path, seed, measure and value: its ``validation`` and ``test``
        score.
    """
    supernet = SuperNetwork(_shape(task))
    network = network_on(supernet, task)
    network.load_state_dict(load_file(_adapted(task, seed)))
    network.backbone = supernet.extract(tuple(map(int, path.split("-"))))
    train(network, task, seed, steps=_STEPS)
    return _scored(network, {"task": task, "path": path, "seed": seed})


def architecture_longer(task: str, path: str, seed: int) -> list[Row]:
    """Train one path by itself for longer than :func:`architecture` does, and score it on the way.

    On the source it has fresh weights and is scored after 1,000 and after 2,000 steps, as many as
    the super-network took; on a target it has inherited weights and is scored after 500, as many as
    a super-network and its winner take there together.

    Args:
        task: the source, or one of the targets.
        path: as :func:`path_name` writes it.
        seed: as in :func:`architecture`, of which this is the same training, gone on with.

    Returns:
        Rows with the columns task, path, seed, steps, measure and value: its ``validation`` and
        ``test`` score after so many steps.
    """
    origin = 1 if task == SOURCE else 0
    network = _path_on(task, tuple(map(int, path.split("-"))), (origin,) * 3, seed)
    rows = []
    with TemporaryDirectory() as folder:
        checkpoint = FilePath(folder) / "training"
        for steps in _LONGER_STEPS[task]:
            train(network, task, seed, steps=steps, checkpoint=checkpoint)
            rows += _scored(network, {"task": task, "path": path, "seed": seed, "steps": steps})
    return rows


def _path_on(
    task: str, path: BlockPath, origins: tuple[int, ...], seed: int
) -> Classifier | Detector:
    """A path with weights of given origins, as an ordinary network with a head for a task."""
    with own_random_state(torch.device("cpu"), seed):
        return network_on(_sources(task, seed).backbone(path, origins, seed=seed), task)


def _scored(network: Classifier | Detector, settings: Row) -> list[Row]:
    task, seed = str(settings["task"]), int(settings["seed"])
    return [
        settings | {"measure": part, "value": score(network, task, part, seed)} for part in _PARTS
    ]


def _shared_rows(network: Classifier | Detector, task: str, start: str, seed: int) -> list[Row]:
    """The scores of all paths of a network whose backbone is a super-network."""
    supernet = network.backbone
    assert isinstance(supernet, SuperNetwork)
    rows: list[Row] = []
    for path in PATHS:
        settings: Row = {"task": task, "start": start, "path": path_name(path), "seed": seed}
        with supernet.following(path):
            rows += _scored(network, settings)
    return rows


def _sources(task: str, seed: int) -> WeightSources:
    """The source's super-network and its snapshot, for images of the size of a task's."""
    loaded = {}
    for name in (INHERIT, SNAPSHOT):
        loaded[name] = SuperNetwork(_shape(task))
        loaded[name].load_state_dict(load_file(_kept(name, seed)))
    return WeightSources(loaded[INHERIT], [loaded[SNAPSHOT]])


def _shape(task: str) -> tuple[int, int, int]:
    return images_of(task, "test", 0).image_shape


def _kept(name: str, seed: int) -> FilePath:
    return (
        working_folder("architecture_sources", architecture_sources)
        / "models"
        / f"{name},{seed}.safetensors"
    )


def _winner(task: str, seed: int) -> FilePath:
    return working_folder("architecture_shared", architecture_shared) / f"winner,{task},{seed}.txt"


def _adapted(task: str, seed: int) -> FilePath:
    return (
        working_folder("architecture_shared", architecture_shared)
        / f"adapted,{task},{seed}.safetensors"
    )
