"""The command ``tutorial-vae``: one verb per job."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from . import __version__

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# What a user can mend. Anything else is a fault of ours and keeps its traceback.
_USER_MISTAKES = (ValueError, FileNotFoundError, IsADirectoryError, PermissionError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: words after the command's name; those of the process when not given.

    Returns:
        The exit code: 0, or 2 for a mistake of the user's, which one line on stderr explains.
    """
    options = _parser().parse_args(arguments)
    from .training import DivergenceError

    try:
        options.run(options)
    except (*_USER_MISTAKES, DivergenceError) as error:
        print(f"tutorial-vae: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("tutorial-vae: interrupted", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tutorial-vae",
        description="Train variational autoencoders and compare what they have learnt.",
    )
    parser.add_argument("--version", action="version", version=f"tutorial-vae {__version__}")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    _add_data(verbs)
    _add_train(verbs)
    _add_compare(verbs)
    _add_experiment(verbs)
    return parser


def _verb(
    verbs: argparse._SubParsersAction, name: str, job: str, example: str
) -> argparse.ArgumentParser:
    return verbs.add_parser(
        name,
        help=job,
        description=f"{job[0].upper()}{job[1:]}.",
        epilog=f"example: {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_data(verbs: argparse._SubParsersAction) -> None:
    verb = _verb(
        verbs,
        "data",
        "list the image sets, or draw some pictures of one",
        "tutorial-vae data dsprites -o sheet.png",
    )
    verb.add_argument("name", nargs="?", metavar="DATA", help=_DATA_HELP)
    verb.add_argument("-o", "--output", type=Path, metavar="PNG", help="where to draw the pictures")
    verb.add_argument("--split", default="train", help="train (the default) or test")
    verb.add_argument(
        "--download",
        action="store_true",
        help="fetch the set again, in place of missing or damaged files",
    )
    _add_image_options(verb)
    verb.set_defaults(run=_data)


def _add_train(verbs: argparse._SubParsersAction) -> None:
    verb = _verb(
        verbs,
        "train",
        "train a VAE and measure its ELBO on held-out images",
        "tutorial-vae train digits -o digits.safetensors",
    )
    verb.add_argument("data", metavar="DATA", help=_DATA_HELP)
    verb.add_argument("-o", "--output", type=Path, metavar="MODEL", required=True)
    _add_image_options(verb)
    verb.add_argument("--architecture", default="conv", help="conv (the default), mlp or linear")
    verb.add_argument(
        "--likelihood",
        default="bernoulli",
        help="bernoulli (the default), continuous_bernoulli or gaussian",
    )
    verb.add_argument("--latent-dim", type=int, default=10, metavar="N")
    verb.add_argument("--beta", type=float, default=1.0, help="weight of the KL")
    verb.add_argument("--steps", type=int, default=2000, metavar="N")
    verb.add_argument("--batch-size", type=int, default=64, metavar="N")
    verb.add_argument("--lr", type=float, default=1e-3, help="Adam's learning rate")
    verb.add_argument("--precision", default="32", help="32 (the default) or bf16")
    verb.add_argument(
        "--checkpoint", type=Path, metavar="FILE", help="go on from here when it exists"
    )
    _add_device(verb)
    verb.set_defaults(run=_train)


def _add_compare(verbs: argparse._SubParsersAction) -> None:
    verb = _verb(
        verbs,
        "compare",
        "compare two VAEs layer by layer, beside an untrained control, in an HTML report",
        "tutorial-vae compare a.safetensors b.safetensors --images digits -o report.html",
    )
    verb.add_argument("model_a", type=Path, metavar="MODEL_A")
    verb.add_argument("model_b", type=Path, metavar="MODEL_B")
    verb.add_argument("--images", required=True, metavar="DATA", help=_DATA_HELP)
    verb.add_argument("-o", "--output", type=Path, metavar="HTML", required=True)
    verb.add_argument(
        "--limit", type=int, default=500, metavar="N", help="test images at most (500)"
    )
    verb.add_argument("--seed", type=int, default=0, metavar="N")
    verb.add_argument("--kernel", default="linear", help="linear (the default) or rbf")
    verb.add_argument("--estimator", default="unbiased", help="unbiased (the default) or biased")
    _add_device(verb)
    verb.set_defaults(run=_compare)


def _add_experiment(verbs: argparse._SubParsersAction) -> None:
    verb = _verb(
        verbs,
        "experiment",
        "measure a table of the book again, over all its seeds",
        "tutorial-vae experiment quick_tour --folder .",
    )
    verb.add_argument("name", metavar="NAME", help="quick_tour")
    verb.add_argument(
        "--folder", type=Path, metavar="FOLDER", help="where to write; the package's own results"
    )
    verb.set_defaults(run=_experiment)


_DATA_HELP = (
    "a set listed by `tutorial-vae data`, folder:PATH (pictures, one sub-folder a class) or "
    "npz:PATH (arrays images and, if there are any, labels)"
)


def _add_image_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--size", type=int, default=32, metavar="N", help="side in pixels (32)")
    verb.add_argument(
        "--channels", type=int, metavar="N", help="1 or 3; the set's own if not given"
    )
    verb.add_argument("--limit", type=int, metavar="N", help="images at most")
    verb.add_argument("--seed", type=int, default=0, metavar="N")


def _add_device(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--device", default="auto", help="auto (the default), cpu, cuda, mps")


def _data(options: argparse.Namespace) -> None:
    from .data import CATALOGUE, download, load_images

    if options.name is None:
        if options.output or options.download:
            raise ValueError(
                "DATA is missing: name the set, for example `tutorial-vae data digits`"
            )
        for info in CATALOGUE.values():
            shape = "×".join(map(str, info.image_shape))
            counts = f"{info.train_count:,} + {info.test_count:,}"
            where = "offline" if info.offline else "downloaded"
            print(f"{info.name:<16} {shape:<10} {counts:<17} {where:<11} {info.summary}")
            print(f"{'':<16} {info.licence}; {info.source}")
        print("\nShape is channels×height×width, counts are train + test images.")
        print("Your own: folder:PATH (pictures, one sub-folder a class) and npz:PATH.")
        return
    if options.download:
        download(options.name)
    images = load_images(
        options.name,
        options.split,
        size=options.size,
        channels=options.channels,
        limit=options.limit,
        seed=options.seed,
    )
    shape = "×".join(map(str, images.image_shape))
    print(f"{images.name}: {len(images):,} {options.split} images of {shape}")
    if images.class_names:
        print(f"classes: {', '.join(images.class_names)}")
    if options.output is not None:
        from .plots import contact_sheet

        _write_png(contact_sheet(images), options.output)
        print(f"drawn to {options.output}")


def _train(options: argparse.Namespace) -> None:
    import torch

    from .data import load_images
    from .evaluation import evaluate
    from .models import VAE, save_model
    from .objectives import BetaVAE
    from .training import fit

    _need_folder(options.output)
    train, test = (
        load_images(
            options.data,
            split,
            size=options.size,
            channels=options.channels,
            limit=options.limit,
            seed=options.seed,
        )
        for split in ("train", "test")
    )
    torch.manual_seed(options.seed)
    model = VAE(
        train.image_shape,
        options.latent_dim,
        architecture=options.architecture,
        likelihood=options.likelihood,
    )
    history = fit(
        model,
        train,
        objective=BetaVAE(options.beta),
        steps=options.steps,
        batch_size=options.batch_size,
        lr=options.lr,
        seed=options.seed,
        device=options.device,
        precision=options.precision,
        checkpoint=options.checkpoint,
        progress=sys.stderr.isatty(),
    )
    save_model(model, options.output)
    result = evaluate(model, test, seed=options.seed, device=options.device)
    print(f"trained on {len(train):,} images of {train.name} in {history.seconds[-1]:.0f} s")
    print(
        f"held-out ELBO {result.elbo:.2f} ± {result.standard_error:.2f} nats per image = "
        f"log-likelihood {result.log_likelihood:.2f} − KL {result.kl:.2f}, "
        f"{result.n:,} test images, one draw each"
    )
    print(f"saved to {options.output}")


def _compare(options: argparse.Namespace) -> None:
    import torch

    from .data import load_images
    from .models import VAE, load_model
    from .plots import image_grid, layer_profiles
    from .similarity import compare_layers
    from .widgets import LayerExplorer, Section

    _need_folder(options.output)
    model_a, model_b = load_model(options.model_a), load_model(options.model_b)
    channels, height, width = model_a.image_shape
    if model_a.image_shape != model_b.image_shape:
        raise ValueError(
            f"{options.model_a} reads images of shape {model_a.image_shape} and {options.model_b} "
            f"of shape {model_b.image_shape}: compare models that read the same images"
        )
    if height != width:
        raise ValueError(
            f"{options.model_a} reads {height}×{width} images, but image sets are loaded square"
        )
    images = load_images(
        options.images,
        "test",
        size=height,
        channels=channels,
        limit=options.limit,
        seed=options.seed,
    )
    torch.manual_seed(options.seed)
    untrained = VAE(
        model_b.image_shape,
        model_b.latent_dim,
        architecture=model_b.architecture,
        likelihood=model_b.likelihood,
    )
    name_a, name_b = options.model_a.stem, options.model_b.stem
    trained_key, untrained_key = f"{name_a} and {name_b}", f"{name_a} and an untrained network"
    similarities = {
        key: compare_layers(
            model_a,
            other,
            images,
            kernel=options.kernel,
            estimator=options.estimator,
            device=options.device,
        )
        for key, other in ((trained_key, model_b), (untrained_key, untrained))
    }
    shown = images.images[:10].float() / 255
    sections = [
        Section(
            "The images and how each model reconstructs them",
            "Each column is one test image. A model that was trained on other images shows here "
            "what it can and cannot draw.",
            _png(
                image_grid(
                    {
                        "images": shown,
                        name_a: model_a.reconstruct(shown),
                        name_b: model_b.reconstruct(shown),
                    }
                )
            ),
            f"Ten test images of {images.name}, and below them what {name_a} and {name_b} make of "
            "each.",
        )
    ]
    if similarities[trained_key].rows == similarities[trained_key].columns:
        sections.append(
            Section(
                "Each layer against its namesake",
                "The band is a 95 % interval over the images. The dashed grey line is the control: "
                f"a network like {name_b} that was never trained. Only what stands above it can "
                "have been learnt.",
                _png(layer_profiles(similarities, controls=[untrained_key])),
                f"CKA of each layer of {name_a} with the same layer of {name_b}, and of an "
                "untrained network.",
            )
        )
    explorer = LayerExplorer(similarities, row_title=name_a, column_title="the other model")
    explorer.to_html(
        options.output,
        title=f"{name_a} and {name_b}, layer by layer",
        introduction=(
            f"Centred kernel alignment ({options.estimator}, {options.kernel} kernel) between the "
            f"layers of two VAEs on {len(images):,} test images of {images.name}: 1 where two "
            "layers tell the images apart in the same way, 0 where they have nothing in common. "
            "The decoders were fed the posterior means."
        ),
        sections=sections,
    )
    print(f"compared on {len(images):,} test images of {images.name}; report in {options.output}")


def _experiment(options: argparse.Namespace) -> None:
    from .experiments import run_experiment
    from .results import FOLDER

    print(f"written: {run_experiment(options.name, folder=options.folder or FOLDER)}")


def _need_folder(path: Path) -> None:
    """Fail before the long work rather than after it."""
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: the folder {path.parent} does not exist")
    if path.is_dir():
        raise IsADirectoryError(f"cannot write {path}: it is a folder")


def _png(figure: "Figure") -> bytes:
    import io

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=160)
    return buffer.getvalue()


def _write_png(figure: "Figure", path: Path) -> None:
    from .models import write_atomically

    _need_folder(path)
    write_atomically(path, _png(figure))
