"""Figures of how training went."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..plots import OTHER_COLOURS, WIDTH, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .fitting import History


def training_curves(
    histories: "History | Mapping[str, History]", *, colours: Sequence[str] | None = None
) -> "Figure":
    """Draw ELBO, log-likelihood and KL against the training step.

    Args:
        histories: one history, or several under the names to show in the legend.
        colours: one colour a history, when the histories stand for something that has a colour.

    Raises:
        ValueError: a history has no row.
    """
    named = dict(histories) if isinstance(histories, Mapping) else {"": histories}
    if not named or not all(len(history) for history in named.values()):
        raise ValueError("histories must hold at least one row each")
    colours = list(colours or ("#333333", *OTHER_COLOURS))
    parts = {"elbo": "ELBO", "log_likelihood": "log-likelihood", "kl": "KL"}
    with styled():
        figure, axes = new_figure(WIDTH, 2.6, None, ncols=len(parts))
        for ax, (field, title) in zip(axes, parts.items(), strict=True):
            for (label, history), colour in zip(named.items(), colours, strict=False):
                ax.plot(history.step, getattr(history, field), color=colour, label=label)
                if label and field == "elbo":
                    ax.legend(loc="lower right")
            ax.set(title=title, xlabel="step")
        axes[0].set_ylabel("nats per image")
    return figure
