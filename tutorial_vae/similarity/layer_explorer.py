"""The layer explorer: slide over layers, switch between comparisons, read their similarity."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import traitlets

from ..explorer import Explorer, pack, script, style


@runtime_checkable
class Similarity(Protocol):
    """What the explorer needs of a comparison; `LayerSimilarity` has it."""

    @property
    def values(self) -> np.ndarray:
        """Similarity of each pair of layers."""

    @property
    def rows(self) -> Sequence[str]:
        """Names of the first model's layers."""

    @property
    def columns(self) -> Sequence[str]:
        """Names of the second model's layers."""

    @property
    def chance(self) -> np.ndarray:
        """Chance level of each value."""


class LayerExplorer(Explorer):
    """Heat map of layer similarity with a slider over layers and a menu for each selector.

    The arrays travel in the state of the widget, so the same front end works with a kernel and
    without one.

    Args:
        similarities: one comparison of layers (`compare_layers` returns it), or several by key.
            A key is a string, or a tuple of strings with one entry per selector. Combinations
            may be missing: the explorer then says that they were not measured.
        selectors: the name of each part of a key, shown above its menu.
        row_title: which model the rows belong to.
        column_title: which model the columns belong to.

    Attributes:
        layer: the chosen row; follows the slider, and may be set.
        choice: the chosen option of each selector; follows the menus, and may be set.

    Raises:
        ValueError: there is nothing to show, keys do not fit the selectors, comparisons have
            different layers, or an array does not fit its layers.

    Example:
        >>> explorer = LayerExplorer(
        ...     {("digits", "trained"): similarity, ("digits", "untrained"): control},
        ...     selectors=("images", "second model"),
        ... )
    """

    _esm = script(__file__)
    _css = style(__file__)

    layer = traitlets.Unicode().tag(sync=True)
    choice = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(
        self,
        similarities: Mapping[str, Similarity] | Mapping[tuple[str, ...], Similarity] | Similarity,
        *,
        selectors: Sequence[str] = ("comparison",),
        row_title: str = "first model",
        column_title: str = "second model",
    ) -> None:
        if isinstance(similarities, Similarity):
            by_key: dict[tuple[str, ...], Similarity] = {(): similarities}
            selectors = ()
        else:
            by_key = {_as_tuple(key): value for key, value in similarities.items()}
        _check_keys(list(by_key), tuple(selectors))
        _check_layers(by_key)

        first = next(iter(by_key.values()))
        shape = (len(first.rows), len(first.columns))
        packed = {
            name: pack(
                [_layer_array(getattr(s, name), name, key, shape) for key, s in by_key.items()],
                "similarities", len(by_key), *shape, low=-1.0, high=1.0, gaps=True,
            )
            for name in ("values", "chance")
        }  # fmt: skip
        data: dict[str, Any] = {
            "selectors": list(selectors),
            "keys": [list(key) for key in by_key],
            "rows": list(first.rows),
            "columns": list(first.columns),
            "row_title": row_title,
            "column_title": column_title,
            **packed,
            "n": [getattr(s, "n", None) for s in by_key.values()],
        }
        super().__init__(data=data, layer=data["rows"][0], choice=data["keys"][0])

    def _summary(self) -> str:
        rows, columns = len(self.data["rows"]), len(self.data["columns"])
        return f"{len(self.data['keys'])} × {rows} × {columns} layers"

    @traitlets.validate("layer")
    def _known_layer(self, proposal: Any) -> str:
        return self._one_of(self.data["rows"], proposal)

    @traitlets.validate("choice")
    def _known_choice(self, proposal: Any) -> list[str]:
        choice, selectors = proposal["value"], self.data["selectors"]
        if len(choice) != len(selectors):
            raise ValueError(
                f"choice must have {len(selectors)} entries ({', '.join(selectors)}), got {choice}"
            )
        for position, option in enumerate(choice):
            options = dict.fromkeys(key[position] for key in self.data["keys"])
            if option not in options:
                raise ValueError(
                    f"choice of {selectors[position]} must be one of {', '.join(options)}, "
                    f"got {option!r}"
                )
        return choice


def _as_tuple(key: str | tuple[str, ...]) -> tuple[str, ...]:
    return (key,) if isinstance(key, str) else tuple(key)


def _check_keys(keys: list[tuple[str, ...]], selectors: tuple[str, ...]) -> None:
    if not keys:
        raise ValueError("similarities is empty; give at least one comparison")
    for key in keys:
        if len(key) != len(selectors):
            raise ValueError(
                f"each key of similarities needs one entry per selector {selectors}, got {key}"
            )


def _check_layers(by_key: dict[tuple[str, ...], Similarity]) -> None:
    (first_key, first), *others = by_key.items()
    if not len(first.rows) or not len(first.columns):
        raise ValueError(f"similarities[{_key_text(first_key)}] has no layers")
    for key, similarity in others:
        for axis in ("rows", "columns"):
            expected, found = tuple(getattr(first, axis)), tuple(getattr(similarity, axis))
            if found != expected:
                raise ValueError(
                    f"similarities[{_key_text(key)}].{axis} is {found}, but "
                    f"similarities[{_key_text(first_key)}].{axis} is {expected}; "
                    "one explorer shows comparisons of the same layers"
                )


def _key_text(key: tuple[str, ...]) -> str:
    return ", ".join(map(repr, key))


def _layer_array(array: Any, name: str, key: tuple[str, ...], shape: tuple[int, int]) -> np.ndarray:
    array = np.asarray(array, dtype=np.float64)
    if array.shape != shape:
        raise ValueError(
            f"similarities[{_key_text(key)}].{name} has shape {array.shape}, "
            f"but its layers need {shape}"
        )
    # What estimates and rounding errors put just beyond the ends is taken to lie there.
    return np.where(np.abs(array) < 1.02, array.clip(-1, 1), array)
