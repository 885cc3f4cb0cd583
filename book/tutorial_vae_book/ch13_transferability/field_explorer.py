"""The field explorer: a map of transfer learning whose boxes open."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pandas
from latex2mathml.converter import convert

from tutorial_vae.explorer import Choice, ChoiceExplorer, frame_of, script, style

from .field_results import field_results

Rows: TypeAlias = pandas.DataFrame | Sequence[Mapping[str, Any]]

FIELD = tomllib.loads(Path(__file__).with_name("field_map.toml").read_text(encoding="utf-8"))[
    "groups"
]

_COMMON = ["pretraining", "seed", "measure", "value"]


class FieldExplorer(ChoiceExplorer):
    """The map of the field: pre-training, adaptation to a task or a domain, evaluation.

    Every box is a button. It opens what the method does in one sentence, its formula, its source,
    where it is in this package, and what it brought here, as a sentence and as one dot a task.

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
        rows: Rows,
        ranking_rows: Rows,
        *,
        box: str = "fine-tuning",
    ) -> None:
        columns = ["task", "method", "fraction", "setting", *_COMMON]
        results = field_results(
            frame_of(rows, columns),
            frame_of(ranking_rows, ["source", "target", *_COMMON], "ranking_rows"),
        )
        names = [each["name"] for group in FIELD for each in group["boxes"]]
        groups = [
            group | {"boxes": [_shown(each, results[each["name"]]) for each in group["boxes"]]}
            for group in FIELD
        ]
        super().__init__({"box": ["", *names]}, {"box": box}, groups=groups)

    def _summary(self) -> str:
        return f"{len(self.data['choices']['box']['values']) - 1} boxes"


def _shown(box: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    """A box with its formula as MathML, which browsers draw and screen readers read."""
    formula = [convert(line, display="block") for line in box["formula"]]
    return {**box, "formula": formula, "result": result}
