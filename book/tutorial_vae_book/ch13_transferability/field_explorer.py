"""The field explorer: a map of transfer learning whose boxes open."""

from collections.abc import Mapping, Sequence
from typing import Any

import traitlets

from tutorial_vae.explorer.explorer import Explorer
from tutorial_vae.explorer.front_end import script, style

from .field_map import FIELD
from .field_results import field_results


class FieldExplorer(Explorer):
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

    box = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        rows: Sequence[Mapping[str, str | float]],
        ranking_rows: Sequence[Mapping[str, str | float]],
        *,
        box: str = "fine-tuning",
    ) -> None:
        common = {"pretraining", "seed", "measure", "value"}
        for name, table, columns in (
            ("rows", rows, {"task", "method", "fraction", "setting"}),
            ("ranking_rows", ranking_rows, {"source", "target"}),
        ):
            if table and (missing := (common | columns) - set(table[0])):
                raise ValueError(f"{name} lack the columns {', '.join(sorted(missing))}")
        results = field_results(rows, ranking_rows)
        groups = [
            {
                "stage": group.stage,
                "heading": group.heading,
                "boxes": [each._asdict() | {"result": results[each.name]} for each in group.boxes],
            }
            for group in FIELD
        ]
        super().__init__(data={"groups": groups}, box=box)

    def _summary(self) -> str:
        return f"{sum(len(group['boxes']) for group in self.data['groups'])} boxes"

    @traitlets.validate("box")
    def _known(self, proposal: Any) -> Any:
        names = [each["name"] for group in self.data["groups"] for each in group["boxes"]]
        return self._one_of(["", *names], proposal)
