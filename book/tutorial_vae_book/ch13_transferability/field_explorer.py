"""The field explorer: a map of transfer learning whose boxes open."""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pandas
from latex2mathml.converter import convert

from tutorial_vae.explorer import Choice, ChoiceExplorer, frame_of, script, style

from .field_results import field_results


class FieldExplorer(ChoiceExplorer):
    """The map of the field: pre-training, adaptation to a task or a domain, evaluation.

    Every box is a button. It opens what the method does in one sentence, its formula, its source,
    where it is in this package, and what it brought here, as a sentence and as one dot a task. The
    boxes are in the file ``field_map.toml`` beside this one.

    Args:
        rows: those of the table ``transferability``. Boxes of what is missing say so.
        ranking_rows: those of the table ``transferability_ranking``.
        box: the box that is open at first, or nothing.

    Attributes:
        box: follows the buttons, and may be set.

    Raises:
        ValueError: a column is missing, or settings cannot be chosen on other tasks.
    """

    _esm = script(__file__)
    _css = style(__file__)

    box = Choice("box")

    def __init__(
        self,
        rows: pandas.DataFrame | Sequence[Mapping[str, Any]],
        ranking_rows: pandas.DataFrame | Sequence[Mapping[str, Any]],
        *,
        box: str = "fine-tuning",
    ) -> None:
        common = ["pretraining", "seed", "measure", "value"]
        table = frame_of(rows, [*common, "task", "method", "fraction", "setting"])
        ranking = frame_of(ranking_rows, [*common, "source", "target"], "ranking_rows")
        results = field_results(table, ranking)
        groups = [
            group | {"boxes": [_drawn(each) | {"result": results[each["name"]]} for each in boxes]}
            for group in field_map()
            for boxes in [group["boxes"]]
        ]
        names = [each["name"] for group in groups for each in group["boxes"]]
        super().__init__({"box": ["", *names]}, {"box": box}, groups=groups)

    def _summary(self) -> str:
        return f"{sum(len(group['boxes']) for group in self.data['groups'])} boxes"


@cache
def field_map() -> list[dict[str, Any]]:
    """Return the groups of the map: stage, heading and boxes of each."""
    path = Path(__file__).with_name("field_map.toml")
    groups = tomllib.loads(path.read_text(encoding="utf-8"))["group"]
    return [
        {"stage": group["stage"], "heading": group["heading"], "boxes": group["box"]}
        for group in groups
    ]


def _drawn(box: Mapping[str, Any]) -> dict[str, Any]:
    """Return a box whose formula is MathML."""
    return {**box, "formula": [convert(line, display="block") for line in box["formula"]]}
