"""Assessing a transfer before it is tried: everything that the card shows is measured here."""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ..data import ImageSet
from ..data.imageset import as_float
from ..devices import evaluation_mode, resolve_device
from ..estimates import Estimate
from ..evaluation import active_units
from ..evaluation.passes import squared_errors
from ..models import VAE, fresh_copy
from ..similarity import ConstantLayerWarning, LayerSimilarity, compare_layers
from ..similarity.activations import reading
from ..similarity.grams import Grams, whole_grams
from ..similarity.kernels import centred_gram
from ..training import fit
from .card import TransferCard
from .ratings import NORMAL, latent_means, rate, source_probabilities
from .recommendation import Evidence, measured_reliability, recommend
from .retraining import FRESH_SEED
from .target import MOST_TO_ASSESS, Target, as_set, check_limit, labelled, subset

# Of the target model. Half as many steps on batches of twice the size take as long, and leave most
# models close to where they began.
STEPS = 600
_TRAINING_BATCH = 32
_LR = 2e-3

_BATCH = 256
_PICTURES = 10
_LATENTS = "encoder.mean"
_INVERTED = "inverted"  # the source, on the held-out images with black and white exchanged
_ENCODERS = ("source", "untrained")  # each is compared with the target model's


def assess(
    source: VAE,
    images: ImageSet | Tensor,
    labels: Tensor | np.ndarray | None = None,
    *,
    source_images: ImageSet | Tensor | None = None,
    limit: int = 1000,
    seed: int = 0,
    device: str | torch.device = "auto",
    progress: bool = True,
) -> TransferCard:
    r"""Measure what a trained VAE makes of other images, and what to expect of transferring it.

    A model of the source's architecture is trained for 600 steps on four fifths of the images (Adam
    at 2e-3, batches of 32), which takes seconds: the target model. Everything that the source is
    held against comes from it, from a network with fresh weights, from PCA of the latents' size
    and from the pixels.

    * Reconstruction errors are those of the fifth that was held out; all else is measured on all
      of the images.
    * Intervals of scores and of CKA come from halves of the images, as in
      :meth:`~tutorial_vae.similarity.LayerSimilarity.interval`; those of errors from their mean's
      standard error. They say what other images of the same kind would give, not what another
      seed would.
    * ``leep`` and ``nce`` need source classes: logistic regression is fitted to the latent means
      and the labels of at most 2,000 of the source's own images, and asked about the target's. The
      controls get the same treatment, each with its own means; PCA is that of the source's pixels.

    Args:
        source: the trained model. Its weights, mode and device are left as they were.
        images: the target, an image set, or a tensor of shape (n, channels, height, width) that
            holds uint8 or floats in [0, 1]; n of at least 20.
        labels: class of each image, whole numbers of shape (n,); those of the set if not given.
            Without labels the card says what it can.
        source_images: images that the source was trained on, or others of their kind. With them
            the card says how many latents are active at home, and if they have labels it has
            ``leep`` and ``nce``.
        limit: images to look at, from 20 to 2,000: a random subset if there are more.
        seed: of the subset, the held-out fifth, the target model, the fresh weights, the map and
            the intervals; the global random state is left as it was.
        device: ``"auto"`` (CUDA, else MPS, else CPU) or the name of a device.
        progress: whether to show progress bars.

    Raises:
        ValueError: there are too few images, all of them are the same, they or the source's images
            do not suit the source, labels do not go with the images, or ``limit`` is outside what
            is said above.

    Reference: the ingredients are those of the visual method of Bonheme & Grzes 2023, who print no
    figure of it; the choice of scores, controls and rules is this package's own.
    """
    check_limit(limit)
    chosen = subset(labelled(source, images, labels), limit, seed)
    target = Target(chosen, components=source.latent_dim, seed=seed)
    own = None
    if source_images is not None:
        own = subset(as_set(source, source_images), MOST_TO_ASSESS, seed)
    compared = comparison_models(source, target, device=device, progress=progress)
    return assess_beside(compared, source, target, own, device=device, progress=progress)


def comparison_models(
    source: VAE, target: Target, *, device: str | torch.device = "auto", progress: bool = True
) -> dict[str, VAE]:
    """Return what a card holds a source against; of the source only the architecture matters.

    Args:
        source: a model of the architecture.
        target: the images, of which four fifths are trained on.
        device: as in :func:`assess`.
        progress: as in :func:`assess`.

    Returns:
        ``"target"``, a model trained briefly on the target, and ``"untrained"``.
    """
    # Neither begins where the other does, nor where a source that was trained with this seed did:
    # networks that began alike are alike for no reason of the images.
    models = {
        "target": fresh_copy(source, FRESH_SEED + target.seed),
        "untrained": fresh_copy(source, FRESH_SEED + target.seed + 1),
    }
    fit(
        models["target"],
        target.kept,
        steps=STEPS,
        batch_size=_TRAINING_BATCH,
        lr=_LR,
        seed=target.seed,
        device=device,
        progress=progress,
    )
    return models


def assess_beside(
    compared: Mapping[str, VAE],
    source: VAE,
    target: Target,
    own: ImageSet | None = None,
    *,
    device: str | torch.device = "auto",
    progress: bool = True,
) -> TransferCard:
    """Make the card of a source whose comparison models are there already.

    Args:
        compared: what :func:`comparison_models` returns for this target.
        source: the trained model.
        target: the images.
        own: images of the source's own kind, if there are any.
        device: as in :func:`assess`.
        progress: as in :func:`assess`.
    """
    models = {"source": source, **compared}
    images, classes = target.images, target.classes
    alignment: dict[str, dict[str, Estimate]] = {"target model": {}}
    scores: dict[str, dict[str, Estimate]] = {}
    leads: dict[str, dict[str, Estimate]] = {}
    with _stages(progress, 9 if target.class_count > 1 else 5) as done, warnings.catch_warnings():
        # The card shows what is not defined as such.
        warnings.simplefilter("ignore", ConstantLayerWarning)
        errors = _errors(models, target, device)
        for name in _ENCODERS:
            alignment["target model"][name] = _profile(
                compare_layers(models[name], models["target"], images, device=device),
                diagonal=True,
            )
            done("layers")
        means = {name: latent_means(model, images, device) for name, model in models.items()}
        if classes is not None and target.class_count > 1:
            alignment["labels"] = {}
            for name, model in models.items():
                alignment["labels"][name] = _with_labels(model, images, classes, device)
                done("layers and labels")
            probabilities = {}
            if own is not None:
                probabilities = source_probabilities(models, own, target, means, device)
            scores, leads = rate(
                means | target.controls, probabilities, classes.numpy(), target.seed
            )
            done("scores")
        maps = {}
        for name in models:
            maps[name] = _map(means[name], target.seed)
            done("map of the latents")

    at_mean = source.layer_names.index(_LATENTS)
    encoders = {name: _at(alignment["target model"][name], at_mean) for name in _ENCODERS}
    evidence = _evidence(target, errors, encoders, leads)
    return TransferCard(
        images=images,
        pictures=_pictures(models, target.held_out, device),
        errors={name: _mean(each) for name, each in errors.items() if name != _INVERTED},
        layers=source.layer_names,
        alignment=alignment,
        means=means,
        source_means=None if own is None else latent_means(source, own, device),
        units=active_units(source, images, device=device),
        source_units=None if own is None else active_units(source, own, device=device),
        maps=maps,
        scores=scores,
        leads=leads,
        held_out=len(target.held_out),
        steps=STEPS,
        evidence=evidence,
        recommendation=recommend(evidence, reliability=measured_reliability()),
    )


def evidence_beside(
    compared: Mapping[str, VAE],
    source: VAE,
    target: Target,
    *,
    device: str | torch.device = "auto",
) -> Evidence:
    """Measure only what the advice of :func:`assess_beside` turns on, in a fraction of its time.

    Args:
        compared: as in :func:`assess_beside`.
        source: as in :func:`assess_beside`.
        target: as in :func:`assess_beside`.
        device: as in :func:`assess`.
    """
    models = {"source": source, **compared}
    images = target.images
    leads: dict[str, dict[str, Estimate]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstantLayerWarning)
        errors = _errors(models, target, device)
        encoders = {}
        for name in _ENCODERS:
            similarity = compare_layers(
                models[name], models["target"], images, layers=[_LATENTS], device=device
            )
            encoders[name] = _at(_profile(similarity), 0)
        if target.classes is not None and target.class_count > 1:
            means = {name: latent_means(model, images, device) for name, model in models.items()}
            _, leads = rate(means | target.controls, {}, target.classes.numpy(), target.seed)
    return _evidence(target, errors, encoders, leads)


# What the source is held against in words. The target model is no control: it has learnt something.
_CONTROLS = {"untrained": "an untrained network's", "pca": "PCA", "pixels": "raw pixels"}


def _evidence(
    target: Target,
    errors: Mapping[str, Float[np.ndarray, " held_out"]],
    encoders: Mapping[str, Estimate],
    leads: Mapping[str, Mapping[str, Estimate]],
) -> Evidence:
    knn = leads.get("knn_accuracy", {})
    return Evidence(
        images=len(target.images),
        held_out=len(target.held_out),
        classes=target.class_count,
        gain=_gain(errors["source"], errors["mean image"]),
        inverted_gain=_gain(errors[_INVERTED], errors["mean image"]),
        encoder_lead=_difference(*(encoders[name] for name in _ENCODERS)),
        leads={_CONTROLS[name]: lead for name, lead in knn.items() if name in _CONTROLS},
    )


def _errors(
    models: Mapping[str, VAE], target: Target, device: str | torch.device
) -> dict[str, Float[np.ndarray, " held_out"]]:
    """Return the squared error of each held-out image, by who reconstructs it."""
    held_out = target.held_out
    errors = {
        name: squared_errors(models[name], held_out, device=device).numpy()
        for name in ("source", "target")
    }
    inverted = squared_errors(models["source"], 255 - held_out.images, device=device).numpy()
    return errors | target.control_errors | {_INVERTED: inverted}


def _gain(
    errors: Float[np.ndarray, " held_out"], blank: Float[np.ndarray, " held_out"]
) -> Estimate:
    """Share of the mean image's error that is removed; that of inverted images is the same."""
    return _mean((blank - errors) / (blank.mean() if blank.mean() > 0 else math.nan))


@contextmanager
def _stages(progress: bool, count: int) -> Iterator[Callable[[str], None]]:
    """Show how far the measuring is; the training before it has a bar of its own."""
    from tqdm.auto import tqdm

    with tqdm(total=count, desc="measuring", unit="part", disable=not progress) as bar:

        def done(name: str) -> None:
            bar.set_postfix_str(name, refresh=False)
            bar.update()

        yield done


def _mean(values: Float[np.ndarray, " n"]) -> Estimate:
    reach = NORMAL * values.std(ddof=1) / math.sqrt(len(values))
    return Estimate.around(values.mean(), reach)


@torch.no_grad()
def _pictures(
    models: Mapping[str, VAE], held_out: ImageSet, device: str | torch.device
) -> dict[str, Tensor]:
    shown = held_out.images[:_PICTURES]
    pictures = {"images": shown}
    for name in ("source", "target"):
        with evaluation_mode(models[name], device) as place:
            drawn = models[name].reconstruct(as_float(shown.to(place))).clamp(0, 1)
        pictures[name] = (255 * drawn.cpu()).round().to(torch.uint8)
    return pictures


def _with_labels(
    model: VAE, images: ImageSet, classes: Int64[Tensor, " n"], device: str | torch.device
) -> Estimate:
    with reading(model, "model", None, images.images, resolve_device(device)) as reader:
        grams = whole_grams([reader], images.images, _BATCH, "linear", "unbiased", "32")
    members = torch.eye(int(classes.max()) + 1)[classes]
    wanted = centred_gram(members, "labels", "linear", "unbiased")
    kept = Grams(grams.rows, [wanted[None]], "unbiased")
    return _profile(
        LayerSimilarity(
            values=kept.values().numpy(),
            rows=model.layer_names,
            columns=("labels",),
            chance=kept.chance().numpy(),
            n=len(images),
            kernel="linear",
            estimator="unbiased",
            _kept=kept,
        )
    )


def _profile(similarity: LayerSimilarity, *, diagonal: bool = False) -> Estimate:
    parts = (similarity.values, *similarity.interval())
    return Estimate(*(np.diag(part).copy() if diagonal else part[:, 0] for part in parts))


def _at(profile: Estimate, layer: int) -> Estimate:
    return Estimate(*(float(part[layer]) for part in profile))


def _difference(one: Estimate, other: Estimate) -> Estimate:
    """As if the two were independent, which, being of the same images, they are better than."""
    value = one.value - other.value
    reach = math.hypot(one.high - one.value, other.high - other.value)
    return Estimate.around(value, reach)


def _map(means: Float[np.ndarray, "n latent"], seed: int) -> Float[np.ndarray, "n 2"]:
    from sklearn.manifold import TSNE

    spread = means.std(axis=0).max()
    if spread == 0 or means.shape[1] < 2:
        # Nothing to arrange in a plane: a point, or a line.
        return np.stack([means[:, 0], np.zeros(len(means))], axis=1)
    perplexity = min(30.0, (len(means) - 1) / 3)
    # Scaled as a whole: the means of a collapsed model are as small as rounding.
    plane = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(means / spread)
    return plane.astype(np.float64)
