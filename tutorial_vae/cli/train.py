"""The verb ``train``: trains a VAE."""

import argparse
import sys
from pathlib import Path

from .options import (
    DATA_HELP,
    add_device,
    add_image_options,
    add_training_options,
    add_verb,
    chosen_images,
    need_folder,
)


def add(verbs: argparse._SubParsersAction) -> None:
    """Add the verb."""
    verb = add_verb(
        verbs,
        "train",
        "train a VAE and measure its ELBO on held-out images",
        "tutorial-vae train digits -o digits.safetensors",
    )
    verb.add_argument("data", metavar="DATA", help=DATA_HELP)
    verb.add_argument("-o", "--output", type=Path, metavar="MODEL", required=True)
    add_image_options(verb)
    verb.add_argument("--architecture", default="conv", help="conv (the default), mlp or linear")
    verb.add_argument(
        "--likelihood",
        default="bernoulli",
        help="bernoulli (the default), continuous_bernoulli or gaussian",
    )
    verb.add_argument("--latent-dim", type=int, default=10, metavar="N")
    verb.add_argument("--beta", type=float, default=1.0, help="weight of the KL")
    add_training_options(verb)
    verb.add_argument(
        "--checkpoint", type=Path, metavar="FILE", help="go on from here when it exists"
    )
    add_device(verb)
    verb.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    import torch

    from ..evaluation import evaluate
    from ..models import VAE, save_model
    from ..objectives import BetaVAE
    from ..training import fit

    need_folder(options.output)
    train, test = (chosen_images(options.data, split, options) for split in ("train", "test"))
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
