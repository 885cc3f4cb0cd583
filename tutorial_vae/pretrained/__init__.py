"""Trained models that come with the package."""

from pathlib import Path

from ..models import VAE, load_model

FOLDER = Path(__file__).parent


def load_pretrained(images: str, *, seed: int = 0) -> VAE:
    """Load a VAE that comes with the package.

    Grey 32×32 images, ten latent dimensions, convolutional, 2,000 steps with β = 1, weights rounded
    to bfloat16. The table ``models`` holds its held-out ELBO, the experiment of that name trains it
    again.

    Args:
        images: name of the set that it was trained on, one of :func:`pretrained_names`.
        seed: of its training, 0, 1 or 2.

    Returns:
        The model, on the CPU, in evaluation mode.

    Raises:
        ValueError: no such model comes with the package.
    """
    path = pretrained_path(images, seed)
    if not path.is_file():
        raise ValueError(
            f"no trained model of the set {images!r} with seed {seed!r} comes with the package: "
            f"images must be one of {', '.join(pretrained_names())}, and seed 0, 1 or 2"
        )
    return load_model(path)


def pretrained_names() -> tuple[str, ...]:
    """Return the names of the sets whose trained models come with the package."""
    return tuple(sorted({path.stem.rpartition("-")[0] for path in FOLDER.glob("*.safetensors")}))


def pretrained_path(images: str, seed: int, *, folder: Path = FOLDER) -> Path:
    """Return where a trained model lies.

    Args:
        images: name of the set that it was trained on.
        seed: of its training.
        folder: where trained models lie; the package's own if not given.
    """
    return folder / f"{images}-{seed}.safetensors"
