"""Draws the logo, the favicons and the social card into ``book/assets``.

Run ``python book/tools/artwork.py`` after changing it, and commit what it draws. The mark is an
encoder narrowing to a latent code and a decoder widening from it, in the book's colours.
"""

from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("agg")

import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch
from PIL import Image

ASSETS = Path(__file__).parents[1] / "assets"
ENCODER, LATENT, DECODER = "#0072B2", "#009E73", "#D55E00"
INK, PAPER, MUTED = "#1d2733", "#ffffff", "#5b6776"

# Bars of the mark in a 64 x 64 box: left edge, height, colour.
BARS = [
    (4, 52, ENCODER),
    (16, 36, ENCODER),
    (28, 20, LATENT),
    (40, 36, DECODER),
    (52, 52, DECODER),
]
BAR_WIDTH = 8


def mark_as_svg() -> str:
    bars = "".join(
        f'<rect x="{left}" y="{32 - height / 2:g}" width="{BAR_WIDTH}" height="{height}" rx="3" '
        f'fill="{colour}"/>'
        for left, height, colour in BARS
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">{bars}</svg>\n'


def draw_mark(axes: plt.Axes, left: float, bottom: float, size: float) -> None:
    scale = size / 64
    for x, height, colour in BARS:
        axes.add_patch(
            FancyBboxPatch(
                (left + (x + 2) * scale, bottom + (34 - height / 2) * scale),
                (BAR_WIDTH - 4) * scale,
                (height - 4) * scale,
                boxstyle=f"round,pad={2 * scale},rounding_size={3 * scale}",
                linewidth=0,
                facecolor=colour,
            )
        )


def canvas(width: int, height: int, background: str) -> tuple[plt.Figure, plt.Axes]:
    """A figure whose data coordinates are pixels."""
    figure = plt.figure(figsize=(width / 100, height / 100), dpi=100, facecolor=background)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
    axes.set_axis_off()
    return figure, axes


def picture(figure: plt.Figure) -> Image.Image:
    buffer = BytesIO()
    figure.savefig(buffer, dpi=100, facecolor=figure.get_facecolor())
    plt.close(figure)
    return Image.open(buffer)


def favicon() -> Image.Image:
    figure, axes = canvas(256, 256, "none")
    draw_mark(axes, 0, 0, 256)
    return picture(figure).convert("RGBA")


def social_card() -> Image.Image:
    figure, axes = canvas(1200, 630, PAPER)
    draw_mark(axes, 80, 430, 120)
    text = {"family": "DejaVu Sans", "color": INK, "va": "baseline"}
    axes.text(224, 466, "tutorial_vae", fontsize=40, weight="bold", **text)
    axes.text(80, 300, "Which parts of a trained VAE\nshould you keep?", fontsize=29, **text)
    text["color"] = MUTED
    subject = "Variational autoencoders, centred\nkernel alignment and transfer learning"
    axes.text(80, 140, subject, fontsize=17, linespacing=1.5, **text)
    # A pattern, not a measurement: similarity that fades with distance between layers.
    layers = np.arange(9)
    fade = np.exp(-np.abs(layers[:, None] - layers[None, :]) / 3.2)
    fade *= np.where((layers[:, None] > 4) | (layers[None, :] > 4), 0.62, 1)
    fade[layers, layers] = np.where(layers > 4, 0.72, 0.97)
    image = axes.imshow(
        fade, cmap="viridis", vmin=0, vmax=1, extent=(770, 1120, 120, 470), zorder=2
    )
    image.set_interpolation("nearest")
    axes.set(xlim=(0, 1200), ylim=(0, 630))
    axes.set_aspect("auto")
    for start, stop, colour in ((0, 4, ENCODER), (4, 5, LATENT), (5, 9, DECODER)):
        side = 350 / 9
        axes.plot([770 + start * side + 3, 770 + stop * side - 3], [100] * 2, color=colour, lw=6)
        axes.plot([750] * 2, [470 - start * side - 3, 470 - stop * side + 3], color=colour, lw=6)
    return picture(figure).convert("P", palette=Image.Palette.ADAPTIVE, colors=128)


def main() -> None:
    ASSETS.mkdir(exist_ok=True)
    (ASSETS / "logo.svg").write_text(mark_as_svg(), encoding="utf-8")
    icon = favicon()
    icon.resize((180, 180), Image.Resampling.LANCZOS).save(ASSETS / "favicon.png", optimize=True)
    icon.save(ASSETS / "favicon.ico", sizes=[(16, 16), (32, 32), (48, 48)])
    social_card().save(ASSETS / "social_card.png", optimize=True)


if __name__ == "__main__":
    main()
