"""What several verbs of the command share: options, and where results are written."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..data import ImageSet
    from ..models import VAE

DATA_HELP = (
    "a set listed by `tutorial-vae data`, folder:PATH (pictures, one sub-folder a class), "
    "npz:PATH (arrays images and, if there are any, labels) or cub:PATH (CUB-200-2011)"
)

MODEL_HELP = (
    "a file that `tutorial-vae train` wrote, or the name of one that comes with the package"
)


def add_verb(
    verbs: argparse._SubParsersAction, name: str, job: str, example: str
) -> argparse.ArgumentParser:
    """Add a verb with its help and an example, and return its parser."""
    return verbs.add_parser(
        name,
        help=job,
        description=f"{job[0].upper()}{job[1:]}.",
        epilog=f"example: {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_image_options(verb: argparse.ArgumentParser) -> None:
    """Add the options that choose images."""
    verb.add_argument("--size", type=int, default=32, metavar="N", help="side in pixels (32)")
    verb.add_argument(
        "--channels", type=int, metavar="N", help="1 or 3; the set's own if not given"
    )
    verb.add_argument("--limit", type=int, metavar="N", help="images at most")
    verb.add_argument("--seed", type=int, default=0, metavar="N")


def add_training_options(verb: argparse.ArgumentParser) -> None:
    """Add the options that :func:`tutorial_vae.fit` takes."""
    verb.add_argument("--steps", type=int, default=2000, metavar="N", help="of training (2000)")
    verb.add_argument("--batch-size", type=int, default=64, metavar="N")
    verb.add_argument("--lr", type=float, default=1e-3, help="Adam's learning rate")
    verb.add_argument("--precision", default="32", help="32 (the default) or bf16")


def chosen_images(name: str, split: str, options: argparse.Namespace, **given: Any) -> "ImageSet":
    """Load the images that the options choose; what is given by name goes before the options."""
    from ..data import load_images

    names = ("size", "channels", "limit", "seed")
    chosen = {key: getattr(options, key) for key in names if hasattr(options, key)}
    return load_images(name, split, **(chosen | given))


def chosen_model(name: str) -> "VAE":
    """Load a model from a file, or by the name of the set that a shipped one was trained on."""
    from ..models import load_model
    from ..pretrained import load_pretrained, pretrained_names

    if Path(name).is_file():
        return load_model(name)
    if name in pretrained_names():
        return load_pretrained(name)
    raise FileNotFoundError(
        f"there is no model file at {name}, and no model of that name comes with the package: "
        f"those are {', '.join(pretrained_names())}"
    )


def add_device(verb: argparse.ArgumentParser) -> None:
    """Add the option that chooses a device."""
    verb.add_argument("--device", default="auto", help="auto (the default), cpu, cuda, mps")


def need_folder(path: Path) -> None:
    """Fail before the long work rather than after it."""
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: the folder {path.parent} does not exist")
    if path.is_dir():
        raise IsADirectoryError(f"cannot write {path}: it is a folder")


def as_png(figure: "Figure") -> bytes:
    """Return a figure as a PNG file."""
    import io

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=160)
    return buffer.getvalue()


def write_png(figure: "Figure", path: Path) -> None:
    """Write a figure as a PNG file, whole or not at all."""
    from ..files import write_atomically

    need_folder(path)
    write_atomically(path, as_png(figure))
