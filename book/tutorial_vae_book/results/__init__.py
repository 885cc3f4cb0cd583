"""Measured tables that chapters show, each beside a record of how it was made.

``NAME.csv`` holds one measured number a row, ``NAME.json`` the command, versions, hardware and
seconds that made it. ``tutorial-vae experiment NAME`` makes both again.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas
from jaxtyping import Float64

FOLDER = Path(__file__).parent


def load_table(name: str) -> pandas.DataFrame:
    """Return a measured table.

    Args:
        name: name of the experiment, for example ``"quick_tour"``.

    Returns:
        The table, with numbers as numbers; a column in which some values are numbers and others
        words or nothing has each as what it is.

    Raises:
        ValueError: there is no such table.
    """
    text = pandas.read_csv(_path(name, "csv"), dtype=str, keep_default_na=False)
    return text.apply(_as_numbers)


def _as_numbers(column: pandas.Series) -> pandas.Series:
    numbers = pandas.to_numeric(column, errors="coerce")
    words = numbers.isna() & (column.str.lower() != "nan")
    return numbers if not words.any() else numbers.astype(object).where(~words, column)


def pivot(
    table: pandas.DataFrame, values: str = "value", /, **axes: Iterable[Any]
) -> Float64[np.ndarray, "..."]:
    """Return a column of a table as an array, with an axis for each column that is named.

    >>> digits = load_table("transfer").query("target == 'digits' and measure == 'elbo'")
    >>> pivot(digits, source=["dsprites", "solids"], plan=["all", "scratch"], seed=range(3)).shape
    (2, 2, 3)

    Args:
        table: rows of which each has its own place on the axes.
        values: the column to take.
        **axes: for each column, its values in the order of the axis.

    Returns:
        The values, not a number where the table has no such row.

    Raises:
        ValueError: two rows have the same place.
    """
    places = pandas.MultiIndex.from_product([list(axis) for axis in axes.values()], names=axes)
    column = table.set_index(list(axes))[values]
    if len(axes) == 1:
        places = places.get_level_values(0)
    wanted = column[column.index.isin(places)]
    if wanted.index.has_duplicates:
        twice = wanted.index[wanted.index.duplicated()][0]
        raise ValueError(
            f"table has several rows at {', '.join(axes)} = {twice}: choose among them"
        )
    shape = [len(list(axis)) for axis in axes.values()]
    return wanted.reindex(places).to_numpy(dtype=float).reshape(shape)


class Summary(NamedTuple):
    """A measured number over several seeds.

    Formatted, it reads ``mean (lowest to highest)``: ``f"{summary:.2f}"``.

    Attributes:
        mean: mean over the seeds.
        lowest: smallest of the seeds' values.
        highest: largest of the seeds' values.
        seeds: how many seeds there are.
    """

    mean: float
    lowest: float
    highest: float
    seeds: int

    def __format__(self, form: str) -> str:
        return f"{self.mean:{form}} ({self.lowest:{form}} to {self.highest:{form}})"


def summarise(
    table: str,
    /,
    *,
    by: Sequence[str],
    minus: Mapping[str, str | float] | None = None,
    **where: str | float,
) -> dict[tuple[str | float, ...], Summary]:
    """Summarise a measured table over its seeds.

    Args:
        table: name of the experiment.
        by: columns that tell apart what is summarised.
        minus: columns and their values in the rows to subtract, each from the rows that agree with
            it in all other columns, the seed among them: the paired difference from a control.
        **where: columns and the value that a row must have there to count.

    Returns:
        For each combination of values in the columns ``by``, in the table's order: the ``value``
        column, averaged first over the rows of each seed and then summarised over the seeds.

    Raises:
        ValueError: there is no such table, it has no such column, no row is left, or one has no
            partner to subtract.
    """
    frame = load_table(table)
    if unknown := {"seed", "value", *by, *(minus or {}), *where} - set(frame):
        raise ValueError(
            f"{table} has no column {', '.join(sorted(unknown))}: it has {', '.join(frame)}"
        )
    kept = _rows_with(frame, where)
    if minus is not None:
        shared = [column for column in frame if column not in ("value", *minus)]
        partners = _rows_with(frame, minus)[[*shared, "value"]]
        kept = kept.merge(partners, on=shared, how="left", suffixes=("", " to subtract"))
        if (alone := kept["value to subtract"].isna()).any():
            row = kept[alone].iloc[0][[*shared, *minus]].to_dict()
            raise ValueError(f"{table} has no row with {dict(minus)} to subtract from {row}")
        kept["value"] -= kept["value to subtract"]
    if kept.empty:
        raise ValueError(f"{table} has no row with {where}")
    seeds = kept.groupby([*by, "seed"], sort=False)["value"].mean().reset_index()
    groups = seeds.groupby(list(by), sort=False) if by else [((), seeds)]
    return {key: _over_seeds(group["value"]) for key, group in groups}


def _rows_with(frame: pandas.DataFrame, where: Mapping[str, str | float]) -> pandas.DataFrame:
    chosen = np.ones(len(frame), dtype=bool)
    for column, value in where.items():
        chosen &= (frame[column] == value).to_numpy()
    return frame[chosen]


def _over_seeds(values: pandas.Series) -> Summary:
    return Summary(float(values.mean()), float(values.min()), float(values.max()), len(values))


def load_provenance(name: str) -> dict[str, Any]:
    """Return how a table was made: command, versions, hardware and seconds.

    Args:
        name: name of the experiment.

    Raises:
        ValueError: there is no such table.
    """
    return json.loads(_path(name, "json").read_text(encoding="utf-8"))


def _path(name: str, suffix: str) -> Path:
    path = FOLDER / f"{name}.{suffix}"
    if not path.is_file():
        names = ", ".join(sorted(p.stem for p in FOLDER.glob("*.csv")))
        raise ValueError(f"name must be one of {names}, not {name!r}")
    return path
