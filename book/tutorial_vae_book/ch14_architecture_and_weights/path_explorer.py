"""The path explorer: what every path of a super-network scores with shared and with own weights."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import traitlets

from tutorial_vae.architecture import CANDIDATES
from tutorial_vae.explorer import Explorer, script, style

Rows = Sequence[Mapping[str, str | float]]

_COLUMNS = {"task", "path", "seed", "measure", "value"}
_STARTS = {"inherit": "0", "fresh": "1"}  # as the column weights numbers them
_MEASURES = {"scenes": "mean average precision"}  # of other tasks it is the accuracy


class PathExplorer(Explorer):
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

    task = traitlets.Unicode().tag(sync=True)
    path = traitlets.Unicode().tag(sync=True)
    seed = traitlets.Int(allow_none=True).tag(sync=True)
    shared = traitlets.Enum(tuple(_STARTS), "inherit").tag(sync=True)
    alone = traitlets.Enum(tuple(_STARTS), "fresh").tag(sync=True)

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
        if not sources_rows:
            raise ValueError("sources_rows must hold at least one measurement")
        _check("sources_rows", sources_rows, _COLUMNS | {"start"})
        _check("shared_rows", shared_rows, _COLUMNS | {"start"})
        _check("rows", rows, _COLUMNS | {"weights", "searched"})
        every = [*sources_rows, *shared_rows, *rows]
        stages = str(sources_rows[0]["path"]).count("-") + 1
        numbers = map(str, range(len(CANDIDATES)))
        paths = ["-".join(each) for each in itertools.product(numbers, repeat=stages)]
        if unknown := {str(row["path"]) for row in every} - set(paths):
            raise ValueError(
                f"rows name the paths {', '.join(sorted(unknown))}, but paths are from {paths[0]} "
                f"to {paths[-1]}"
            )
        tasks = list(dict.fromkeys(str(row["task"]) for row in every))
        seeds = sorted({int(row["seed"]) for row in every})
        measured = _measured(sources_rows, shared_rows, rows)
        costs = {
            row["path"]: float(row["value"])
            for row in sources_rows
            if row["measure"] == "multiply_adds"
        }

        def table(*run: str) -> list[Any] | None:
            values = [[measured.get((*run, each, seed)) for seed in seeds] for each in paths]
            return values if any(v is not None for known in values for v in known) else None

        super().__init__(
            data={
                "candidates": [candidate.name for candidate in CANDIDATES],
                "paths": paths,
                "seeds": seeds,
                "multiply_adds": [costs.get(each) for each in paths],
                "tasks": [
                    {
                        "name": name,
                        "source": name == sources_rows[0]["task"],
                        "measure": _MEASURES.get(name, "accuracy"),
                        "shared": {start: table("shared", name, start) for start in _STARTS},
                        "alone": {start: table("alone", name, start) for start in _STARTS},
                    }
                    for name in tasks
                ],
            },
            task=tasks[0] if task is None else task,
            path=paths[0] if path is None else path,
            seed=seed,
        )

    def _summary(self) -> str:
        counts = {name: len(self.data[f"{name}s"]) for name in ("task", "path", "seed")}
        return " × ".join(f"{n} {name}{'s' * (n > 1)}" for name, n in counts.items())

    @traitlets.validate("task", "path", "seed")
    def _known(self, proposal: Any) -> Any:
        tasks = [task["name"] for task in self.data["tasks"]]
        choices = {"task": tasks, "path": self.data["paths"], "seed": [*self.data["seeds"], None]}
        return self._one_of(choices[proposal["trait"].name], proposal)


def _check(name: str, rows: Rows, columns: set[str]) -> None:
    if rows and (missing := columns - set(rows[0])):
        raise ValueError(f"{name} lack the columns {', '.join(sorted(missing))}")


def _measured(sources_rows: Rows, shared_rows: Rows, rows: Rows) -> dict[tuple[Any, ...], float]:
    """Scores under what was scored, task, start, path and seed."""
    found: dict[tuple[Any, ...], float] = {}

    def add(kind: str, start: str, row: Mapping[str, str | float]) -> None:
        place = kind, row["task"], start, row["path"], int(row["seed"])
        found[place] = round(float(row["value"]), 5)

    for row in itertools.chain(sources_rows, shared_rows):
        if row["measure"] == "validation":
            add("shared", str(row["start"]), row)
    for row in rows:
        for start, origin in _STARTS.items():
            whole = set(str(row["weights"]).split("-")) == {origin}
            if row["measure"] == "test" and whole and not row["searched"]:
                add("alone", start, row)
    return found
