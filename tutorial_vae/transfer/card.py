"""The card that answers "will it help?": what was measured, and how it is shown and kept."""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from ..data import ImageSet
from ..estimates import Estimate
from ..evaluation import ActiveUnits
from ..files import write_atomically
from .recommendation import Answer, Evidence, Recommendation

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False, kw_only=True)
class TransferCard:
    """What a source model makes of a target's images, and what that advises.

    Models go by these names: ``"source"``; ``"target"``, a model of the same architecture that was
    trained briefly on the target; ``"untrained"``, one with fresh weights. ``"pca"`` are as many
    principal components of the target's pixels as there are latents, ``"pixels"`` the images.

    Attributes:
        images: the images of the target that were looked at, with their labels if they have any.
        pictures: some held-out images, and what the source and the target model make of each.
        errors: mean squared error per pixel on held-out images, of ``"source"``, ``"target"``,
            ``"pca"`` and ``"mean image"``.
        layers: names of the layers, in the order in which they run.
        alignment: debiased linear CKA of each layer with ``"labels"`` (without labels there is no
            such entry) and with the same layer of the ``"target model"``; under each of these, by
            the name of the model whose layers they are.
        means: latent means of the images, (n, latent), by the name of the model.
        source_means: latent means of the source's own images by the source; nothing without them.
        units: which latent dimensions of the source are active on the target.
        source_units: which are active on the source's own images; nothing without them.
        maps: t-SNE of the latent means in the plane, (n, 2), by the name of the model.
        scores: each score by its name, and under it by the name of what was scored. Higher is
            better. Empty without labels of at least two classes.
        leads: by score and control, the source's score minus the control's, with its paired
            interval.
        held_out: how many images neither the target model, PCA nor the mean image has seen.
        steps: for how many steps the target model was trained.
        evidence: the numbers that the advice turns on.
        recommendation: what they advise, in words.
    """

    images: ImageSet
    pictures: Mapping[str, UInt8[Tensor, "shown channels height width"]]
    errors: Mapping[str, Estimate]
    layers: tuple[str, ...]
    alignment: Mapping[str, Mapping[str, Estimate]]
    means: Mapping[str, Float[np.ndarray, "n latent"]]
    source_means: Float[np.ndarray, "source_n latent"] | None
    units: ActiveUnits
    source_units: ActiveUnits | None
    maps: Mapping[str, Float[np.ndarray, "n 2"]]
    scores: Mapping[str, Mapping[str, Estimate]]
    leads: Mapping[str, Mapping[str, Estimate]]
    held_out: int
    steps: int
    evidence: Evidence
    recommendation: Recommendation

    def __repr__(self) -> str:
        """The answers, in one line."""
        advice = self.recommendation
        return (
            f"TransferCard({self.images.name!r}, {len(self.images):,} images: plan "
            f"{advice.plan.answer!r}, reconstruction {advice.reconstruction.answer!r}, "
            f"classification {advice.classification.answer!r})"
        )

    @property
    def target(self) -> str:
        """The target's name, without the folders that lead to it."""
        return self.images.name.rpartition("/")[2]

    def plot(self) -> "Figure":
        """Draw the card as one figure."""
        from .card_figure import transfer_card

        return transfer_card(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the card's numbers and words as plain lists and dictionaries.

        Numbers that are not defined or not finite are ``None``. Pictures and latent means are left
        out, but for the means' variances.
        """
        units: dict[str, Any] = {"active": self.units.active.tolist()}
        units["variances"] = {"target": _plain(self.units.variances.numpy())}
        if self.source_units is not None:
            units["active on the source's images"] = self.source_units.active.tolist()
            units["variances"]["source"] = _plain(self.source_units.variances.numpy())
        advice = self.recommendation
        return {
            "images": {
                "name": self.images.name,
                "count": len(self.images),
                "held_out": self.held_out,
                "classes": 0 if self.images.labels is None else len(self.images.labels.unique()),
            },
            "recommendation": {
                "plan": _words(advice.plan),
                "reconstruction": _words(advice.reconstruction),
                "classification": _words(advice.classification),
            },
            "scores": _plain(self.scores),
            "leads": _plain(self.leads),
            "errors": _plain(self.errors),
            "layers": list(self.layers),
            "alignment": _plain(self.alignment),
            "units": units,
            "target_model_steps": self.steps,
        }

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write what :meth:`to_dict` returns as a JSON file, whole or not at all.

        Args:
            path: the file to write.

        Raises:
            FileNotFoundError: its folder does not exist.
        """
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False)
        write_atomically(path, f"{text}\n".encode())

    def to_html(self, path: str | os.PathLike[str], *, title: str = "") -> None:
        """Write the card as one self-contained page with an explorer.

        Args:
            path: the file to write; an existing one is replaced when the new one is complete.
            title: the heading of the page.

        Raises:
            FileNotFoundError: its folder does not exist.
        """
        from .card_explorer import CardExplorer

        CardExplorer(self).to_card(path, title=title or f"Will it help on {self.target}?")


def _words(answer: Answer) -> dict[str, Any]:
    return {
        "answer": answer.answer,
        "reasons": list(answer.reasons),
        "reliability": answer.reliability,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, Estimate):
        return {name: _plain(each) for name, each in value._asdict().items()}
    if isinstance(value, np.ndarray):
        return [_plain(float(each)) for each in value]
    return round(value, 6) if math.isfinite(value) else None
