"""The verb ``transfer``: retrains a model on other images, by one plan or by several."""

import argparse
import dataclasses
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .options import (
    DATA_HELP,
    MODEL_HELP,
    add_device,
    add_training_options,
    add_verb,
    chosen_images,
    chosen_model,
    need_folder,
)

if TYPE_CHECKING:
    from ..data import ImageSet
    from ..estimates import Estimate
    from ..models import VAE
    from ..transfer import Plan

_EVERY = "every"
_SOURCE, _NO_SOURCE, _OTHER_SHAPE = "frozen", "scratch", "new-ends"
_SPLITS = ("train", "test")
_FEWEST_HELD_OUT = 2


def add(verbs: argparse._SubParsersAction) -> None:
    """Add the verb."""
    verb = add_verb(
        verbs,
        "transfer",
        "retrain a VAE on other images by one plan or several, and compare what comes out",
        "tutorial-vae transfer dsprites --to digits --plan all -o digits.safetensors",
    )
    verb.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    verb.add_argument("--to", required=True, metavar="DATA", help=DATA_HELP)
    verb.add_argument(
        "--plan",
        action="append",
        metavar="PLAN",
        help="what to retrain: heads, heads-and-first-decoder-layer, decoder, encoder, "
        "decoder-reset, encoder-reset, all (the default), new-ends (for images of another shape), "
        "scratch, frozen, or every for all that train and keep the model's shape; may be repeated",
    )
    verb.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        required=True,
        help="where to save the model; with several plans one file for each, FILE-PLAN",
    )
    verb.add_argument(
        "--size",
        type=int,
        metavar="N",
        help="side in pixels, for new-ends; the model's own if not given",
    )
    verb.add_argument(
        "--channels", type=int, metavar="N", help="1 or 3, for new-ends; the set's own if not given"
    )
    verb.add_argument("--limit", type=int, metavar="N", help="images of each part at most")
    verb.add_argument("--seed", type=int, default=0, metavar="N")
    add_training_options(verb)
    verb.add_argument(
        "--checkpoint", type=Path, metavar="FOLDER", help="go on from here after a kill"
    )
    add_device(verb)
    verb.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from ..evaluation import evaluate, latent_accuracy, probe
    from ..models import save_model
    from ..transfer import retrain

    asked = _asked(options.plan or ["all"])
    outputs = _outputs(options.output, asked)
    if options.checkpoint is not None and not options.checkpoint.is_dir():
        raise FileNotFoundError(f"the folder {options.checkpoint} for checkpoints does not exist")
    model = chosen_model(options.model)
    train, test = _images(options, model, asked)
    with_accuracy = train.labels is not None and len(train.labels.unique()) > 1

    print(f"{options.model} to {train.name}: ", end="")
    print(f"{len(train):,} images to train on, {len(test):,} held out\n")
    print(f"{'plan':<30}{'trained':>9}{'ELBO':>19}{'KL':>7}   accuracy", flush=True)
    elbos: dict[str, float] = {}
    accuracies: dict[str, Estimate] = {}
    plans = _compared(asked, same_shape=train.image_shape == model.image_shape)
    for number, (name, plan) in enumerate(plans.items(), 1):
        _tell(f"plan {number} of {len(plans)}: {name}")
        result = retrain(
            model,
            train,
            plan,
            steps=options.steps,
            batch_size=options.batch_size,
            lr=options.lr,
            seed=options.seed,
            device=options.device,
            precision=options.precision,
            checkpoint=_checkpoint(options.checkpoint, model, name),
            progress=sys.stderr.isatty(),
        )
        if name in outputs:
            save_model(result.model, outputs[name])
        held_out = evaluate(result.model, test, seed=options.seed, device=options.device)
        elbos[name] = held_out.elbo
        if with_accuracy:
            accuracies[name] = latent_accuracy(result.model, train, test, device=options.device)
        trained = f"{result.trained_parameters:,}"
        elbo = f"{held_out.elbo:.1f} ± {held_out.standard_error:.1f}"
        accuracy = _shown(accuracies[name]) if with_accuracy else "–"
        print(f"{name:<30}{trained:>9}{elbo:>19}{held_out.kl:>7.1f}   {accuracy}", flush=True)
    if with_accuracy:
        _tell("accuracies to beat")
        found = probe(result.model, train, test, seed=options.seed, device=options.device)
        controls = {
            "an untrained network": found.untrained,
            f"PCA, {model.latent_dim} components at most": found.pca,
            "pixels": found.pixels,
        }
        for name, control in controls.items():
            print(f"{name:<65}   {_shown(control)}")

    print("\nTrained: how many parameters. ELBO ± its standard error, KL: nats per held-out image.")
    if with_accuracy:
        print("Accuracy, with its 95 % interval: of a linear classifier on latent means.")
        best = max(accuracies, key=lambda name: accuracies[name].value)
        print(f"Highest ELBO: {max(elbos, key=elbos.__getitem__)}. Highest accuracy: {best}.")
    else:
        print("Accuracy: needs labels of two classes or more.")
        print(f"Highest ELBO: {max(elbos, key=elbos.__getitem__)}.")
    for name, path in outputs.items():
        print(f"{name} saved to {path}")


def _asked(names: Sequence[str]) -> list[str]:
    """Return the plans that were asked for, once each."""
    from ..transfer import PLANS

    every = [name for name in PLANS if name not in (_SOURCE, _OTHER_SHAPE)]
    asked = list(dict.fromkeys(p for name in names for p in (every if name == _EVERY else [name])))
    if unknown := [name for name in asked if name not in PLANS]:
        raise ValueError(
            f"--plan must be one of {', '.join(PLANS)} or {_EVERY}, not {unknown[0]!r}"
        )
    if _OTHER_SHAPE in asked and not set(asked) <= {_OTHER_SHAPE, _NO_SOURCE}:
        raise ValueError(
            f"--plan {_OTHER_SHAPE} is for images of another shape than the model's, which the "
            f"other plans cannot read: ask for it alone, or with {_NO_SOURCE}"
        )
    return asked


def _outputs(path: Path, asked: Sequence[str]) -> dict[str, Path]:
    """Return the file for each plan."""
    if len(asked) == 1:
        outputs = {asked[0]: path}
    else:
        outputs = {name: path.with_name(f"{path.stem}-{name}{path.suffix}") for name in asked}
    for output in outputs.values():
        need_folder(output)
    return outputs


def _images(
    options: argparse.Namespace, model: "VAE", asked: Sequence[str]
) -> tuple["ImageSet", "ImageSet"]:
    """Return the images to train on and the held-out ones, in a shape that the plans allow for."""
    channels, height, width = model.image_shape
    shape: dict[str, int | None] = {"size": height, "channels": channels}
    if _OTHER_SHAPE in asked:
        shape = {"size": options.size or height, "channels": options.channels}
    elif options.size is not None or options.channels is not None:
        raise ValueError(
            f"--size and --channels go with --plan {_OTHER_SHAPE}: the other plans keep the shape "
            f"that the model reads, {model.image_shape}"
        )
    elif height != width:
        raise ValueError(
            f"{options.model} reads {height}×{width} images, but image sets are loaded square: "
            f"take --plan {_OTHER_SHAPE}"
        )
    train, test = (chosen_images(options.to, split, options, **shape) for split in _SPLITS)
    if len(test) < _FEWEST_HELD_OUT:
        raise ValueError(
            f"{test.name} has {len(test)} held-out image: at least {_FEWEST_HELD_OUT} are needed "
            "to measure anything, so give more images"
        )
    if (train.images == train.images[0]).all():
        raise ValueError(
            f"the images of {train.name} to train on, {len(train)}, do not differ at "
            f"{train.images.shape[-1]} pixels a side: there is nothing to learn from them"
        )
    return train, test


def _compared(asked: Sequence[str], *, same_shape: bool) -> "dict[str, Plan]":
    """Return the plans of the table: those asked for between the source as it is and no source."""
    from ..transfer import PLANS

    plans = {name: PLANS[name] for name in asked if name not in (_SOURCE, _NO_SOURCE)}
    # A fresh model takes images of any shape.
    plans[_NO_SOURCE] = dataclasses.replace(PLANS[_NO_SOURCE], new_ends=True)
    return {_SOURCE: PLANS[_SOURCE]} | plans if same_shape else plans


def _checkpoint(folder: Path | None, model: "VAE", plan: str) -> Path | None:
    """Return a plan's checkpoint, under a name that no other source's has."""
    if folder is None:
        return None
    digest = hashlib.sha256(plan.encode())
    for value in model.state_dict().values():
        digest.update(value.cpu().numpy().tobytes())
    return folder / f"{plan}-{digest.hexdigest()[:8]}.checkpoint"


def _shown(accuracy: "Estimate") -> str:
    return f"{accuracy.value:.3f} ({accuracy.low:.3f} to {accuracy.high:.3f})"


def _tell(text: str) -> None:
    """Say what is going on to somebody who watches."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr)
