"""What a training run went through."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure


@dataclasses.dataclass
class History:
    """What a training run went through: one row for every 25 steps, averaged over them.

    Each column is also an attribute: ``history.elbo`` is ``history.columns["elbo"]``.

    Attributes:
        maximised: name of the column of what is maximised, for example ``"elbo"``.
        columns: in this order ``step``, the number of the last step of each row, counted from 1;
            what is maximised; its parts; and ``seconds``, the time spent training up to each row,
            without time between a stop and a resumption. The objective names the parts and says
            their units; those of a VAE are ``elbo``, ``log_likelihood`` and the unweighted ``kl``,
            means per image in nats.
    """

    maximised: str = "elbo"
    columns: dict[str, list[Any]] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.columns:
            self.columns = {"step": [], self.maximised: [], "seconds": []}

    def __len__(self) -> int:
        return len(self.columns["step"])

    def __getattr__(self, name: str) -> list[Any]:
        # Copying asks before there are columns.
        columns = self.__dict__.get("columns", {})
        if name not in columns:
            raise AttributeError(f"a history with the columns {', '.join(columns)} has no {name!r}")
        return columns[name]

    def append(self, step: int, means: Mapping[str, float], seconds: float) -> None:
        """Add a row.

        Args:
            step: number of its last step.
            means: what is maximised and its parts, averaged over the steps of the row.
            seconds: time spent training so far.
        """
        best = {self.maximised: means[self.maximised]}
        row = {"step": step, **best, **means, "seconds": seconds}
        if not len(self):
            self.columns = {name: [] for name in row}
        for name, value in row.items():
            self.columns[name].append(value)

    def to_frame(self) -> "pandas.DataFrame":
        """Return the rows as a pandas table."""
        import pandas

        return pandas.DataFrame(self.columns)

    def plot(self) -> "Figure":
        """Draw what is maximised and its parts against the training step."""
        from .curves import training_curves

        return training_curves(self)
