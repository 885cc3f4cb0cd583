"""The card explorer: the numbers behind a transfer card, layer by layer, unit by unit."""

import base64
import io
import math
from collections.abc import Iterable, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from ..explorer import Choice, ChoiceExplorer, Range, Section, script, style
from ..plots import layer_part

if TYPE_CHECKING:
    from ..estimates import Estimate
    from .card import TransferCard

_BINS = 40
_REACH = 4.0  # of the histograms, in standard deviations of the prior
_DECIMALS = 4
ALL_CLASSES = "all classes"

_NAMES = {
    "source": "source",
    "target": "target model",
    "untrained": "untrained",
    "pca": "PCA",
    "pixels": "pixels",
    "mean image": "mean image",
}
_ROWS = ("images", "source", "target")

_SCORES = {
    "knn_accuracy": "Accuracy of the 5 nearest neighbours",
    "label_cka": "CKA with the labels",
    "logme": "LogME",
    "h_score": "H-score",
    "leep": "LEEP, in nats",
    "nce": "NCE, in nats",
}


class CardExplorer(ChoiceExplorer):
    """What stands behind a transfer card: layers, a map of the latents, single latents and scores.

    Args:
        card: what :func:`tutorial_vae.assess` returned.

    Attributes:
        comparison: what the layers are compared with, ``"target model"`` or ``"labels"``; follows
            its menu, and may be set; so do the others.
        layer: the chosen layer.
        map: the model whose latents the map shows: ``"source"``, ``"target model"`` or
            ``"untrained"``.
        highlight: the class that the map brings out, or ``"all classes"``.
        unit: the chosen latent dimension, from 0.
        score: the chosen score as the menu calls it; empty without labels.

    Raises:
        ValueError: a choice is unknown.

    Example:
        >>> explorer = CardExplorer(tv.assess(model, images))
    """

    _esm = script(__file__)
    _css = style(__file__)

    comparison = Choice("CKA with")
    layer = Choice("layer", slider=True)
    map = Choice("latents of")
    highlight = Choice("bring out")
    unit = Range("latent")
    score = Choice("score (higher is better)")

    def __init__(self, card: "TransferCard") -> None:
        self._card = card
        advice = card.recommendation
        labels, names = card.images.labels, card.images.class_names
        found = [] if labels is None else labels.unique().tolist()
        classes = [] if labels is None else [found.index(label) for label in labels.tolist()]
        scores = {_SCORES[name]: of for name, of in card.scores.items()}
        class_names = [names[label] for label in found]
        maps = {_NAMES[name]: _points(plane) for name, plane in card.maps.items()}
        super().__init__(
            {
                "comparison": card.alignment,
                "layer": card.layers,
                "map": maps,
                "highlight": [ALL_CLASSES, *class_names],
                "unit": (0, len(card.units.active) - 1, 1),
                "score": list(scores) or [""],
            },
            {
                "layer": "encoder.mean" if "encoder.mean" in card.layers else None,
                "unit": int(card.units.variances.argmax()),
            },
            names=_NAMES,
            verdicts=[
                [verdict.question, verdict.answer, *verdict.reasons, verdict.reliability]
                for verdict in (advice.plan, advice.reconstruction, advice.classification)
            ],
            images=len(card.images),
            held_out=card.held_out,
            pictures=_columns(card),
            errors={name: _rounded(estimate) for name, estimate in card.errors.items()},
            parts=[layer_part(name) for name in card.layers],
            comparisons={
                with_: {of: _rows(np.stack(profile).T) for of, profile in profiles.items()}
                for with_, profiles in card.alignment.items()
            },
            maps=maps,
            classes=classes,
            class_names=class_names,
            reach=_REACH,
            units=_units(card),
            scores={
                title: {name: _rounded(estimate) for name, estimate in of.items()}
                for title, of in scores.items()
            },
        )

    def _summary(self) -> str:
        return f"{len(self._card.images):,} images of {self._card.target}"

    def to_card(self, path: str | PathLike[str], *, title: str) -> None:
        """Write the whole card as one self-contained page: answers, explorer, pictures, scores.

        Args:
            path: the file to write; an existing one is replaced when the new one is complete.
            title: the heading of the page.

        Raises:
            FileNotFoundError: the folder of `path` does not exist.
        """
        card = self._card
        self.to_html(
            path,
            title=title,
            introduction=(
                f"What a trained VAE makes of {len(card.images):,} images of {card.target}, "
                "measured before any of its weights was trained on them."
            ),
            sections=[_method(card), *_scores(card)],
        )


def _rounded(values: Iterable[float]) -> list[float | None]:
    return [round(float(v), _DECIMALS) if math.isfinite(v) else None for v in values]


def _rows(values: np.ndarray) -> list[list[float | None]]:
    return [_rounded(row) for row in values]


def _points(plane: np.ndarray) -> str:
    """Base64 text of two bytes a point, across and down, on the square that holds them all."""
    low, high = plane.min(axis=0), plane.max(axis=0)
    side = (high - low).max() or 1.0
    at = (plane - (low + high) / 2) / side + 0.5
    levels = np.round(255 * np.stack([at[:, 0], 1 - at[:, 1]], axis=1)).astype(np.uint8)
    return base64.b64encode(levels.tobytes()).decode()


def _units(card: "TransferCard") -> list[dict[str, Any]]:
    """Histograms of each latent's means, as shares of the images; the ends hold what is beyond."""
    edges = np.linspace(-_REACH, _REACH, _BINS + 1)

    def shares(means: np.ndarray) -> list[float | None]:
        counts, _ = np.histogram(means.clip(-_REACH, _REACH), edges)
        return _rounded(counts / len(means))

    units = []
    for unit, means in enumerate(card.means["source"].T):
        described: dict[str, Any] = {
            "target": shares(means),
            "variance": round(float(card.units.variances[unit]), _DECIMALS),
            "active": bool(card.units.active[unit]),
        }
        if card.source_means is not None and card.source_units is not None:
            described |= {
                "source": shares(card.source_means[:, unit]),
                "source_variance": round(float(card.source_units.variances[unit]), _DECIMALS),
            }
        units.append(described)
    return units


def _columns(card: "TransferCard") -> list[str]:
    """Base64 PNG of each held-out image, with its reconstructions below it."""
    from PIL import Image

    columns = []
    for pictures in zip(*(card.pictures[name] for name in _ROWS), strict=True):
        column = np.concatenate([picture.movedim(0, -1).numpy() for picture in pictures])
        buffer = io.BytesIO()
        Image.fromarray(column.squeeze(-1) if column.shape[-1] == 1 else column).save(buffer, "PNG")
        columns.append(base64.b64encode(buffer.getvalue()).decode())
    return columns


def _scores(card: "TransferCard") -> Sequence[Section]:
    if not card.scores:
        return []
    lines = [
        f"{_SCORES[score]}: "
        + "; ".join(f"{_NAMES[name]} {_interval(e, 2)}" for name, e in of.items())
        for score, of in card.scores.items()
    ]
    return [
        Section(
            "Scores in numbers",
            "Higher is better in each, and none can be compared with another or between targets. "
            "With 95 % intervals over the images.\n\n" + "\n\n".join(lines),
        )
    ]


def _method(card: "TransferCard") -> Section:
    active = f"{card.units.count} of {len(card.units.active)} latents of the source are active here"
    if card.source_units is not None:
        active += f", {card.source_units.count} on the source's own images"
    return Section(
        "How to read this card",
        f"It is about {len(card.images):,} images of {card.target}. The target model is one "
        f"of the source's architecture that was trained for {card.steps} steps on four fifths of "
        "them: long enough to leave its start behind, far from done. Untrained is the same network "
        "with fresh weights, so only what stands clear of it can have been learnt.\n\n"
        "A layer's CKA is 1 where it tells the images apart as the other side does, and 0 by "
        "chance (debiased, linear kernel). A latent is active where the variance of its mean over "
        f"the images is above 0.01: {active}. The map is t-SNE: neighbours in it are neighbours in "
        "the latents, but distances and sizes of clusters mean nothing.\n\n"
        "PCA has as many components as the source has latents. It, the target model and the mean "
        "image come from the same four fifths, and reconstruct the other fifth; the source has "
        "seen none of it. Intervals are over the images, not over seeds. The answers come from a "
        "few comparisons with controls: where an interval reaches over the line, one cannot tell.",
    )


def _interval(estimate: "Estimate", decimals: int) -> str:
    if not math.isfinite(estimate.low):
        return f"{estimate.value:.{decimals}f}".replace("-", "−")
    value, low, high = (f"{number:.{decimals}f}" for number in estimate)
    return f"{value} ({low} to {high})".replace("-", "−")
