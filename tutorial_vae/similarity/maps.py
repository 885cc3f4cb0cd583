"""Figures of similarities between layers."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..plots import COLOURS, OTHER_COLOURS, SIMILARITY_MAP, WIDTH, layer_part, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .layers import LayerSimilarity

# What axes call the measures of compare_layers.
_MEASURES = {
    "cka": "CKA",
    "procrustes": "Procrustes similarity",
    "rsa": "RSA",
    "regression": "R² of regression",
}


def similarity_map(
    similarity: "LayerSimilarity",
    *,
    ax: "Axes | None" = None,
    row_title: str = "first model",
    column_title: str = "second model",
) -> "Figure":
    """Draw the similarity of all pairs of layers as a map on a fixed scale from 0 to 1.

    Args:
        similarity: what :func:`tutorial_vae.compare_layers` returned.
        ax: axes to draw into; a new figure when not given.
        row_title: name of the model whose layers are the rows.
        column_title: name of the model whose layers are the columns.
    """
    rows, columns = len(similarity.rows), len(similarity.columns)
    with styled():
        figure, ax = new_figure(WIDTH, 1.5 + (WIDTH - 2.8) * rows / columns, ax)
        image = ax.imshow(similarity.values, cmap=SIMILARITY_MAP, vmin=0, vmax=1)
        ax.grid(visible=False)
        ax.set_xticks(range(columns), similarity.columns, rotation=90)
        ax.set_yticks(range(rows), similarity.rows)
        for labels in (ax.get_xticklabels(), ax.get_yticklabels()):
            for label in labels:
                label.set_color(COLOURS[layer_part(label.get_text())])
        ax.set(xlabel=column_title, ylabel=row_title)
        figure.colorbar(image, ax=ax, label=_MEASURES[similarity.measure], shrink=0.8)
    return figure


def layer_profiles(
    similarities: "Mapping[str, LayerSimilarity]",
    *,
    controls: Sequence[str] = (),
    ax: "Axes | None" = None,
) -> "Figure":
    """Draw how alike two models are layer by layer: each layer against its namesake.

    Args:
        similarities: comparisons of models of one architecture, under the names to show. The first
            is drawn in the colour of the source, the second in that of the target.
        controls: the names of comparisons that are controls, drawn grey and dashed.
        ax: axes to draw into; a new figure when not given.

    Raises:
        ValueError: the comparisons do not have the same layers as rows and as columns, or a name
            in ``controls`` is none of theirs.
    """
    if not similarities:
        raise ValueError("similarities must hold at least one comparison")
    layers = next(iter(similarities.values())).rows
    for name, similarity in similarities.items():
        if similarity.rows != layers or similarity.columns != layers:
            raise ValueError(f"the comparison {name!r} does not have the same layers on both sides")
    if missing := set(controls) - set(similarities):
        raise ValueError(f"controls names no comparison: {sorted(missing)}")
    drawn = iter([COLOURS["source"], COLOURS["target"], *OTHER_COLOURS])
    dashes = iter([(0, (6, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2))])
    markers = iter("osD^v<>p")
    with styled():
        figure, ax = new_figure(WIDTH, 4.2, ax)
        for name, similarity in similarities.items():
            values = np.diag(similarity.values)
            control = name in controls
            colour = COLOURS["control"] if control else next(drawn, COLOURS["encoder"])
            ax.plot(
                range(len(layers)),
                values,
                color=colour,
                linestyle=next(dashes, "--") if control else "-",
                marker=next(markers, "o"),
                markersize=5,
                label=name,
            )
            if not control:
                low, high = similarity.interval()
                ax.fill_between(
                    range(len(layers)), np.diag(low), np.diag(high), color=colour, alpha=0.25, lw=0
                )
        ax.set_xticks(range(len(layers)), layers, rotation=60, ha="right", rotation_mode="anchor")
        for label in ax.get_xticklabels():
            label.set_color(COLOURS[layer_part(label.get_text())])
        lowest = [float(np.nanmin(np.diag(s.values))) for s in similarities.values()]
        measure = _MEASURES[next(iter(similarities.values())).measure]
        ax.set(ylabel=measure, ylim=(math.floor(min(0.0, *lowest) * 10) / 10, 1.02))
        # Above the axes: inside, it would hide what some comparison has to show.
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
    return figure
