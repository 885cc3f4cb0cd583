"""Figures of how training went."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..plots import OTHER_COLOURS, WIDTH, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .history import History

_TITLES = {"elbo": "ELBO", "log_likelihood": "log-likelihood", "kl": "KL"}


def training_curves(
    histories: "History | Mapping[str, History]", *, colours: Sequence[str] | None = None
) -> "Figure":
    """Draw what is maximised and its parts against the training step: of a VAE ELBO and KL.

    Args:
        histories: one history, or several of one kind under the names to show in the legend.
        colours: one colour a history, when the histories stand for something that has a colour.

    Raises:
        ValueError: a history has no row.
    """
    named = dict(histories) if isinstance(histories, Mapping) else {"": histories}
    if not named or not all(len(history) for history in named.values()):
        raise ValueError("histories must hold at least one row each")
    colours = list(colours or ("#333333", *OTHER_COLOURS))
    one = next(iter(named.values()))
    parts = [name for name in one.columns if name not in ("step", "seconds")]
    with styled():
        figure, axes = new_figure(WIDTH, 2.6, None, ncols=len(parts), squeeze=False)
        for ax, part in zip(axes[0], parts, strict=True):
            for (label, history), colour in zip(named.items(), colours, strict=False):
                ax.plot(history.step, getattr(history, part), color=colour, label=label)
                if label and part == one.maximised:
                    ax.legend(loc="lower right")
            ax.set(title=_TITLES.get(part, part.replace("_", " ")), xlabel="step")
        if "log_likelihood" in parts:
            axes[0, 0].set_ylabel("nats per image")
    return figure
