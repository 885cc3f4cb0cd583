"""The runs of chapter 14: which seeds, tasks, paths and origins of weights its tables hold."""

from collections.abc import Sequence

from ..grid import Experiment, Settings
from ..trained_models import SEEDS
from .architecture import (
    FRESH,
    INHERIT,
    PATHS,
    WINNER,
    architecture,
    architecture_adapted,
    architecture_longer,
    architecture_shared,
    architecture_sources,
    path_name,
)
from .architecture_tasks import SOURCE, TARGETS

_MORE_SEEDS = range(len(SEEDS), 10)
_INHERITED, _FRESH = path_name((0, 0, 0)), path_name((1, 1, 1))

SOURCES: list[Settings] = [{"seed": seed} for seed in SEEDS]
MORE_SOURCES: list[Settings] = [{"seed": seed} for seed in _MORE_SEEDS]


def _shared(seeds: Sequence[int], starts: Sequence[str]) -> list[Settings]:
    return [
        {"task": task, "start": start, "seed": seed}
        for seed in seeds
        for task in TARGETS
        for start in starts
    ]


SHARED = _shared(SEEDS, (INHERIT, FRESH))
MORE_SHARED = _shared(_MORE_SEEDS, (INHERIT,))


def _paths(seeds: Sequence[int], tasks: Sequence[str]) -> list[Settings]:
    return [
        {"task": task, "path": path_name(path), "seed": seed}
        for seed in seeds
        for task in tasks
        for path in PATHS
    ]


ADAPTED = _paths(SEEDS, TARGETS)
LONGER = _paths(SEEDS, (SOURCE, *TARGETS))

# Nothing can be inherited on the source itself.
ALONE: list[Settings] = [
    {**path, "weights": weights}
    for path in LONGER
    for weights in ((_FRESH,) if path["task"] == SOURCE else (_INHERITED, _FRESH))
]
MORE_ALONE: list[Settings] = [
    {**path, "weights": _FRESH if path["task"] == SOURCE else _INHERITED}
    for path in _paths(_MORE_SEEDS, (SOURCE, *TARGETS))
]
ALONE += [
    {"task": task, "path": WINNER, "weights": path_name(weights), "seed": seed}
    for seed in SEEDS
    for task in TARGETS
    # As many origins as candidates: the two spaces have the same form.
    for weights in PATHS
]


EXPERIMENTS = {
    "architecture_sources": Experiment(architecture_sources, SOURCES),
    "architecture_shared": Experiment(architecture_shared, SHARED, after="architecture_sources"),
    "architecture": Experiment(architecture, ALONE, after="architecture_shared"),
    "architecture_adapted": Experiment(architecture_adapted, ADAPTED, after="architecture_shared"),
    "architecture_longer": Experiment(architecture_longer, LONGER, after="architecture_sources"),
    "architecture_more_sources": Experiment(architecture_sources, MORE_SOURCES),
    "architecture_more_shared": Experiment(
        architecture_shared, MORE_SHARED, after="architecture_more_sources"
    ),
    "architecture_more": Experiment(architecture, MORE_ALONE, after="architecture_more_shared"),
}
