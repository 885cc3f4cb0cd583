"""What an explorer's reader chooses: traits that a menu or a slider follows."""

from collections.abc import Mapping
from typing import Any

import traitlets

from .explorer import Explorer


class Choice(traitlets.TraitType[Any, Any]):
    """One of some values, which a menu or a slider chooses and which may be set.

    Args:
        label: of the control.
        slider: whether it is a slider; a menu otherwise.
    """

    def __init__(self, label: str, *, slider: bool = False) -> None:
        super().__init__()
        self.tag(sync=True, label=label, slider=slider)

    def validate(self, explorer: Any, value: Any) -> Any:
        """Return the value, which must be one of those in the explorer's data."""
        known = explorer.data["choices"][self.name]["values"]
        if value in known:
            return known[known.index(value)]  # numbers of NumPy become Python's own
        raise ValueError(f"{self.name} must be one of {', '.join(map(str, known))}, got {value!r}")


class Range(traitlets.TraitType[Any, Any]):
    """A number between two ends, which a slider moves in steps and which may be set.

    Args:
        label: of the control.
    """

    def __init__(self, label: str) -> None:
        super().__init__()
        self.tag(sync=True, label=label)

    def validate(self, explorer: Any, value: Any) -> int | float:
        """Return the value, which must lie between the ends in the explorer's data.

        Steps of whole numbers give whole numbers.
        """
        about = explorer.data["choices"][self.name]
        if about["low"] <= value <= about["high"]:
            return int(value) if isinstance(about["step"], int) else float(value)
        raise ValueError(
            f"{self.name} must be from {about['low']:g} to {about['high']:g}, got {value!r}"
        )


class ChoiceExplorer(Explorer):
    """An explorer with a control for each choice, a line that is read out, and figures.

    Args:
        values: by the name of its trait, in the order of the controls: of each :class:`Choice` its
            values in their order, of each :class:`Range` its lower end, upper end and step.
        start: what is chosen at first; the first value, or the lower end, where it is not given.
        data: what else the front end reads; arrays go through :func:`pack`.

    Raises:
        ValueError: what is chosen at first is none of the values.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        start: Mapping[str, Any] | None = None,
        /,
        **data: Any,
    ) -> None:
        choices = {name: self._described(name, known) for name, known in values.items()}
        first = {name: of["values"][0] if "values" in of else of["low"]
                 for name, of in choices.items()}  # fmt: skip
        given = {name: value for name, value in (start or {}).items() if value is not None}
        super().__init__(data={"choices": choices, **data}, **(first | given))

    @classmethod
    def _described(cls, name: str, known: Any) -> dict[str, Any]:
        trait = cls.class_traits()[name]
        if isinstance(trait, Range):
            low, high, step = known
            return {"label": trait.metadata["label"], "low": low, "high": high, "step": step}
        return {
            "label": trait.metadata["label"],
            "slider": trait.metadata["slider"],
            "values": list(known),
        }

    def _summary(self) -> str:
        return self._counts(*self.data["choices"])

    def _counts(self, *names: str) -> str:
        """How many values each choice has, in words."""
        counts = {name: len(self.data["choices"][name]["values"]) for name in names}
        return " × ".join(f"{n} {name}{'s' * (n > 1)}" for name, n in counts.items())
