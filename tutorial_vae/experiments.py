"""Experiments behind the book's tables: what takes longer than a chapter may, over several seeds.

An experiment is a function from a seed to rows of a table. Its table and the record of how it was
made lie in ``results/``.
"""

import csv
import io
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from . import __version__
from .data import ImageSet, load_images
from .evaluation import active_units, encode_images, evaluate
from .models import VAE, write_atomically
from .objectives import ELBO, BetaVAE, FreeBits, gaussian_kl_per_dimension
from .results import FOLDER
from .similarity import compare_layers
from .training import fit

SEEDS = range(5)

Row = dict[str, str | int | float]


def quick_tour(seed: int) -> list[Row]:
    """Everything that the first chapter measures, for one seed.

    Two VAEs are trained on handwritten digits and one on printed letters, compared on unseen
    digits layer by layer, and the digits are then learnt anew on top of frozen encoders.

    Args:
        seed: seed of the start weights, the batches, the noise and the drawn letters.

    Returns:
        Rows with the columns seed, measure, name, part, layer and value: the held-out ELBO in
        nats per image, or the CKA of one layer, in the encoder or the decoder, with the same
        layer of the VAE trained on digits.
    """
    digits, unseen = load_images("digits"), load_images("digits", "test")
    letters = load_images("glyphs-latin", limit=2000, seed=seed)
    digit_vae = _trained(digits, seed)
    others = {
        "letters": _trained(letters, seed),
        "digits, other seed": _trained(digits, seed + 1000),
        "untrained": _fresh(digits, seed + 2000),
    }
    rows: list[Row] = []

    def add(measure: str, name: str, value: float, layer: str = "") -> None:
        rows.append(
            {
                "seed": seed,
                "measure": measure,
                "name": name,
                "part": layer.partition(".")[0],
                "layer": layer,
                "value": value,
            }
        )

    add("elbo", "trained on digits", evaluate(digit_vae, unseen).elbo)
    add("elbo", "trained on letters", evaluate(others["letters"], unseen).elbo)
    for name, other in others.items():
        similarity = compare_layers(digit_vae, other, unseen)
        for index, layer in enumerate(similarity.rows):
            add("cka", name, float(similarity.values[index, index]), layer)
    for name in ("letters", "untrained"):
        model = _fresh(digits, seed + 3000)
        model.encoder = others[name].encoder
        model.encoder.requires_grad_(requires_grad=False)
        _train(model, digits, seed)
        add("elbo", f"encoder {name}, decoder retrained", evaluate(model, unseen).elbo)
    return rows


def _fresh(images: ImageSet, seed: int) -> VAE:
    torch.manual_seed(seed)
    return VAE(images.image_shape)


def _train(model: VAE, images: ImageSet, seed: int, *, steps: int = 800) -> None:
    fit(model, images, steps=steps, batch_size=32, lr=2e-3, seed=seed, progress=False)


def _trained(images: ImageSet, seed: int) -> VAE:
    model = _fresh(images, seed)
    _train(model, images, seed)
    return model


def kl_divergence(seed: int) -> list[Row]:
    """What the weight of the KL and free bits do to the latent dimensions, for one seed.

    VAEs with sixteen latent dimensions are trained on handwritten digits under each objective and
    measured on unseen digits.

    Args:
        seed: seed of the start weights, the batches and the noise.

    Returns:
        Rows with the columns seed, objective (``"beta"`` or ``"free bits"``), setting (β, or free
        nats per dimension), measure, dimension and value. ``elbo``, ``log_likelihood`` and ``kl``
        are in nats per image and ``active_units`` is a count: these have no dimension.
        ``dimension_kl`` and ``knock_out`` (:func:`knock_out_costs`) belong to one dimension each,
        in nats per image; dimensions are numbered from the largest KL on.
    """
    digits, unseen = (load_images("digits", split, size=16) for split in ("train", "test"))
    objectives: list[tuple[str, float, nn.Module]] = [
        *(("beta", beta, BetaVAE(beta)) for beta in (0.25, 0.5, 1.0, 2.0, 4.0)),
        *(("free bits", nats, FreeBits(nats)) for nats in (0.1, 0.25, 0.5, 1.0)),
    ]
    rows: list[Row] = []
    for name, setting, objective in objectives:
        torch.manual_seed(seed)
        model = VAE(digits.image_shape, latent_dim=16, architecture="mlp")
        fit(model, digits, objective=objective, steps=1000, lr=2e-3, seed=seed, progress=False)
        result = evaluate(model, unseen)
        mean, stddev = encode_images(model, unseen)
        dimension_kl = gaussian_kl_per_dimension(mean, 2 * stddev.log()).mean(dim=0)
        costs = knock_out_costs(model, unseen, seed=seed)
        measured: list[tuple[str, str | int, float]] = [
            ("elbo", "", result.elbo),
            ("log_likelihood", "", result.log_likelihood),
            ("kl", "", result.kl),
            ("active_units", "", active_units(model, unseen).count),
        ]
        for rank, j in enumerate(dimension_kl.argsort(descending=True).tolist(), start=1):
            measured.append(("dimension_kl", rank, dimension_kl[j].item()))
            measured.append(("knock_out", rank, costs[j].item()))
        rows += [
            {
                "seed": seed,
                "objective": name,
                "setting": setting,
                "measure": measure,
                "dimension": dimension,
                "value": value,
            }
            for measure, dimension, value in measured
        ]
    return rows


@torch.no_grad()
def knock_out_costs(model: VAE, images: ImageSet, *, seed: int = 0) -> Float[Tensor, " latent"]:
    """What each latent dimension is worth: the log-likelihood lost when its code is drawn blindly.

    A code is drawn for each image; then, one dimension at a time, that dimension is drawn from the
    prior instead, the others staying as they are.

    Args:
        model: the model, on the CPU.
        images: the images, best held out.
        seed: source of the draws; the global random state is left as it was.

    Returns:
        For each dimension the mean loss of log p(x|z), in nats per image. Near 0 where the decoder
        does not listen to the dimension.
    """
    x, generator = images.images.float() / 255, torch.Generator().manual_seed(seed)
    posterior = model.encode(x)
    noise, blind = torch.randn(2, *posterior.mean.shape, generator=generator)
    z = posterior.mean + posterior.stddev * noise
    costs = []
    for j in range(model.latent_dim):
        without = z.clone()
        without[:, j] = blind[:, j]
        costs.append((model.decode(z).log_prob(x) - model.decode(without).log_prob(x)).mean())
    return torch.stack(costs)


class Autoencoder(nn.Module):
    """A plain autoencoder as an objective: the code is the encoder's mean, and no KL is paid.

    The log-variances of the model's encoder are never used, and so never trained. ``kl`` is 0.
    """

    def forward(self, model: VAE, x: Float[Tensor, "batch channels height width"]) -> ELBO:
        """Return the log-likelihood of each image under its own code, in nats."""
        log_likelihood = model.decode(model.encode(x).mean).log_prob(x)
        return ELBO(log_likelihood, log_likelihood, torch.zeros_like(log_likelihood))


class Quality(NamedTuple):
    """How much a set of pictures looks like a set of real ones.

    Attributes:
        far: share of pictures that are farther from every training image than 95 % of the unseen
            images are, in Euclidean distance between pixels.
        confidence: share of a random forest's votes for the class that gets most, mean per
            picture. The forest learnt the classes from the training images.
        variety: effective number of classes, the exponential of the entropy of the classes that
            the forest sees.
    """

    far: float
    confidence: float
    variety: float


class Judge:
    """Measures how much pictures look like those of a data set, in three ways that can all err.

    Args:
        train: the images that the models were trained on, with labels.
        unseen: images of the same kind that no model has seen.
        seed: seed of the random forest.

    Attributes:
        threshold: the distance beyond which a picture counts as far.
    """

    def __init__(self, train: ImageSet, unseen: ImageSet, *, seed: int = 0) -> None:
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.neighbors import NearestNeighbors

        pixels = train.images.flatten(1).numpy() / 255
        self._nearest = NearestNeighbors(n_neighbors=1).fit(pixels)
        self._forest = RandomForestClassifier(random_state=seed).fit(pixels, train.labels)
        self.threshold = float(np.quantile(self.distances(unseen.images / 255), 0.95))

    def distances(self, pictures: Float[Tensor, "n channels height width"]) -> np.ndarray:
        """Return the distance of each picture to the training image nearest to it.

        Args:
            pictures: with pixels in [0, 1].
        """
        return self._nearest.kneighbors(pictures.flatten(1).numpy())[0][:, 0]

    def __call__(self, pictures: Float[Tensor, "n channels height width"]) -> Quality:
        """Measure a set of pictures.

        Args:
            pictures: with pixels in [0, 1].
        """
        votes = self._forest.predict_proba(pictures.flatten(1).numpy())
        shares = np.bincount(votes.argmax(axis=1)) / len(votes)
        shares = shares[shares > 0]
        return Quality(
            far=float((self.distances(pictures) > self.threshold).mean()),
            confidence=float(votes.max(axis=1).mean()),
            variety=float(np.exp(-(shares * np.log(shares)).sum())),
        )


@torch.no_grad()
def draw_from_fitted_normal(
    codes: Float[Tensor, "n latent"], count: int, *, generator: torch.Generator | None = None
) -> Float[Tensor, "count latent"]:
    """Draw from the normal distribution that has the mean and the covariance of some codes.

    Args:
        codes: the codes.
        count: how many to draw.
        generator: source of randomness; the global one when it is not given.
    """
    spread = torch.linalg.cholesky(torch.cov(codes.T))
    noise = torch.randn(count, codes.shape[1], generator=generator)
    return codes.mean(dim=0) + noise @ spread.T


def latent_variable_models(seed: int) -> list[Row]:
    """How good pictures are that PCA, an autoencoder and a VAE invent, for one seed.

    The models are trained on handwritten digits, with 2 and with 10 latents.

    Args:
        seed: seed of the start weights, the batches, the noise, the draws and the judge.

    Returns:
        Rows with the columns seed, latents, model, pictures, measure and value. ``pictures`` says
        what was measured: ``"standard normal"`` and ``"fitted normal"`` are 1,000 decoded draws,
        ``"unseen"`` the reconstructions of unseen digits. The measures are those of
        :class:`Quality`, and ``error``, the mean squared error per pixel of the reconstructions.
    """
    from sklearn.decomposition import PCA

    digits, unseen = (load_images("digits", split, size=16) for split in ("train", "test"))
    x, x_unseen = digits.images / 255, unseen.images / 255
    judge = Judge(digits, unseen, seed=seed)
    rows: list[Row] = []

    def add(latents: int, model: str, pictures: str, measured: dict[str, float]) -> None:
        names: Row = {"seed": seed, "latents": latents, "model": model, "pictures": pictures}
        rows.extend(names | {"measure": m, "value": value} for m, value in measured.items())

    for latents in (2, 10):
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(1000, latents, generator=generator)
        pca = PCA(latents, random_state=seed).fit(x.flatten(1))

        def draw_pca(codes: Tensor, pca: PCA = pca) -> Tensor:
            pixels = torch.as_tensor(pca.inverse_transform(codes.numpy()))
            return pixels.clamp(0, 1).float().unflatten(1, x.shape[1:])

        codes = torch.as_tensor(pca.transform(x_unseen.flatten(1)))
        error = (draw_pca(codes) - x_unseen).square().mean().item()
        # Of the variance along a component, probabilistic PCA takes some for noise.
        scale = torch.as_tensor(pca.explained_variance_ - pca.noise_variance_).sqrt()
        add(latents, "PCA", "unseen", {**judge(draw_pca(codes))._asdict(), "error": error})
        add(latents, "PCA", "standard normal", judge(draw_pca(noise * scale))._asdict())
        for name, objective in (("autoencoder", Autoencoder()), ("VAE", BetaVAE())):
            torch.manual_seed(seed)
            model = VAE(digits.image_shape, latents, architecture="mlp")
            fit(model, digits, objective=objective, steps=800, lr=2e-3, seed=seed, progress=False)
            back = model.reconstruct(x_unseen)
            error = (back - x_unseen).square().mean().item()
            add(latents, name, "unseen", {**judge(back)._asdict(), "error": error})
            codes = encode_images(model, digits).mean
            fitted = draw_from_fitted_normal(codes, 1000, generator=generator)
            for pictures, z in (("standard normal", noise), ("fitted normal", fitted)):
                with torch.no_grad():
                    add(latents, name, pictures, judge(model.decode(z).mean)._asdict())
    return rows


EXPERIMENTS: dict[str, Callable[[int], list[Row]]] = {
    "quick_tour": quick_tour,
    "latent_variable_models": latent_variable_models,
    "kl_divergence": kl_divergence,
}


def run_experiment(name: str, *, folder: str | os.PathLike[str] = FOLDER) -> Path:
    """Run an experiment for every seed, and write its table and how it was made.

    Args:
        name: one of ``EXPERIMENTS``.
        folder: where to write ``NAME.csv`` and ``NAME.json``.

    Returns:
        The path of the table.

    Raises:
        ValueError: there is no such experiment.
        FileNotFoundError: the folder does not exist.
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"name must be one of {', '.join(EXPERIMENTS)}, not {name!r}")
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"cannot write {name}.csv: the folder {folder} does not exist")
    from tqdm.auto import tqdm

    started = time.perf_counter()
    rows = [row for seed in tqdm(SEEDS, desc=name, unit="seed") for row in EXPERIMENTS[name](seed)]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {k: f"{v:.4f}" if isinstance(v, float) else v for k, v in row.items()} for row in rows
    )
    made_by = _provenance(f"tutorial-vae experiment {name}", time.perf_counter() - started)
    write_atomically(folder / f"{name}.json", json.dumps(made_by, indent=2).encode() + b"\n")
    write_atomically(folder / f"{name}.csv", text.getvalue().encode())
    return folder / f"{name}.csv"


def _provenance(command: str, seconds: float) -> dict[str, Any]:
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "command": command,
        "tutorial_vae": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "processor": f"{os.cpu_count()} × {_processor()}",
        "gpu": gpu,
        "seeds": list(SEEDS),
        "seconds": round(seconds),
    }


def _processor() -> str:
    """Return the processor's name; platform.processor is empty on most Linux systems."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
