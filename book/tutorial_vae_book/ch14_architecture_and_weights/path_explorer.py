"""The path explorer: what every path of a super-network scores with shared and with own weights."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import pandas

from tutorial_vae.architecture import CANDIDATES
from tutorial_vae.explorer import (
    Choice,
    ChoiceExplorer,
    frame_of,
    pack_rows,
    script,
    style,
)

Rows: TypeAlias = pandas.DataFrame | Sequence[Mapping[str, Any]]

_COLUMNS = ["task", "path", "seed", "measure", "value"]
_STARTS = {"inherit": "0", "fresh": "1"}  # as the column weights numbers them
_MEASURES = {"scenes": "mean average precision"}  # of other tasks it is the accuracy


class PathExplorer(ChoiceExplorer):
    """Paths of a super-network, chosen block by block: their scores, ranks and costs.

    A drawing of the super-network shows the chosen path. A table holds its score with shared
    weights, on validation images, where a search reads it, and its score when it is trained by
    itself, on test images, by which a search is judged. Both have their rank among all paths. A
    scatter plot shows the two scores of every path, and Kendall's tau (with correction for ties)
    how far they agree, seed by seed. A path is on the Pareto front if no other is at least as good
    by itself and costs at most as much.

    Args:
        sources_rows: those of the table ``architecture_sources``: the source's scores with shared
            weights, and the multiply-adds of every path.
        shared_rows: those of ``architecture_shared``: the same scores on the targets, where the
            super-network starts from the source's weights or from fresh ones.
        rows: those of ``architecture``: paths trained by themselves. Of these the explorer reads
            whole paths that were not found by a search, with fresh or inherited weights.
        task: the task shown at first, by default the source.
        path: the path shown at first, as the tables name it, by default the first.
        seed: whose scores are shown at first; without it, their means over the seeds.

    Attributes:
        task: follows its menu, and may be set; so do path and seed.
        shared: start of the super-network in the scatter plot, ``"inherit"`` or ``"fresh"``.
        alone: start of the path by itself in it, likewise.

    Raises:
        ValueError: ``sources_rows`` is empty, a column is missing, or a row names a path with other
            blocks than the ``CANDIDATES`` of the super-network or with another number of stages.
    """

    _esm = script(__file__)
    _css = style(__file__)

    task = Choice("task")
    seed = Choice("scores")
    path = Choice("path")
    shared = Choice("shared weights start from")
    alone = Choice("path by itself starts from")

    def __init__(
        self,
        sources_rows: Rows,
        shared_rows: Rows,
        rows: Rows,
        *,
        task: str | None = None,
        path: str | None = None,
        seed: int | None = None,
    ) -> None:
        sources = frame_of(sources_rows, [*_COLUMNS, "start"], "sources_rows")
        shared = frame_of(shared_rows, [*_COLUMNS, "start"], "shared_rows")
        alone = frame_of(rows, [*_COLUMNS, "weights", "searched"])
        if sources.empty:
            raise ValueError("sources_rows must hold at least one measurement")
        every = pandas.concat([table[_COLUMNS] for table in (sources, shared, alone) if len(table)])
        stages = sources["path"].iloc[0].count("-") + 1
        numbers = map(str, range(len(CANDIDATES)))
        paths = ["-".join(each) for each in itertools.product(numbers, repeat=stages)]
        if unknown := set(every["path"]) - set(paths):
            raise ValueError(
                f"rows name the paths {', '.join(sorted(unknown))}, but paths are from {paths[0]} "
                f"to {paths[-1]}"
            )
        tasks, seeds = every["task"].unique().tolist(), sorted(set(every["seed"].astype(int)))
        started = pandas.concat([table for table in (sources, shared) if len(table)])
        starts = {"-".join([origin] * stages): start for start, origin in _STARTS.items()}
        whole = alone.assign(start=alone["weights"].map(starts))[alone["searched"] == 0]
        axes = {"task": tasks, "start": list(_STARTS), "path": paths, "seed": seeds}
        super().__init__(
            {
                "task": tasks,
                "seed": [*seeds, None],
                "path": paths,
                "shared": list(_STARTS),
                "alone": list(_STARTS),
            },
            {"task": task, "path": path, "alone": "fresh"},
            candidates=[candidate.name for candidate in CANDIDATES],
            source=sources["task"].iloc[0],
            measures=[_MEASURES.get(name, "accuracy") for name in tasks],
            costs=pack_rows(sources, "multiply_adds", {"path": paths}),
            scores={
                "shared": pack_rows(started, "validation", axes),
                "alone": pack_rows(whole, "test", axes),
            },
        )
        self.seed = seed

    def _summary(self) -> str:
        counts = {
            name: len(self.data["choices"][name]["values"]) - (name == "seed")
            for name in ("task", "path", "seed")
        }
        return " × ".join(f"{n} {name}{'s' * (n > 1)}" for name, n in counts.items())
