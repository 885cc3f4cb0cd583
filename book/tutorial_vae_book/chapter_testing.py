"""What nbval leaves out when it executes a notebook again: its figures, and its explorers' state.

A figure is compared with the stored one as somebody sees them who stands back: both are made
smaller, so that a letter that another typeface moves by a pixel does not count, and another curve
does. An explorer is compared by all that its page is given. A network that another processor
trained draws other digits in the same frame: where a cell has the tag ``figure-varies``, its
figures may differ as much as those of two such networks, and the numbers of its explorer are not
compared, only which they are. One execution serves these comparisons and nbval's own of what a cell
prints.
"""

import base64
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError
from PIL import Image

FIGURE = "image/png"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
REFERENCE = "IPY_MODEL_"
VARIES = "figure-varies"
# What depends on the installed version of anywidget, and not on the chapter.
_OF_THE_INSTALLATION = {"_model_module_version", "_view_module_version"}


class Tolerance(NamedTuple):
    """How far tiles of two figures may be apart, where black and white are apart by 1."""

    mean: float
    tail: float


# Figures are compared in tiles of about 8×8 pixels, the width of a letter. Letters moved by a pixel
# differ by 0.003 on average and 0.07 in the worst hundredth of the tiles; of all pairs of figures
# in the chapters, those that are most alike by 0.026 and 0.30.
_TILE = 8
_USUAL = Tolerance(mean=0.01, tail=0.15)
# Networks that two processors trained differ by up to 0.033 and 0.35, and fail this where a frame,
# an axis or a row of pictures is another one.
_VARYING = Tolerance(mean=0.05, tail=0.5)
# Of the width and height: labels of more or fewer letters move the edge of a figure.
_SIZE_TOLERANCE = 0.03
# Explorers show rounded numbers; the last digit may differ on another processor.
_NUMBERS = 2e-3
_PACKED = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
_PNG = "iVBORw0KGgo"  # how a PNG begins in base64; how long it is depends on its pixels


def figure_difference(stored: str, drawn: str, *, varies: bool = False) -> str:
    """Say how a figure differs from the stored one.

    Args:
        stored: a PNG in base64.
        drawn: likewise.
        varies: whether it may differ as figures of networks do that two processors trained.

    Returns:
        A few words, or nothing where both show the same.
    """
    before, after = (Image.open(io.BytesIO(base64.b64decode(png))) for png in (stored, drawn))
    sides = zip(before.size, after.size, strict=True)
    if any(abs(new - old) > _SIZE_TOLERANCE * old for old, new in sides):
        return f"it has {after.size} pixels, the stored one {before.size}"
    width, height = (max(1, round(side / _TILE)) for side in before.size)
    one, other = (_tiles(image, (width, height)) for image in (before, after))
    apart = np.abs(one - other).max(axis=2)
    mean, tail = float(apart.mean()), float(np.quantile(apart, 0.99))
    tolerance = _VARYING if varies else _USUAL
    if mean <= tolerance.mean and tail <= tolerance.tail:
        return ""
    return (
        f"of 1, its tiles differ by {mean:.3f} on average and {tail:.2f} in the worst hundredth, "
        f"where {tolerance.mean} and {tolerance.tail} are let pass"
    )


def _tiles(image: Image.Image, grid: tuple[int, int]) -> np.ndarray:
    """Mean colours of tiles, from 0 to 1, on white where a picture is transparent."""
    paper = Image.new("RGBA", image.size, "white")
    paper.alpha_composite(image.convert("RGBA"))
    return np.asarray(paper.convert("RGB").resize(grid, Image.Resampling.BOX)) / 255


class StateComparison:
    """The comparison of widgets that a notebook shows with those that it stores.

    Args:
        stored: the state of each widget by its name.
        drawn: likewise.
    """

    def __init__(self, stored: Mapping[str, Any], drawn: Mapping[str, Any]) -> None:
        self.stored = stored
        self.drawn = drawn

    def differences(self, kept: str, new: str, *, varies: bool = False) -> Iterator[str]:
        """Say where a widget differs from the stored one, in its state and what it refers to.

        Args:
            kept: name of the stored widget.
            new: name of the one to compare with.
            varies: whether numbers may be any, and packed numbers too where they are as many.
        """
        yield from self._walk(self.stored[kept], self.drawn[new], "", varies)

    def _walk(self, a: Any, b: Any, where: str, varies: bool) -> Iterator[str]:
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            if set(a) != set(b):
                yield f"{where or 'it'} has {', '.join(sorted(set(a) ^ set(b)))} on one side alone"
            for name in sorted((set(a) & set(b)) - _OF_THE_INSTALLATION):
                yield from self._walk(a[name], b[name], f"{where}.{name}", varies)
        elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
            for position, pair in enumerate(zip(a, b, strict=True)):
                yield from self._walk(*pair, f"{where}[{position}]", varies)
        elif _is_reference(a) and _is_reference(b):
            one, other = (text.removeprefix(REFERENCE) for text in (a, b))
            yield from self._walk(self.stored[one], self.drawn[other], where, varies)
        elif not _same(a, b, varies):
            yield f"{where} is {_short(b)}, the stored one {_short(a)}"


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(REFERENCE)


def _same(a: Any, b: Any, varies: bool) -> bool:
    if all(isinstance(x, int | float) and not isinstance(x, bool) for x in (a, b)):
        return varies or math.isclose(a, b, rel_tol=_NUMBERS, abs_tol=_NUMBERS)
    if varies and all(isinstance(x, str) and _PACKED.fullmatch(x) for x in (a, b)):
        return len(a) == len(b) or a.startswith(_PNG)
    return bool(a == b)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:57]}…"


def _data(outputs: Sequence[Mapping[str, Any]], kind: str) -> list[Any]:
    """What outputs hold of one MIME type, in order."""
    return [output["data"][kind] for output in outputs if kind in output.get("data", {})]


class Cell(IPyNbCell):
    """A cell of which also the figures are compared."""

    def runtest(self) -> None:
        """Execute the cell and compare what it prints as nbval does, then what it draws.

        A cell whose output nbval ignores has to draw as many figures as are stored.
        """
        super().runtest()
        drawn = self.test_outputs
        kept, new = (_data(outputs, FIGURE) for outputs in (self.cell.outputs, drawn))
        if len(kept) != len(new):
            self.raise_cell_error(f"It draws {len(new)} figures, {len(kept)} are stored")
        views = [_data(outputs, WIDGET_VIEW) for outputs in (self.cell.outputs, drawn)]
        if len(views[0]) != len(views[1]):
            self.raise_cell_error(f"It shows {len(views[1])} widgets, {len(views[0])} are stored")
        varies = VARIES in self.cell.metadata.get("tags", [])
        self.parent.shown += [
            (a["model_id"], b["model_id"], varies) for a, b in zip(*views, strict=True)
        ]
        if not self.options["check"]:
            return
        for number, (stored, figure) in enumerate(zip(kept, new, strict=True), 1):
            if said := figure_difference(stored, figure, varies=varies):
                self.raise_cell_error(f"Figure {number} is not the stored one: {said}")


class Explorers(pytest.Item):
    """The comparison of all widgets that a chapter has shown, when its last cell has run."""

    def runtest(self) -> None:
        """Compare the state that each has now with the stored one."""
        chapter = self.parent
        assert isinstance(chapter, Chapter)
        stored = chapter.nb.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
        states = {name: model["state"] for name, model in stored.items()}
        comparison = StateComparison(states, chapter.widgets)
        for kept, new, varies in chapter.shown:
            if found := list(comparison.differences(kept, new, varies=varies)):
                raise NbCellError(0, "An explorer is not the stored one: " + "; ".join(found), "")

    def repr_failure(self, excinfo: Any, style: Any = None) -> str:
        """What differs, without a traceback of this file."""
        return str(excinfo.value)

    def reportinfo(self) -> tuple[Any, int, str]:
        """Where this is."""
        return self.path, 0, f"{self.path.name}: explorers"


class Chapter(IPyNbFile):
    """A notebook of which also figures and explorers are compared, all by one process."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.widgets: dict[str, dict[str, Any]] = {}
        self.shown: list[tuple[str, str, bool]] = []
        self.add_marker(pytest.mark.xdist_group("/".join(self.path.with_suffix("").parts[-2:])))

    def collect(self) -> Iterator[pytest.Item]:
        """Give each cell, then the explorers."""
        for cell in super().collect():
            yield Cell.from_parent(
                self, name=cell.name, cell_num=cell.cell_num, cell=cell.cell, options=cell.options
            )
        yield Explorers.from_parent(self, name="explorers")

    def get_kernel_message(self, timeout: int | float | None = None, stream: str = "iopub") -> Any:
        """Return the next message, and keep what it says of a widget's state."""
        message = super().get_kernel_message(timeout, stream)
        content = message["content"]
        data = content.get("data", {})
        if message["msg_type"] == "comm_open" and content["target_name"] == "jupyter.widget":
            self.widgets[content["comm_id"]] = dict(data["state"])
        elif message["msg_type"] == "comm_msg" and data.get("method") == "update":
            self.widgets[content["comm_id"]] |= data["state"]
        return message
