"""Arrays as text that travels in an explorer's state; the front end unpacks it (controls.js)."""

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas
from jaxtyping import Float


def pack(
    values: Any,
    name: str,
    *shape: int | str,
    low: float = -math.inf,
    high: float = math.inf,
    gaps: bool = False,
) -> dict[str, Any]:
    """Return numbers as text, in single precision and C order, and the shape that they had.

    The front end rounds them to seven digits, so that those of a table come back as they were.

    Args:
        values: the numbers, NaN where there is none.
        name: what errors call them.
        shape: that they must have; a word stands for an axis of any length.
        low: least of them.
        high: largest of them.
        gaps: whether some may be missing.

    Raises:
        ValueError: they have another shape, or lie outside.
    """
    array = np.asarray(values, dtype=float)
    sizes = zip(shape, array.shape, strict=False)
    if array.ndim != len(shape) or any(isinstance(n, int) and n != size for n, size in sizes):
        raise ValueError(
            f"{name} must have the shape ({', '.join(map(str, shape))}), not {array.shape}"
        )
    inside = (array >= low - 1e-9) & (array <= high + 1e-9)
    if not (inside | np.isnan(array) if gaps else inside).all():
        least, most = (np.nanmin, np.nanmax) if gaps else (np.min, np.max)
        raise ValueError(
            f"{name} must lie between {low:g} and {high:g}, got values from "
            f"{least(array):.3g} to {most(array):.3g}"
        )
    text = base64.b64encode(array.astype("<f4").tobytes()).decode()
    return {"shape": list(array.shape), "bytes": text}


def unpack(packed: Mapping[str, Any]) -> Float[np.ndarray, "*shape"]:
    """Return the numbers that :func:`pack` made a text of, in single precision."""
    flat = np.frombuffer(base64.b64decode(packed["bytes"]), dtype="<f4")
    return flat.reshape(packed["shape"])


def frame_of(
    rows: pandas.DataFrame | Sequence[Mapping[str, Any]], columns: Sequence[str], name: str = "rows"
) -> pandas.DataFrame:
    """Return a measured table as a frame, whether it is one or a sequence of rows.

    Args:
        rows: of the table.
        columns: those that it must have, unless it has no rows.
        name: what errors call it.

    Raises:
        ValueError: a column is missing.
    """
    table = pandas.DataFrame(rows)
    if len(table) and (missing := set(columns) - set(table)):
        raise ValueError(f"{name} lack the columns {', '.join(sorted(missing))}")
    return table.reindex(columns=list(columns)) if table.empty else table


def pack_rows(
    rows: pandas.DataFrame | Sequence[Mapping[str, Any]],
    measure: str,
    axes: Mapping[str, Sequence[Any]],
) -> dict[str, Any]:
    """Return a measure of a table as :func:`pack` does, an axis for each column that is named.

    Args:
        rows: of the table, with the columns ``measure`` and ``value``.
        measure: which rows to take.
        axes: for each column its values, in their order. Rows with others are left out, and what
            was not measured is missing.
    """
    places = {column: {value: i for i, value in enumerate(known)} for column, known in axes.items()}
    values = np.full([len(known) for known in axes.values()], np.nan)
    table = frame_of(rows, ["measure", "value", *axes])
    chosen = table[table["measure"] == measure]
    for *found, value in zip(*(chosen[name] for name in [*axes, "value"]), strict=True):
        place = tuple(places[column].get(each) for column, each in zip(axes, found, strict=True))
        if None not in place:
            values[place] = value
    return pack(values, measure, *values.shape, gaps=True)


def pack_pictures(pictures: Float[np.ndarray, "*shape"]) -> dict[str, Any]:
    """Return pictures from 0 to 1 in 16 grey levels, two pixels a byte, as text.

    Values outside become black or white.
    """
    array = np.asarray(pictures)
    levels = np.round(array.clip(0, 1) * 15).astype(np.uint8).ravel()
    pairs = np.pad(levels, (0, len(levels) % 2)).reshape(-1, 2)
    text = base64.b64encode((pairs[:, 0] * 16 + pairs[:, 1]).tobytes()).decode()
    return {"shape": list(array.shape), "greys": text}
