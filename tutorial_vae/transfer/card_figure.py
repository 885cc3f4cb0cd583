"""The card as one figure."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..plots import COLOURS, OTHER_COLOURS, WIDTH, empty_figure, layer_part, pictures_of, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..estimates import Estimate
    from .card import TransferCard

# What a card's marks are called, how they look without colour, and their colours.
_CARD_MARKS = {
    "source": ("source", "o", COLOURS["source"]),
    "target": ("target model", "s", COLOURS["target"]),
    "untrained": ("untrained", "D", COLOURS["control"]),
    "pca": ("PCA", "^", COLOURS["control"]),
    "pixels": ("pixels", "v", COLOURS["control"]),
    "mean image": ("mean image", "x", COLOURS["control"]),
}


def transfer_card(card: "TransferCard") -> "Figure":
    """Draw a card: pictures, layers, scores, a map of the latents, and their activity.

    Args:
        card: what :func:`tutorial_vae.assess` returned.
    """
    with styled():
        figure = empty_figure(WIDTH, 13.5, layout="constrained")
        parts: Any = figure.subfigures(3, 1, height_ratios=(3.3, 5, 5.2))
        top, middle, bottom = parts
        pictures, errors = top.subplots(2, 1, height_ratios=(2.2, 1))
        _card_pictures(card, pictures)
        _card_rows(errors, dict(card.errors), "squared error per pixel, held out (lower is better)")
        errors.set_xlim(left=0)
        layers = middle.subplots(1, len(card.alignment), sharey=True, squeeze=False)[0]
        for ax, (name, profiles) in zip(layers, card.alignment.items(), strict=True):
            _card_layers(ax, card.layers, profiles)
            ax.set(title=f"CKA with {name}", ylim=(len(card.layers) - 0.5, -0.5))
        # Outside, or its marks would read as values.
        named = layers[-1].get_legend_handles_labels()
        middle.legend(*named, loc="outside lower center", ncols=3)
        grid = bottom.subplots(2, 2)
        _card_map(card, grid[0, 0])
        _card_units(card, grid[0, 1])
        for ax, (score, title) in zip(
            grid[1], {"knn_accuracy": "5-neighbour accuracy", "logme": "LogME"}.items(), strict=True
        ):
            if score in card.scores:
                _card_rows(ax, dict(card.scores[score]), title)
            else:
                ax.set_axis_off()
    return figure


def _card_pictures(card: "TransferCard", ax: "Axes") -> None:
    rows = [pictures_of(card.pictures[name]) for name in ("images", "source", "target")]
    lines = [np.concatenate(list(row), axis=1) for row in rows]
    ax.imshow(np.concatenate(lines, axis=0), vmin=0, vmax=1, interpolation="nearest")
    height = len(lines[0])
    ax.set_yticks(
        [height * (line + 0.5) for line in range(3)], ["held out", "source", "target model"]
    )
    ax.set_xticks([])
    ax.grid(visible=False)


def _card_rows(ax: "Axes", estimates: "dict[str, Estimate]", title: str) -> None:
    """Draw one mark with its interval in each row."""
    for row, (name, (value, low, high)) in enumerate(estimates.items()):
        _, marker, colour = _CARD_MARKS[name]
        ax.plot(value, row, marker, color=colour)
        ax.plot([low, high], [row, row], color=colour)
    ax.set(title=title, ylim=(len(estimates) - 0.5, -0.5))
    ax.set_yticks(range(len(estimates)), [_CARD_MARKS[name][0] for name in estimates])


def _card_layers(ax: "Axes", layers: Sequence[str], profiles: "Mapping[str, Estimate]") -> None:
    rows = np.arange(len(layers))
    for name in reversed(list(profiles)):  # so that the source lies on top
        values, low, high = profiles[name]
        label, marker, colour = _CARD_MARKS[name]
        ax.plot(values, rows, marker, color=colour, label=label)
        ax.hlines(rows, low, high, color=colour)
    ax.set_yticks(rows, layers)
    # Only the first of several axes has labels.
    for name, tick in zip(layers, ax.get_yticklabels(), strict=False):
        tick.set_color(COLOURS[layer_part(name)])


def _card_map(card: "TransferCard", ax: "Axes") -> None:
    across, down = card.maps["source"].T
    labels = None if card.images.labels is None else card.images.labels.numpy()
    if labels is None:
        ax.scatter(across, down, s=5, color=COLOURS["target"])
    else:
        palette = [*(COLOURS[part] for part in ("encoder", "decoder", "latent")), *OTHER_COLOURS]
        for place, label in enumerate(np.unique(labels)):
            chosen = labels == label
            marker = "os^vD"[place // len(palette) % 5]
            colour = palette[place % len(palette)]
            ax.scatter(across[chosen], down[chosen], s=5, color=colour, marker=marker)
    ax.set(title="source latents (t-SNE)", xticks=[], yticks=[])


def _card_units(card: "TransferCard", ax: "Axes") -> None:
    variances = {"target": card.units.variances}
    if card.source_units is not None:
        variances["source"] = card.source_units.variances
    for name, values in variances.items():
        _, marker, colour = _CARD_MARKS[name]
        label = "on the target" if name == "target" else "on its own images"
        units = range(1, len(values) + 1)
        ax.plot(units, values.numpy(), marker, color=colour, label=label)
    ax.locator_params(axis="x", integer=True)
    ax.axhline(0.01, color=COLOURS["control"], linestyle="--", label="active above")
    ax.set(title="variance of latents", xlabel="latent", yscale="log")
    ax.legend(fontsize=9)
