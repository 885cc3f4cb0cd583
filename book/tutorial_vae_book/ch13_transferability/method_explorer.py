"""The method explorer: what each way of transferring brought, for a task and a share of labels."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import traitlets

from tutorial_vae.explorer import Explorer, script, style

from ..ranking import chosen_settings

Rows = Sequence[Mapping[str, str | float]]

_COLUMNS = {"task", "pretraining", "method", "fraction", "setting", "seed", "measure", "value"}
_LABELLED = "fine-tuning"
_UNLABELLED = "source-only"
_SCRATCH = "from scratch"


class MethodExplorer(Explorer):
    """What every method brought, over the share of labels and beside plain fine-tuning.

    Of a task with labels the explorer draws the accuracy over the share of them for plain
    fine-tuning, the chosen method and training from scratch. Of one without, it draws the accuracy
    of every method of domain adaptation, each with the setting that was best on the other tasks
    (``chosen_settings`` in ``ranking.py``). Below, each method has its difference
    to the reference, seed by seed, and its accuracy on the source before and after.

    Args:
        rows: those of the table ``transferability``, or any with the same columns: task,
            pretraining, method, fraction, setting, seed, measure and value. Runs that are missing
            are said to be not measured.
        task: the task shown at first, by default the first. Those without labels end in
            ``", no labels"``.
        method: the method shown at first, by default the one after the reference. Where a task was
            not tried with the chosen method, that one is shown as well.
        fraction: per cent of the labels at first, by default the fewest.

    Attributes:
        task: follows its menu, and may be set; so do method and fraction.

    Raises:
        ValueError: there are no rows, a column is missing, there are no runs of the reference,
            plain fine-tuning or source only, or settings cannot be chosen on other tasks.
    """

    _esm = script(__file__)
    _css = style(__file__)

    task = traitlets.Unicode().tag(sync=True)
    method = traitlets.Unicode().tag(sync=True)
    fraction = traitlets.Int().tag(sync=True)

    def __init__(
        self,
        rows: Rows,
        *,
        task: str | None = None,
        method: str | None = None,
        fraction: int | None = None,
    ) -> None:
        if not rows:
            raise ValueError("rows must hold at least one measurement")
        if missing := _COLUMNS - set(rows[0]):
            raise ValueError(f"rows lack the columns {', '.join(sorted(missing))}")
        seeds = sorted({float(row["seed"]) for row in rows})
        chosen = chosen_settings(rows)
        with_labels = [row for row in rows if row["fraction"] != 0]
        without = [
            row | {"task": f"{row['task']}, no labels"}
            for row in map(dict, rows)
            if row["fraction"] == 0
            and chosen.get((str(row["task"]), str(row["method"]))) == row["setting"]
        ]
        kinds = [
            _described(some, reference, seeds)
            for some, reference in ((with_labels, _LABELLED), (without, _UNLABELLED))
            if some
        ]
        super().__init__(
            data={
                "kinds": kinds,
                "scratch": _SCRATCH,
                "student": [_student(n) for n in range(len(seeds) + 1)],
            },
            task=kinds[0]["tasks"][0] if task is None else task,
            method=kinds[0]["methods"][kinds[0]["first"]]["name"] if method is None else method,
            fraction=kinds[0]["fractions"][0] if fraction is None else fraction,
        )

    def _summary(self) -> str:
        tasks, methods = (
            sum(len(kind[name]) for kind in self.data["kinds"]) for name in ("tasks", "methods")
        )
        return f"{tasks} task{'s' * (tasks > 1)} × {methods} methods"

    @traitlets.validate("task", "method", "fraction")
    def _known(self, proposal: Any) -> Any:
        name = proposal["trait"].name
        known = [choice for kind in self.data["kinds"] for choice in kind[f"{name}s"]]
        return self._one_of([c["name"] for c in known] if name == "method" else known, proposal)


def _described(rows: Rows, reference: str, seeds: list[float]) -> dict[str, Any]:
    """What was measured of the tasks with labels, or of those without.

    Values are nested lists of (tasks, methods, fractions, seeds), None where there is none;
    accuracies on the source before anything was done, (tasks, seeds).
    """
    tasks = list(dict.fromkeys(str(row["task"]) for row in rows))
    tried = {_name(row): str(row["pretraining"]) for row in rows}
    tried = dict(sorted(tried.items(), key=lambda named: named[0] == _SCRATCH))  # the control last
    if reference not in tried:
        raise ValueError(
            f"rows must hold runs of {reference}, with which the other methods are compared"
        )
    names = list(tried)
    fractions = sorted({int(row["fraction"]) for row in rows})
    settings = list(dict.fromkeys(str(row["setting"]) for row in rows))
    measured: dict[tuple[Any, ...], float] = {}
    before: dict[tuple[Any, ...], float] = {}
    used: dict[tuple[Any, ...], int] = {}
    for row in rows:
        run = row["task"], _name(row), int(row["fraction"]), row["seed"]
        used[run] = settings.index(str(row["setting"]))
        measured[row["measure"], *run] = round(float(row["value"]), 5)
        if row["measure"] == "source_accuracy_before":
            before[row["task"], row["seed"]] = round(float(row["value"]), 5)

    def nested(known: Mapping[tuple[Any, ...], Any], *measure: str) -> list[Any]:
        return [
            [
                [[known.get((*measure, task, name, f, seed)) for seed in seeds] for f in fractions]
                for name in names
            ]
            for task in tasks
        ]

    return {
        "tasks": tasks,
        "methods": [
            {"name": name, "short": name.rpartition(": ")[2], "pretraining": pretraining}
            for name, pretraining in tried.items()
        ],
        "reference": reference,
        "first": (names.index(reference) + 1) % len(names),
        "fractions": fractions,
        "accuracy": nested(measured, "accuracy"),
        "source": nested(measured, "source_accuracy"),
        "before": [[before.get((task, seed)) for seed in seeds] for task in tasks],
        "settings": settings,
        "used": nested(used),
    }


def _name(row: Mapping[str, str | float]) -> str:
    """A method with what came before it, where that was not supervised."""
    pretraining, method = str(row["pretraining"]), str(row["method"])
    if pretraining == "none":
        return _SCRATCH
    return method if pretraining == "supervised" else f"{pretraining}: {method}"


def _student(n: int) -> float | None:
    """Half the width of the 95 % interval of a mean over n seeds, in their standard deviations."""
    from scipy.stats import t as student  # type: ignore[import-untyped]

    return float(student.ppf(0.975, n - 1)) / math.sqrt(n) if n > 1 else None
