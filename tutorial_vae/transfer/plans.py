"""Component plans: which layers of a trained model to train on new images, and which to keep."""

import difflib
from collections.abc import Iterable, Sequence, Set
from dataclasses import KW_ONLY, dataclass

from ..models import VAE


@dataclass(frozen=True)
class Plan:
    """Which layers of a model are trained on new images, and which of those begin afresh.

    Layers are named as in ``model.layer_names``, or by a prefix that stands for several:
    ``"encoder"``, ``"decoder.dense1"``. ``"encoder.first"`` and ``"decoder.first"`` stand for the
    first layer of their part, whatever it is called. Weights outside the encoder and the decoder,
    such as the learned scale of a Gaussian likelihood, go with the last layer.

    Attributes:
        name: what the plan is called.
        summary: one sentence that says which weights are inherited, fresh and trained.
        train: the layers to train; all others are frozen. Either this or ``freeze`` is given.
        freeze: the layers to freeze; all others are trained.
        reset: the layers, among those trained, whose weights are drawn anew before training.
        new_ends: whether layers whose weights do not fit images of another shape are made anew.
            Without it, images have to be of the model's shape.

    Raises:
        ValueError: both or neither of ``train`` and ``freeze`` are given.
        TypeError: one of the choices is a string instead of a sequence of strings.
    """

    name: str
    summary: str = ""
    _: KW_ONLY
    train: Sequence[str] | None = None
    freeze: Sequence[str] | None = None
    reset: Sequence[str] = ()
    new_ends: bool = False

    def __post_init__(self) -> None:
        if (self.train is None) == (self.freeze is None):
            raise ValueError(
                f"plan {self.name!r} must name the layers to train or those to freeze: give one of "
                "train and freeze (train=() trains nothing, freeze=() everything)"
            )
        for choice in ("train", "freeze", "reset"):
            layers = getattr(self, choice)
            if isinstance(layers, str):
                raise TypeError(f"{choice} must be a sequence of names, such as ({layers!r},)")
            if layers is not None:
                object.__setattr__(self, choice, tuple(layers))  # so that plans can be hashed

    def trained(self, model: VAE) -> tuple[str, ...]:
        """Return the names of the parameters of ``model`` that the plan trains.

        Args:
            model: any model that has the layers which the plan names.

        Raises:
            ValueError: the model lacks a layer that the plan names.
        """
        entries = self._trained_entries(model)
        return tuple(name for name, _ in model.named_parameters() if name in entries)

    def trained_layers(self, model: VAE) -> tuple[str, ...]:
        """Return the layers of ``model`` that the plan trains, in the order of ``layer_names``."""
        return layers_of(model, self._trained_entries(model))

    def reset_layers(self, model: VAE) -> tuple[str, ...]:
        """Return the layers of ``model`` that the plan resets, in the order of ``layer_names``."""
        return layers_of(model, self.reset_entries(model))

    def reset_entries(self, model: VAE, misfits: Set[str] = frozenset()) -> frozenset[str]:
        """Return the entries of the model's ``state_dict`` that the plan draws anew.

        Args:
            model: any model that has the layers which the plan names.
            misfits: entries that do not fit the new images. Their layers are drawn anew wholly.

        Raises:
            ValueError: the model lacks a layer that the plan names, or a layer would begin afresh
                and never be trained.
        """
        misfit_layers = layers_of(model, misfits)
        entries = _entries_under(model, (*self._known(model, self.reset), *misfit_layers))
        if untrained := layers_of(model, entries - self._trained_entries(model)):
            raise ValueError(
                f"plan {self.name!r} gives fresh weights to {', '.join(untrained)} without "
                "training them: name these layers among those to train"
            )
        return entries

    def _trained_entries(self, model: VAE) -> frozenset[str]:
        if self.train is not None:
            return _entries_under(model, self._known(model, self.train))
        frozen = _entries_under(model, self._known(model, self.freeze or ()))
        return frozenset(model.state_dict()) - frozen

    def _known(self, model: VAE, names: Sequence[str]) -> tuple[str, ...]:
        """The names, with those of first layers spelt out, when the model has them all."""
        first: dict[str, str] = {}
        prefixes = set()
        for layer in model.layer_names:
            parts = layer.split(".")
            first.setdefault(f"{parts[0]}.first", layer)
            prefixes |= {".".join(parts[:depth]) for depth in range(1, len(parts) + 1)}
        spelt = tuple(first.get(name, name) for name in names)
        unknown = [name for name in spelt if name not in prefixes]
        if unknown:
            close = difflib.get_close_matches(unknown[0], prefixes, n=1)
            raise ValueError(
                f"plan {self.name!r} names {', '.join(map(repr, unknown))}, which the model has "
                f"not{f' (did you mean {close[0]!r}?)' if close else ''}: its layers are "
                f"{', '.join(model.layer_names)}"
            )
        return spelt


def layers_of(model: VAE, entries: Set[str]) -> tuple[str, ...]:
    """Return the layers of a model that entries of its ``state_dict`` belong to.

    Args:
        model: the model.
        entries: names of entries.
    """
    return tuple(
        layer for layer in model.layer_names if any(_under(entry, (layer,)) for entry in entries)
    )


def _entries_under(model: VAE, names: Sequence[str]) -> frozenset[str]:
    parts = {layer.partition(".")[0] for layer in model.layer_names}
    with_loose = _under(model.layer_names[-1], names)
    return frozenset(
        entry
        for entry in model.state_dict()
        if _under(entry, names) or (with_loose and not _under(entry, parts))
    )


def _under(entry: str, names: Iterable[str]) -> bool:
    return any(f"{entry}.".startswith(f"{name}.") for name in names)


_HEADS = ("encoder.mean", "encoder.log_var")

PLANS: dict[str, Plan] = {
    plan.name: plan
    for plan in (
        Plan(
            "frozen",
            "Every weight is inherited and none is trained: the source model as it is.",
            train=(),
        ),
        Plan(
            "heads",
            "Every weight is inherited, and only the two latent heads are trained.",
            train=_HEADS,
        ),
        Plan(
            "heads-and-first-decoder-layer",
            "The two latent heads and the decoder's first layer begin with fresh weights and are "
            "trained; all other weights are inherited and frozen (the default of Bonheme & Grzes "
            "2023).",
            train=(*_HEADS, "decoder.first"),
            reset=(*_HEADS, "decoder.first"),
        ),
        Plan(
            "decoder",
            "Every weight is inherited, the encoder is frozen and the decoder is trained.",
            train=("decoder",),
        ),
        Plan(
            "encoder",
            "Every weight is inherited, the decoder is frozen and the encoder is trained.",
            train=("encoder",),
        ),
        Plan(
            "decoder-reset",
            "The encoder is inherited and frozen, the decoder begins with fresh weights and is "
            "trained.",
            train=("decoder",),
            reset=("decoder",),
        ),
        Plan(
            "encoder-reset",
            "The decoder is inherited and frozen, the encoder begins with fresh weights and is "
            "trained.",
            train=("encoder",),
            reset=("encoder",),
        ),
        Plan(
            "all",
            "Every weight is inherited and trained: fine-tuning.",
            freeze=(),
        ),
        Plan(
            "scratch",
            "Nothing is inherited: every weight is fresh and trained, as if there were no source.",
            freeze=(),
            reset=("encoder", "decoder"),
        ),
        Plan(
            "new-ends",
            "For images of another shape: the layers that do not fit them (with other channels the "
            "first and the last, with another size those next to the flattening) begin with fresh "
            "weights, all others are inherited, and everything is trained.",
            freeze=(),
            new_ends=True,
        ),
    )
}
"""The component plans by name. The names and the choice of plans are this package's own, except for
the default of Bonheme & Grzes 2023."""
