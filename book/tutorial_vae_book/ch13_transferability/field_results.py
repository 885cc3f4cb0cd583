"""What each box of the map of the field brought here, from the measured tables."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas

from ..ranking import chosen_settings, mean_over_groups, rank_agreement, regret

_SUPERVISED, _SCRATCH = "supervised", "none"
_PLAIN, _SOURCE_ONLY = "fine-tuning", "source-only"
_SCORES = ("leep", "nce", "logme", "h_score", "knn_accuracy", "label_cka")


@dataclass(frozen=True)
class Mark:
    """One number for each task, and their mean.

    Attributes:
        label: what it is of, as the sentence and the drawing call it.
        dots: the number of each task by its name.
    """

    label: str
    dots: Mapping[str, float]


@dataclass(frozen=True)
class Result:
    """What is said and drawn of a box.

    Attributes:
        what: what the numbers are.
        marks: the numbers, each with a label.
        unit: of the numbers.
        more: a sentence to end with.
        intervals: whether the mean over tasks with its interval says what is to be said.
    """

    what: str
    marks: Sequence[Mark]
    unit: str = "points"
    more: str = ""
    intervals: bool = True

    def described(self) -> dict[str, Any]:
        """Return the sentence in three parts, of which the second matters most, and the marks."""
        known = [mark for mark in self.marks if mark.dots]
        if not known:
            return {"sentence": ["", "Not measured in these tables.", ""], "unit": "", "marks": []}
        said = [
            self._said(mark) for mark in (known if len(known) < 4 else known[:: len(known) - 1])
        ]
        counts = sorted({len(mark.dots) for mark in known})
        tasks = " to ".join(str(count) for count in (counts[0], *counts[1:][-1:]))
        over = f" Means over {tasks} tasks with 95\u00a0% intervals." if self.intervals else ""
        return {
            "sentence": [
                f"{self.what}: ",
                said[0],
                f"{''.join(f'; {each}' for each in said[1:])}.{over}{self.more and ' '}{self.more}",
            ],
            "unit": self.unit,
            "marks": [self._drawn(mark) for mark in known],
        }

    def _interval(self, mark: Mark) -> tuple[float, float, float]:
        """Return the mean over tasks and the ends of its 95 % interval, NaN for one task."""
        values = np.array(list(mark.dots.values()))
        if len(values) < 2:
            return float(values.mean()), math.nan, math.nan
        mean, low, high = mean_over_groups(values)
        return (mean, max(low, -1.0), min(high, 1.0)) if self.unit == "τ" else (mean, low, high)

    def _said(self, mark: Mark) -> str:
        mean, low, high = (_signed(value, self.unit) for value in self._interval(mark))
        unit = "" if self.unit == "τ" else f" {self.unit}"
        spread = f" ({low} to {high})" if self.intervals and len(mark.dots) > 1 else ""
        return f"{mean}{unit}{spread}{mark.label and ' '}{mark.label}"

    def _drawn(self, mark: Mark) -> dict[str, Any]:
        mean, low, high = (round(value, 3) for value in self._interval(mark))
        return {
            "label": mark.label,
            "mean": mean,
            "interval": [low, high] if self.intervals and len(mark.dots) > 1 else None,
            "dots": [[name, round(value, 3)] for name, value in mark.dots.items()],
        }


class _Runs:
    """Accuracies of the table, without labels those of the setting that was best elsewhere."""

    def __init__(self, rows: pandas.DataFrame) -> None:
        best = chosen_settings(rows.to_dict("records"))
        wanted = [best.get(of) for of in zip(rows["task"], rows["method"], strict=True)]
        self.rows = rows[(rows["fraction"] != 0) | (rows["setting"] == wanted)]

    def fractions(self) -> list[int]:
        return sorted({int(fraction) for fraction in self.rows["fraction"] if fraction > 0})

    def _of(self, measure: str, which: tuple[str, str], fraction: int) -> pandas.Series:
        """The values by task and seed."""
        wanted: dict[str, Any] = {"measure": measure, "pretraining": which[0], "method": which[1]}
        wanted |= {"fraction": fraction}
        found = (self.rows[list(wanted)] == list(wanted.values())).all(axis=1)
        return self.rows[found].set_index(["task", "seed"])["value"].astype(float)

    def differences(
        self, one: tuple[str, str], other: tuple[str, str], fraction: int,
        measures: tuple[str, str] = ("accuracy", "accuracy"),
    ) -> dict[str, float]:  # fmt: skip
        """Return one minus the other in points for each task, seed by seed and then averaged."""
        first, second = (
            self._of(measure, which, fraction)
            for measure, which in zip(measures, (one, other), strict=True)
        )
        gaps = 100 * (first - second.reindex(first.index)).dropna()
        return gaps.groupby("task", sort=False).mean().to_dict()


def field_results(
    rows: pandas.DataFrame, ranking_rows: pandas.DataFrame
) -> dict[str, dict[str, Any]]:
    """Say and draw what each box brought: by its name the sentence in three parts, and the marks.

    Args:
        rows: of the table ``transferability``.
        ranking_rows: of the table ``transferability_ranking``.
    """
    runs = _Runs(rows)
    fractions = runs.fractions()
    ends = list(dict.fromkeys((fractions[0], fractions[-1]))) if fractions else []
    plain, scratch = (_SUPERVISED, _PLAIN), (_SCRATCH, _PLAIN)
    still = (_SUPERVISED, _SOURCE_ONLY)

    def against(
        other: tuple[str, str], what: str, *marks: tuple[str, tuple[str, str], int]
    ) -> Result:
        return Result(
            f"Accuracy, beside {what}",
            [
                Mark(
                    f"{how}with {fraction}\u00a0% of the labels",
                    runs.differences(who, other, fraction),
                )
                for how, who, fraction in marks
            ],
        )

    def at_ends(other: tuple[str, str], what: str, who: tuple[str, str]) -> Result:
        return against(other, what, *(("", who, fraction) for fraction in ends))

    results = {
        kind: against(
            scratch,
            "training from scratch",
            *(("fine-tuned ", (kind, _PLAIN), fraction) for fraction in ends),
            *(("as a probe ", (kind, "linear-probe"), fraction) for fraction in ends[:1]),
        )
        for kind in (_SUPERVISED, "generative", "contrastive")
    }
    results[_PLAIN] = at_ends(scratch, "training from scratch", plain)
    for method in ("linear-probe", "l2-sp", "delta", "bss", "adapters"):
        results[method] = at_ends(plain, "plain fine-tuning", (_SUPERVISED, method))
    results[_SOURCE_ONLY] = Result(
        "Accuracy on the target, beside that on the source",
        [Mark("", runs.differences(still, still, 0, ("accuracy", "source_accuracy")))],
    )
    for method in ("dan", "coral", "dann", "cdan", "mcc"):
        gain, kept = (
            Mark(where, runs.differences((_SUPERVISED, method), still, 0, (measure, measure)))
            for where, measure in (
                ("on the target", "accuracy"),
                ("on the source", "source_accuracy"),
            )
        )
        better = sum(value > 0 for value in gain.dots.values())
        results[method] = Result(
            "Accuracy, beside source only",
            [gain, kept],
            more=f"Better on the target of {better} of {len(gain.dots)} tasks.",
        )
    results["label-efficiency"] = Result(
        "Accuracy of plain fine-tuning, beside training from scratch",
        [Mark(f"with {f}\u00a0%", runs.differences(plain, scratch, f)) for f in fractions],
    )
    results["forgetting"] = Result(
        "Accuracy on the source after plain fine-tuning, beside that before",
        [
            Mark(
                f"with {fraction}\u00a0% of the labels",
                runs.differences(
                    plain, plain, fraction, ("source_accuracy", "source_accuracy_before")
                ),
            )
            for fraction in fractions
        ],
    )
    results["negative-transfer"] = _negative(runs, fractions)
    for score in _SCORES:
        results[score] = _score(score, ranking_rows)
    return {name: result.described() for name, result in results.items()}


def _negative(runs: _Runs, fractions: list[int]) -> Result:
    """Every combination in which a source could do harm, one dot each."""
    marks = [
        Mark(
            f"{kind}, fine-tuned",
            {
                f"{task}, {fraction}\u00a0%": value
                for fraction in fractions
                for task, value in runs.differences(
                    (kind, _PLAIN), (_SCRATCH, _PLAIN), fraction
                ).items()
            },
        )
        for kind in (_SUPERVISED, "generative", "contrastive")
    ]
    every = [value for mark in marks for value in mark.dots.values()]
    worst = f"; the worst lost {-min(every):.1f} points" if every and min(every) < 0 else ""
    return Result(
        "Accuracy, beside training from scratch",
        marks,
        more=f"Of {len(every)} combinations of pre-training, task and share of labels, "
        f"{sum(value < 0 for value in every)} ended below scratch{worst}.",
        intervals=False,
    )


def _score(score: str, rows: pandas.DataFrame) -> Result:
    """How well a score ranks the sources of each target, all of which were supervised."""
    agreements, costs, most = {}, [], 0
    for target, found in rows[rows["pretraining"] == _SUPERVISED].groupby("target", sort=False):
        brought, asked = (
            found[found["measure"] == name].pivot(index="seed", columns="source", values="value")
            for name in (_PLAIN, score)
        )
        sources = [name for name in found["source"].unique() if name in brought]
        brought, asked = brought[sources], asked.reindex(index=brought.index, columns=sources)
        if np.isfinite(asked + brought).all(axis=None):
            agreements[target] = float(rank_agreement(asked.to_numpy(), brought.to_numpy()).mean())
            costs.append(100 * float(regret(asked.to_numpy(), brought.to_numpy()).mean()))
            most = max(most, len(sources))
    return Result(
        f"Kendall’s τ with the accuracy after fine-tuning, ranking up to {most} sources",
        [Mark("", agreements)],
        unit="τ",
        more=f"Its favourite ends {np.mean(costs):.1f} points below the best." if costs else "",
    )


def _signed(value: float, unit: str) -> str:
    shown = f"{value:+.1f}" if unit == "points" else f"{value:.2f}"
    return shown.replace("-", "−") if float(shown) else shown.lstrip("+-")
