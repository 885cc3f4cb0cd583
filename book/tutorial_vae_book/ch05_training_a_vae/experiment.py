"""What chapter 05 shows: broken VAEs beside a healthy one, and what the likelihood does."""

import dataclasses
import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn.functional import binary_cross_entropy_with_logits

from tutorial_vae.data import ImageSet, load_images
from tutorial_vae.evaluation import Judge, active_units, evaluate, knock_out_costs
from tutorial_vae.models import VAE
from tutorial_vae.objectives import ELBO, BetaVAE, FreeBits, gaussian_kl
from tutorial_vae.training import DivergenceError, fit

from ..grid import Experiment
from ..table import Row

FAULTS = ("mean, not sum", "flipped sign", "forgotten logarithm", "wrong width", "no KL")

STEPS = 800
LR = 2e-3
HURRIED_LR = 2e-2
WARM_UP = 400  # steps

# The objective that is a plain sum of squared errors is, up to its constant, a Gaussian of this
# standard deviation.
SQUARED_ERROR_WIDTH = 0.5**0.5


class FaultyObjective(nn.Module):
    """The evidence lower bound with one well-known mistake in it.

    Args:
        fault: one of ``FAULTS``. ``"mean, not sum"`` averages the log-likelihood over the pixels,
            ``"flipped sign"`` adds the KL, ``"forgotten logarithm"`` leaves -log σ² out of it,
            ``"wrong width"`` draws latents as if the log-variance were the standard deviation, and
            ``"no KL"`` leaves it out.
    """

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault = fault

    def forward(self, model: VAE, x: Float[Tensor, "batch channels height width"]) -> ELBO:
        """Return what the faulty code maximises, and the parts of the bound as it draws them."""
        mean, log_var = model.encoder(x)
        width = log_var if self.fault == "wrong width" else (0.5 * log_var).exp()
        log_likelihood = model.decode(mean + width * torch.randn_like(mean)).log_prob(x)
        kl = gaussian_kl(mean, log_var)
        objective = {
            "mean, not sum": log_likelihood / x[0].numel() - kl,
            "flipped sign": log_likelihood + kl,
            "forgotten logarithm": log_likelihood
            - 0.5 * (mean.square() + log_var.exp() - 1).sum(dim=1),
            "wrong width": log_likelihood - kl,
            "no KL": log_likelihood,
        }[self.fault]
        return ELBO(objective, log_likelihood, kl)


class WarmUp(nn.Module):
    """The evidence lower bound with a KL whose weight grows from 0 to 1.

    Args:
        steps: steps until the weight is 1; it grows evenly.
    """

    step: Tensor

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.register_buffer("step", torch.tensor(0))

    def forward(self, model: VAE, x: Float[Tensor, "batch channels height width"]) -> ELBO:
        """Return the bound of each image with the weight of this step."""
        beta = min(1.0, self.step.item() / self.steps)
        self.step += 1
        return BetaVAE(beta)(model, x)


class PixelByPixel(Distribution):
    """Bernoulli pixels, each of which also sees the pixels before it, row by row.

    Args:
        logits: what the code says of each pixel.
        weight: what each earlier pixel adds to the logits, strictly lower triangular.
    """

    def __init__(
        self,
        logits: Float[Tensor, "batch channels height width"],
        weight: Float[Tensor, "pixels pixels"],
    ) -> None:
        self.logits, self.weight = logits, weight
        super().__init__(logits.shape[:1], logits.shape[1:], validate_args=False)

    def log_prob(self, value: Float[Tensor, "batch channels height width"]) -> Tensor:
        """Return the log-probability of each image, in nats summed over pixels."""
        logits = self.logits.flatten(1) + value.flatten(1) @ self.weight.T
        losses = binary_cross_entropy_with_logits(logits, value.flatten(1), reduction="none")
        return -losses.sum(dim=1)

    @property
    def mean(self) -> Float[Tensor, "batch channels height width"]:
        """Images in which each pixel, in turn, is set to its probability given those before it."""
        logits = self.logits.flatten(1)
        pixels = torch.zeros_like(logits)
        for i, row in enumerate(self.weight):
            pixels[:, i] = (logits[:, i] + pixels @ row).sigmoid()
        return pixels.view_as(self.logits)


class StrongDecoderVAE(VAE):
    """A VAE whose decoder, besides the code, sees all earlier pixels of the image.

    Args:
        image_shape: channels, height and width of the images.
        latent_dim: number of latent dimensions.
    """

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int = 10) -> None:
        super().__init__(image_shape, latent_dim, architecture="mlp")
        pixels = math.prod(image_shape)
        self.earlier = nn.Parameter(torch.zeros(pixels, pixels))

    def decode(self, z: Float[Tensor, "batch latent"]) -> Distribution:
        """Return the likelihood of images that are written pixel by pixel."""
        return PixelByPixel(self.decoder(z), self.earlier.tril(-1))


def binarised(images: ImageSet) -> ImageSet:
    """Return images with every pixel black or white, whichever is nearer.

    Args:
        images: grey images.
    """
    return dataclasses.replace(images, images=(images.images > 127).to(torch.uint8) * 255)


def training_a_vae(seed: int) -> list[Row]:
    """Healthy and broken VAEs, and VAEs of several likelihoods, on digits, for one seed.

    Args:
        seed: seed of the start weights, the batches, the noise, the draws and the judge.

    Returns:
        Rows with the columns seed, run, measure and value. A run whose training diverged has the
        one row ``diverged`` with the value 1. Of the others, ``told`` is the objective at the end
        of training as the run itself saw it; ``elbo``, ``log_likelihood`` and ``kl`` are measured
        by :func:`~tutorial_vae.evaluation.evaluate` on unseen digits, all in nats per image.
        ``active_units`` is a count, and ``dimensions_used`` counts the latents whose
        :func:`~tutorial_vae.evaluation.knock_out_costs` exceed 0.1 nats. ``error`` is the mean
        squared error per pixel of the reconstructions; ``far``, ``confidence`` and ``variety``
        are of 1,000 mean pictures decoded from the prior, and ``drawn_far`` is of pictures whose
        pixels, too, were drawn (:class:`~tutorial_vae.evaluation.Quality`). ``codes_far`` and
        ``codes_drawn_far`` are the same of pictures decoded from one draw of the code of each
        unseen digit.
    """
    digits, unseen = (load_images("digits", split, size=16) for split in ("train", "test"))
    grey = (digits, unseen, Judge(digits, unseen, seed=seed))
    black, white = binarised(digits), binarised(unseen)
    binary = (black, white, Judge(black, white, seed=seed))
    rows: list[Row] = []

    def add(
        run: str,
        *,
        objective: nn.Module | None = None,
        kind: type[VAE] = VAE,
        likelihood: str = "bernoulli",
        width: float | None = None,
        lr: float = LR,
        sets: tuple[ImageSet, ImageSet, Judge] = grey,
    ) -> None:
        train, test, judge = sets
        torch.manual_seed(seed)
        if kind is StrongDecoderVAE:
            model: VAE = StrongDecoderVAE(train.image_shape)
        else:
            model = VAE(train.image_shape, architecture="mlp", likelihood=likelihood)
        if width is not None:
            model.log_scale.data.fill_(math.log(width))
            model.log_scale.requires_grad_(False)
        try:
            history = fit(
                model, train, objective=objective, steps=STEPS, lr=lr, seed=seed, progress=False
            )
        except DivergenceError:
            rows.append({"seed": seed, "run": run, "measure": "diverged", "value": 1.0})
            return
        result = evaluate(model, test, seed=seed)
        x = test.images / 255
        generator = torch.Generator().manual_seed(seed)
        z = torch.randn(1000, model.latent_dim, generator=generator)
        with torch.no_grad():
            invented = model.decode(z)
        measured = {
            "diverged": 0.0,
            "told": history.elbo[-1],
            "elbo": result.elbo,
            "log_likelihood": result.log_likelihood,
            "kl": result.kl,
            "active_units": float(active_units(model, test).count),
            "dimensions_used": float((knock_out_costs(model, test, seed=seed) > 0.1).sum()),
            "error": (model.reconstruct(x) - x).square().mean().item(),
            **judge(invented.mean.detach().clamp(0, 1))._asdict(),
        }
        if kind is VAE:
            torch.manual_seed(seed)
            measured["drawn_far"] = judge(invented.sample().clamp(0, 1)).far
            with torch.no_grad():
                coded = model.decode(model.encode(x).sample())
            measured["codes_far"] = judge(coded.mean.clamp(0, 1)).far
            measured["codes_drawn_far"] = judge(coded.sample().clamp(0, 1)).far
        rows.extend(
            {"seed": seed, "run": run, "measure": name, "value": value}
            for name, value in measured.items()
        )

    add("healthy")
    for fault in FAULTS:
        add(fault, objective=FaultyObjective(fault))
    add("strong decoder", kind=StrongDecoderVAE)
    add("strong decoder, free bits", kind=StrongDecoderVAE, objective=FreeBits(0.5))
    add("strong decoder, warm-up", kind=StrongDecoderVAE, objective=WarmUp(WARM_UP))
    add("hurried", lr=HURRIED_LR)
    add("hurried, warm-up", lr=HURRIED_LR, objective=WarmUp(WARM_UP))
    add("continuous Bernoulli", likelihood="continuous_bernoulli")
    add("Gaussian, squared error", likelihood="gaussian", width=SQUARED_ERROR_WIDTH)
    add("Gaussian, width learnt", likelihood="gaussian")
    add("Bernoulli, binary pixels", sets=binary)
    add("strong decoder, binary pixels", kind=StrongDecoderVAE, sets=binary)
    return rows


EXPERIMENTS = {"training_a_vae": Experiment(training_a_vae)}
