"""What chapter 06 shows: samples, paths, rate and distortion, and how far factors come apart."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cosine_similarity

from tutorial_vae.data import ImageSet, load_images
from tutorial_vae.evaluation import Judge, active_units, dci, encode_images, mig, rate_distortion
from tutorial_vae.evaluation.baselines import fit_pca, flat_pixels
from tutorial_vae.models import VAE, DenseDecoder, fresh_copy
from tutorial_vae.objectives import BetaTCVAE, BetaVAE, gaussian_kl_per_dimension
from tutorial_vae.training import fit

from ..grid import Experiment
from ..table import Row

Add = Callable[[str, int | float, str, dict[str, float]], None]

BETAS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
HIDDEN = 64  # units of the decoder, few enough for a page to hold the weights of several
FORESTS = 2000  # sprites that the forests of DCI see
TURNS = 20  # random rotations of a code


def coarse_factors(sprites: ImageSet) -> Tensor:
    """Return the factors of sprites with orientations and places in steps of four.

    Args:
        sprites: a part of dSprites.

    Returns:
        Indices of shape (n, 5) with 3, 6, 10, 8 and 8 values: few enough that twenty bins of a
        latent, and a forest that sees two thousand sprites, can tell all of them apart.
    """
    if sprites.factors is None:
        raise ValueError("sprites must have factors, such as those of load_images('dsprites')")
    return sprites.factors // torch.tensor([1, 1, 4, 4, 4])


def random_rotation(size: int, *, seed: int) -> Tensor:
    """Return a random orthogonal matrix, all of them alike in probability.

    Args:
        size: number of rows.
        seed: source of randomness.
    """
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(size, size, generator=generator, dtype=torch.float64)
    q, r = torch.linalg.qr(noise)
    return q * r.diagonal().sign()


def latent_space(seed: int) -> list[Row]:
    """Latent spaces of VAEs trained on digits and on sprites, for one seed.

    Args:
        seed: seed of the start weights, the batches, the noise, the draws and the judges.

    Returns:
        Rows with the columns seed, study, setting, subject, measure and value. In the study
        ``"beta"`` the setting is β; ``rate``, ``distortion`` and ``squared_error`` are those of
        :class:`~tutorial_vae.evaluation.RateDistortion` on unseen digits, and with ``train_``
        before them on the training digits. ``active`` and ``alive`` (KL of at least 0.1
        nats) count dimensions; ``far``, ``confidence`` and ``variety`` are of 1,000 decoded draws
        from the prior. In ``"prior path"`` and
        ``"image path"`` the setting is the number of latents, and the pictures measured lie half
        way between two draws or two codes of unseen digits. In ``"factors"`` the setting is 0;
        ``mig``, ``disentanglement``, ``completeness`` and ``informativeness`` are scores on unseen
        sprites, and ``rotated`` is the mean ``mig`` of twenty random rotations of the code.
    """
    rows: list[Row] = []

    def add(study: str, setting: int | float, subject: str, measured: dict[str, float]) -> None:
        names: Row = {"seed": seed, "study": study, "setting": setting, "subject": subject}
        rows.extend(names | {"measure": m, "value": float(v)} for m, v in measured.items())

    digits, unseen = (load_images("digits", split, size=16) for split in ("train", "test"))
    judge = Judge(digits, unseen, seed=seed)
    for beta in BETAS:
        model = _trained(digits, 8, BetaVAE(beta), seed)
        add("beta", beta, "VAE", _measured(model, digits, unseen, judge, seed))
        if beta == 1:
            _add_paths(add, 8, model, unseen, judge, seed)
            wide = _trained(digits, 8, BetaVAE(), seed, hidden=None)
            add("beta", beta, "400 hidden units", _measured(wide, digits, unseen, judge, seed))
            bare = fresh_copy(model, seed=seed)
            add("beta", beta, "untrained", _measured(bare, digits, unseen, judge, seed))
    add("beta", 0, "unseen digits", judge(unseen.images / 255)._asdict())
    _add_paths(add, 64, _trained(digits, 64, BetaVAE(), seed), unseen, judge, seed)
    _add_factors(add, seed)
    return rows


def _trained(
    images: ImageSet, latent_dim: int, objective: nn.Module, seed: int, hidden: int | None = HIDDEN
) -> VAE:
    torch.manual_seed(seed)
    model = VAE(images.image_shape, latent_dim, architecture="mlp")
    if hidden is not None:
        model.decoder = DenseDecoder(images.image_shape, latent_dim, hidden)
    fit(model, images, objective=objective, steps=1000, lr=2e-3, seed=seed, progress=False)
    return model


def _measured(
    model: VAE, train: ImageSet, unseen: ImageSet, judge: Judge, seed: int
) -> dict[str, float]:
    measured = {}
    for name, images in (("", unseen), ("train_", train)):
        [point] = rate_distortion([model], images, seed=seed)
        measured[f"{name}rate"] = point.rate
        measured[f"{name}distortion"] = point.distortion
        measured[f"{name}squared_error"] = point.mean_squared_error
    mean, stddev = encode_images(model, unseen)
    kl = gaussian_kl_per_dimension(mean, 2 * stddev.log()).mean(dim=0)
    measured["active"] = active_units(model, unseen).count
    measured["alive"] = int((kl >= 0.1).sum())
    invented = model.sample(1000, generator=torch.Generator().manual_seed(seed))
    return {**measured, **judge(invented)._asdict()}


@torch.no_grad()
def _add_paths(
    add: Add, latents: int, model: VAE, unseen: ImageSet, judge: Judge, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    codes = encode_images(model, unseen).mean
    order = torch.randperm(len(unseen), generator=generator)
    half = len(unseen) // 2
    ends = {
        "prior path": torch.randn(2, 1000, latents, generator=generator),
        "image path": codes[order[: 2 * half]].unflatten(0, (2, half)),
    }
    for study, (start, end) in ends.items():
        angle = cosine_similarity(start, end).acos()[:, None]
        middles = {
            "ends": start,
            "linear": (start + end) / 2,
            "spherical": (start + end) * (angle / 2).sin() / angle.sin(),
        }
        if study == "prior path":
            narrow = torch.randn(1000, latents, generator=generator) / 2**0.5
            middles["narrow draws"] = narrow
        for subject, z in middles.items():
            norm = z.norm(dim=1).mean() / latents**0.5
            quality = judge(model.decode(z).mean)
            add(study, latents, subject, {"norm": norm.item(), **quality._asdict()})
        faded = (model.decode(start).mean + model.decode(end).mean) / 2
        add(study, latents, "cross-fade", judge(faded)._asdict())


def _add_factors(add: Add, seed: int) -> None:
    sprites = load_images("dsprites", size=16, limit=8000)
    unseen = load_images("dsprites", "test", size=16, limit=4000)
    factors = coarse_factors(unseen)

    def add_scores(subject: str, codes: Tensor) -> None:
        whole = mig(codes, factors)
        forest = dci(codes[:FORESTS], factors[:FORESTS], seed=seed)
        turned = [
            mig(codes @ random_rotation(codes.shape[1], seed=turn), factors).score
            for turn in range(TURNS)
        ]
        scores = {
            "mig": whole.score,
            "rotated": float(np.mean(turned)),
            "disentanglement": forest.disentanglement,
            "completeness": forest.completeness,
            "informativeness": forest.informativeness,
        }
        gaps = zip(unseen.factor_names, whole.gaps, forest.accuracies, strict=True)
        for name, gap, accuracy in gaps:
            scores |= {f"gap of {name}": float(gap), f"accuracy of {name}": float(accuracy)}
        add("factors", 0, subject, scores)

    objectives = {
        "VAE": BetaVAE(),
        "β-VAE": BetaVAE(4.0),
        "β-TCVAE": BetaTCVAE(6.0, images=len(sprites)),
    }
    for subject, objective in objectives.items():
        torch.manual_seed(seed)
        model = VAE(sprites.image_shape, 6, architecture="mlp")
        fit(model, sprites, objective=objective, steps=1500, lr=2e-3, seed=seed, progress=False)
        add_scores(subject, encode_images(model, unseen).mean.double())
    add_scores("untrained", encode_images(fresh_copy(model, seed=seed), unseen).mean.double())
    pixels = flat_pixels(unseen.images)
    add_scores(
        "PCA", torch.as_tensor(fit_pca(flat_pixels(sprites.images), 6).transform(pixels)).double()
    )
    blocks = avg_pool2d(unseen.images.double() / 255, 4).flatten(1)
    add_scores("pixels, 4 × 4", blocks)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(factors.shape, generator=generator, dtype=torch.float64)
    add_scores("noise", noise)
    add_scores("the factors themselves", factors + 0.05 * noise)


EXPERIMENTS = {"latent_space": Experiment(latent_space)}
