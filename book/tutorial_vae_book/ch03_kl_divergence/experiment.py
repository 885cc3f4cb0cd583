"""What chapter 03 shows: where the nats of the KL go."""

import torch
from torch import nn

from tutorial_vae.data import load_images
from tutorial_vae.evaluation import active_units, encode_images, evaluate, knock_out_costs
from tutorial_vae.models import VAE
from tutorial_vae.objectives import BetaVAE, FreeBits, gaussian_kl_per_dimension
from tutorial_vae.training import fit

from ..grid import Experiment
from ..table import Row


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
        ``dimension_kl`` and ``knock_out`` (:func:`~tutorial_vae.evaluation.knock_out_costs`)
        belong to one dimension each, in nats per image; dimensions are numbered from the largest
        KL on.
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


EXPERIMENTS = {"kl_divergence": Experiment(kl_divergence)}
