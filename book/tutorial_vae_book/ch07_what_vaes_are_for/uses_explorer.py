"""The uses explorer: what changes with a threshold or a rate at five uses of a VAE and of PCA."""

import base64
from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np

from tutorial_vae.evaluation import Quality
from tutorial_vae.explorer import Choice, ChoiceExplorer, pack, pack_pictures, script, style

from ..results import Summary

_USES = ("generation", "anomaly detection", "compression", "classification", "clustering")
_MOST_FALSE_ALARMS = 50  # per cent: beyond it nobody would look at what is flagged


@dataclass(frozen=True, eq=False)
class Generation:
    """Pictures drawn with more and less spread, and what a judge says of them.

    Attributes:
        temperatures: by what the draws are multiplied before they are decoded, at least 2.
        pictures: for each model pictures in [0, 1], of shape (temperatures, n, height, width).
        quality: for each model the quality at each temperature.
        real: the quality of unseen images.

    Raises:
        ValueError: models or shapes do not go together.
    """

    temperatures: Sequence[float]
    pictures: Mapping[str, np.ndarray]
    quality: Mapping[str, Sequence[Quality]]
    real: Quality

    def __post_init__(self) -> None:
        steps = len(self.temperatures)
        _same_keys("pictures", self.pictures, "quality", self.quality)
        _same_shapes("pictures", self.pictures, axes=4, first=("temperatures", steps))
        for name, quality in self.quality.items():
            _same_length(f"quality[{name!r}]", quality, "temperatures", steps)

    def _described(self) -> dict[str, Any]:
        rows = [
            {
                "name": name,
                "pictures": pack_pictures(pictures),
                "quality": _rounded(self.quality[name]),
            }
            for name, pictures in self.pictures.items()
        ]
        return {"rows": rows, "real": _rounded(self.real)}


@dataclass(frozen=True, eq=False)
class Detection:
    """Scores of the explorer's pictures, and which of them do not belong.

    Attributes:
        scores: for each way of scoring one number a picture, the higher the odder.
        anomalous: marks what does not belong, of shape (n,).

    Raises:
        ValueError: there is no score, the numbers differ in length or are not finite, or all
            pictures are of one kind.
    """

    scores: Mapping[str, np.ndarray]
    anomalous: np.ndarray

    def __post_init__(self) -> None:
        _same_shapes("scores", self.scores, axes=1, first=("anomalous", len(self.anomalous)))
        if not 0 < np.asarray(self.anomalous).sum() < len(self.anomalous):
            raise ValueError("anomalous must mark some of the pictures, and not all of them")

    def _described(self) -> dict[str, Any]:
        return {
            "rows": [
                {"name": name, "scores": pack(scores, name, len(self.anomalous))}
                for name, scores in self.scores.items()
            ],
            "anomalous": np.asarray(self.anomalous).astype(int).tolist(),
        }


@dataclass(frozen=True, eq=False)
class Compression:
    """What comes back at several rates.

    Attributes:
        weights: the weight β of the KL that gave each rate, at least 2.
        rates: nats per image, one for each weight.
        originals: images in [0, 1], of shape (n, height, width).
        pictures: for each model what comes back, of shape (weights, n, height, width).
        errors: for each model the squared error per pixel at each rate.
        curve: rates and errors of the last model in between, of shape (points, 2).

    Raises:
        ValueError: models or shapes do not go together.
    """

    weights: Sequence[float]
    rates: Sequence[float]
    originals: np.ndarray
    pictures: Mapping[str, np.ndarray]
    errors: Mapping[str, Sequence[float]]
    curve: np.ndarray

    def __post_init__(self) -> None:
        steps = len(self.weights)
        _same_keys("pictures", self.pictures, "errors", self.errors)
        _same_shapes("pictures", self.pictures, axes=4, first=("weights", steps))
        _same_length("rates", self.rates, "weights", steps)
        for name, errors in self.errors.items():
            _same_length(f"errors[{name!r}]", errors, "weights", steps)
            if self.pictures[name].shape[1:] != self.originals.shape:
                raise ValueError(
                    f"originals has the shape {self.originals.shape}, but pictures[{name!r}] holds "
                    f"{self.pictures[name].shape[1:]} for each weight"
                )
        if self.curve.ndim != 2 or self.curve.shape[1] != 2:
            raise ValueError(f"curve must have the shape (points, 2), not {self.curve.shape}")

    def _described(self) -> dict[str, Any]:
        rows = [
            {
                "name": name,
                "pictures": pack_pictures(pictures),
                "errors": _rounded(self.errors[name], 5),
            }
            for name, pictures in self.pictures.items()
        ]
        return {
            "rows": rows,
            "originals": pack_pictures(self.originals),
            "rates": _rounded(self.rates, 3),
            "curve": _rounded(self.curve.tolist(), 5),
        }


@dataclass(frozen=True, eq=False)
class LabelCurves:
    """Accuracy of a probe against the number of labels it was fitted to.

    Attributes:
        labels: numbers of labels, at least 2, growing.
        accuracies: for each representation one summary over seeds for each number of labels.

    Raises:
        ValueError: the lengths do not go together.
    """

    labels: Sequence[int]
    accuracies: Mapping[str, Sequence[Summary]]

    def __post_init__(self) -> None:
        for name, accuracies in self.accuracies.items():
            _same_length(f"accuracies[{name!r}]", accuracies, "labels", len(self.labels))

    def _described(self) -> dict[str, Any]:
        rows = [
            {"name": name, "values": _rounded([each[:3] for each in accuracies], 4)}
            for name, accuracies in self.accuracies.items()
        ]
        return {"rows": rows}


@dataclass(frozen=True, eq=False)
class Grouping:
    """The explorer's pictures in groups that were found without labels.

    Attributes:
        counts: numbers of groups, at least 2, growing, each below 256.
        groups: for each representation the group of each picture, of shape (counts, n).

    Raises:
        ValueError: the shapes do not go together, or a group has a number that is not below its
            count.
    """

    counts: Sequence[int]
    groups: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        _same_shapes("groups", self.groups, axes=2, first=("counts", len(self.counts)))
        for name, groups in self.groups.items():
            if groups.min() < 0 or (groups.max(axis=1) >= np.minimum(self.counts, 256)).any():
                raise ValueError(f"groups[{name!r}] must number its groups from 0 to the count")

    def _described(self) -> dict[str, Any]:
        rows = [
            {"name": name, "groups": base64.b64encode(groups.astype(np.uint8).tobytes()).decode()}
            for name, groups in self.groups.items()
        ]
        return {"rows": rows}


class UsesExplorer(ChoiceExplorer):
    """Five uses of a model to choose from, each with a slider and what it changes.

    A temperature for generation, the false alarms one allows for anomaly detection, a rate for
    compression, the number of labels for classification, the number of groups for clustering.
    Everything measured travels in the state of the widget, so it works without a kernel; shares of
    anomalies caught, areas under ROC curves and adjusted Rand indices are counted by the front end.

    Args:
        pictures: the images that detection and grouping speak of, in [0, 1], of shape
            (n, height, width). The front end enlarges them.
        labels: class of each picture, as a short text.
        generation: invented pictures.
        anomalies: scores, by what the menu calls the anomalies.
        compression: what comes back at several rates.
        classification: accuracies, by the name of the data set.
        clustering: groups of the pictures.

    Attributes:
        use: the chosen use; follows its menu, and may be set. So do the others:
        temperature: of ``generation``.
        anomaly: a key of ``anomalies``.
        false_alarms: per cent of the normal pictures that may be flagged, from 0 to 50.
        weight: weight of the KL, of ``compression``.
        data_set: a key of ``classification``.
        label_count: number of labels, of ``classification``.
        group_count: number of groups, of ``clustering``.

    Raises:
        ValueError: scores, groups or labels are of another number of pictures, or there are no
            anomalies or no accuracies.
    """

    _esm = script(__file__)
    _css = style(__file__)

    use = Choice("what for")
    temperature = Choice("temperature of the draws", slider=True)
    anomaly = Choice("anomalies")
    false_alarms = Choice("false alarms allowed", slider=True)
    weight = Choice("weight of the KL, β", slider=True)
    data_set = Choice("images")
    label_count = Choice("labels", slider=True)
    group_count = Choice("clusters", slider=True)

    def __init__(
        self,
        pictures: np.ndarray,
        labels: Sequence[str],
        *,
        generation: Generation,
        anomalies: Mapping[str, Detection],
        compression: Compression,
        classification: Mapping[str, LabelCurves],
        clustering: Grouping,
    ) -> None:
        if pictures.ndim != 3 or len(pictures) != len(labels):
            raise ValueError(
                "pictures must have the shape (n, height, width) with one label each, not "
                f"{pictures.shape} with {len(labels)} labels"
            )
        for name, uses in (("anomalies", anomalies), ("classification", classification)):
            if not uses:
                raise ValueError(f"{name} is empty; give at least one")
        counts = {f"anomalies[{name!r}]": len(each.anomalous) for name, each in anomalies.items()}
        counts |= {f"groups[{name!r}]": each.shape[1] for name, each in clustering.groups.items()}
        for name, count in counts.items():
            if count != len(pictures):
                raise ValueError(f"{name} is of {count} pictures, but there are {len(pictures)}")
        curves = next(iter(classification.values()))
        for name, each in classification.items():
            if list(each.labels) != list(curves.labels):
                raise ValueError(f"classification[{name!r}] has other numbers of labels")
        choices: dict[str, list[Any]] = {
            "use": list(_USES),
            "temperature": list(generation.temperatures),
            "anomaly": list(anomalies),
            "false_alarms": list(range(_MOST_FALSE_ALARMS + 1)),
            "weight": list(compression.weights),
            "data_set": list(classification),
            "label_count": list(curves.labels),
            "group_count": list(clustering.counts),
        }
        usual = {"temperature": 1.0, "false_alarms": 5, "weight": 1.0, "label_count": 100}
        usual["group_count"] = len(set(labels))
        super().__init__(
            choices,
            {name: value for name, value in usual.items() if value in choices[name]},
            pictures=pack_pictures(pictures),
            labels=[str(label) for label in labels],
            generation=generation._described(),
            anomalies={name: each._described() for name, each in anomalies.items()},
            compression=compression._described(),
            classification={name: each._described() for name, each in classification.items()},
            clustering=clustering._described(),
        )

    def _summary(self) -> str:
        return ", ".join(_USES)


def _rounded(numbers: Any, decimals: int = 4) -> Any:
    return np.round(np.asarray(numbers, dtype=float), decimals).tolist()


def _same_keys(
    name: str, one: Mapping[str, Any], other_name: str, other: Mapping[str, Any]
) -> None:
    if list(one) != list(other):
        raise ValueError(f"{name} is of {', '.join(one)}, but {other_name} of {', '.join(other)}")


def _same_length(name: str, values: Sized, other: str, count: int) -> None:
    if count < 2:
        raise ValueError(f"{other} must hold at least 2 values, not {count}")
    if len(values) != count:
        raise ValueError(f"{name} holds {len(values)} values, but {other} {count}")


def _same_shapes(
    name: str, arrays: Mapping[str, np.ndarray], *, axes: int, first: tuple[str, int]
) -> None:
    """Check that arrays are finite and alike, with a first axis as long as FIRST says."""
    if not arrays:
        raise ValueError(f"{name} is empty; give at least one")
    for key, array in arrays.items():
        _same_length(f"{name}[{key!r}]", array, *first)
        if array.ndim != axes or array.shape != next(iter(arrays.values())).shape:
            raise ValueError(
                f"{name} must hold arrays of {axes} axes and of one shape, but {name}[{key!r}] has "
                f"the shape {array.shape}"
            )
        if not np.isfinite(array).all():
            raise ValueError(f"{name}[{key!r}] must be finite")
