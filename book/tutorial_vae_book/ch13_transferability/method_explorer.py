"""The method explorer: what each way of transferring brought, for a task and a share of labels."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas

from tutorial_vae.explorer import Choice, ChoiceExplorer, frame_of, pack_rows, script, style

from ..ranking import chosen_settings

_COLUMNS = ["task", "pretraining", "method", "fraction", "setting", "seed", "measure", "value"]
_LABELLED = "fine-tuning"
_UNLABELLED = "source-only"
_SCRATCH = "from scratch"


class MethodExplorer(ChoiceExplorer):
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

    task = Choice("task")
    method = Choice("method")
    fraction = Choice("labels of the target", slider=True)

    def __init__(
        self,
        rows: pandas.DataFrame | Sequence[Mapping[str, Any]],
        *,
        task: str | None = None,
        method: str | None = None,
        fraction: int | None = None,
    ) -> None:
        table = frame_of(rows, _COLUMNS)
        if table.empty:
            raise ValueError("rows must hold at least one measurement")
        starts = zip(table["pretraining"], table["method"], strict=True)
        table = table.assign(name=[_name(*start) for start in starts])
        seeds = sorted(set(table["seed"]))
        alone = table["fraction"] == 0
        best = chosen_settings(table.to_dict("records"))
        wanted = [best.get(of) for of in zip(table["task"], table["method"], strict=True)]
        without = table[alone & (table["setting"] == wanted)]
        kinds = [
            _described(some, reference, seeds)
            for some, reference in (
                (table[~alone], _LABELLED),
                (without.assign(task=without["task"] + ", no labels"), _UNLABELLED),
            )
            if len(some)
        ]
        tasks, methods, fractions = (
            list(dict.fromkeys(value for kind in kinds for value in kind[name]))
            for name in ("tasks", "names", "fractions")
        )
        first = kinds[0]["names"][kinds[0]["first"]]
        super().__init__(
            {"task": tasks, "method": methods, "fraction": fractions},
            {"task": task, "method": method or first, "fraction": fraction},
            kinds=kinds,
            scratch=_SCRATCH,
            student=[_student(n) for n in range(len(seeds) + 1)],
        )

    def _summary(self) -> str:
        return self._counts("task", "method")


def _described(table: pandas.DataFrame, reference: str, seeds: list[float]) -> dict[str, Any]:
    """What was measured of the tasks with labels, or of those without."""
    tried = dict(zip(table["name"], table["pretraining"], strict=True))
    names = sorted(tried, key=lambda name: name == _SCRATCH)  # the control last
    if reference not in tried:
        raise ValueError(
            f"rows must hold runs of {reference}, with which the other methods are compared"
        )
    tasks, fractions = table["task"].unique().tolist(), sorted(set(table["fraction"].astype(int)))
    setting, settings = pandas.factorize(table["setting"])
    axes = {"task": tasks, "name": names, "fraction": fractions, "seed": seeds}
    before = {"task": tasks, "seed": seeds}
    return {
        "tasks": tasks,
        "names": names,
        "pretraining": [tried[name] for name in names],
        "reference": reference,
        "first": (names.index(reference) + 1) % len(names),
        "fractions": fractions,
        "accuracy": pack_rows(table, "accuracy", axes),
        "source": pack_rows(table, "source_accuracy", axes),
        "before": pack_rows(table, "source_accuracy_before", before),
        "settings": settings.tolist(),
        "used": pack_rows(table.assign(measure="setting", value=setting), "setting", axes),
    }


def _name(pretraining: str, method: str) -> str:
    """A method with what came before it, where that was not supervised."""
    if pretraining == "none":
        return _SCRATCH
    return method if pretraining == "supervised" else f"{pretraining}: {method}"


def _student(n: int) -> float | None:
    """Half the width of the 95 % interval of a mean over n seeds, in their standard deviations."""
    from scipy.stats import t as student  # type: ignore[import-untyped]

    return float(student.ppf(0.975, n - 1)) / math.sqrt(n) if n > 1 else None
