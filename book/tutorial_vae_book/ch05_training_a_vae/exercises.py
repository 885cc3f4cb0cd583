"""The exercises of chapter 5, Training a VAE."""

import torch
from torch import Tensor

from ..checking import Exercise, random_input


def _best_width(images: Tensor, means: Tensor) -> Tensor:
    return (images - means).square().mean().sqrt()


def _bound(pixels: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
    kl = 0.5 * (mean.square() + log_var.exp() - 1 - log_var).sum(dim=1)
    return pixels.sum(dim=1) - kl


def _differs(candidates: Tensor, right: Tensor) -> Tensor:
    return ((candidates - right).abs() > 1e-4).any(dim=1).double()


def _broken(candidates: Tensor, pixels: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
    return _differs(candidates, _bound(pixels, mean, log_var))


def _candidates(seed: int, order: list[int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return what eight programs compute for one batch, and what they compute it from."""
    pixels = -random_input(4, 30, seed=seed).square()
    mean, log_var = random_input(2, 4, 6, seed=seed + 1)
    right = _bound(pixels, mean, log_var)
    kl = pixels.sum(dim=1) - right
    candidates = torch.stack(
        [
            right,
            pixels.mean(dim=1) - kl,
            pixels.sum(dim=1) + kl,
            pixels.sum(dim=1),
            pixels.sum(dim=1) - 0.5 * (mean.square() + log_var.exp() - 1).sum(dim=1),
            pixels.sum(dim=1) - kl / 6,
            right.float().double(),  # rounded to single precision, and no mistake
            right.flip(0),  # the right numbers for the wrong images
        ]
    )
    return candidates[order], pixels, mean, log_var


def _warmed_up(log_likelihood: Tensor, kl: Tensor, step: int, length: int) -> Tensor:
    return log_likelihood - min(1.0, step / length) * kl


EXERCISES: dict[str, Exercise] = {
    "training-1": Exercise(
        inputs=[
            # Means that are off on average, so that a standard deviation is another number.
            (random_input(3, 1, 4, 5, seed=0), random_input(3, 1, 4, 5, seed=1) + 1),
            (random_input(2, 3, 2, 2, seed=2), random_input(2, 3, 2, 2, seed=3) / 4),
            (random_input(4, 1, 3, 3, seed=4), random_input(4, 1, 3, 3, seed=5) * 3),
        ],
        answer=_best_width,
        mistakes={
            "This is the best variance; the width is its square root.": (
                lambda images, means: (images - means).square().mean()
            ),
            "This is the best log-variance, not the width.": (
                lambda images, means: (images - means).square().mean().log()
            ),
            "This is the logarithm of the best width.": (
                lambda images, means: _best_width(images, means).log()
            ),
            "This sums over the pixels and averages over the images. Every pixel has the constant "
            "of (4), and so a share in the average.": (
                lambda images, means: (images - means).square().sum(dim=(1, 2, 3)).mean().sqrt()
            ),
            "This sums over all pixels; more pixels must not make a wider Gaussian.": (
                lambda images, means: (images - means).square().sum().sqrt()
            ),
            "This is the mean distance; the distances are squared in (4), and large ones count "
            "for more.": (lambda images, means: (images - means).abs().mean()),
            "This is the spread of the differences around their own mean. The Gaussian's centre is "
            "fixed: distances count from there.": (lambda images, means: (images - means).std()),
            "This is the spread of the differences around their own mean, whatever the divisor. "
            "The Gaussian's centre is fixed: distances count from there.": (
                lambda images, means: (images - means).std(correction=0)
            ),
            "This is the variance of the differences around their own mean. Distances count from "
            "the Gaussian's centre, and the width is a square root.": (
                lambda images, means: (images - means).var()
            ),
            "This averages widths of single images; average the squares, then take the root.": (
                lambda images, means: (images - means).square().mean(dim=(1, 2, 3)).sqrt().mean()
            ),
            "These are squares summed over each image. Average them over the pixels too, and take "
            "the root.": (
                lambda images, means: (images - means).square().sum(dim=(1, 2, 3)).mean()
            ),
            "This is the sum of squares. Average it over the pixels, and take the root.": (
                lambda images, means: (images - means).square().sum()
            ),
            "This is the width at which the ½ of (4) has gone to the wrong place: it is too large "
            "by √2.": (lambda images, means: _best_width(images, means) * 2**0.5),
            "This is too small by √2: where did the ½ before the logarithm go?": (
                lambda images, means: _best_width(images, means) / 2**0.5
            ),
            "This is one width for each image; one is asked for all of them.": (
                lambda images, means: (images - means).square().mean(dim=(1, 2, 3)).sqrt()
            ),
            "This is one width for each pixel; one is asked for all of them.": (
                lambda images, means: (images - means).square().mean(dim=0).sqrt()
            ),
        },
    ),
    "training-2": Exercise(
        inputs=[
            _candidates(0, [1, 0, 2, 3, 6, 4, 5, 7]),
            _candidates(10, [7, 2, 0, 4, 6]),
            _candidates(20, [3, 5, 1, 6, 0, 0, 2, 4, 7]),
        ],
        answer=_broken,
        mistakes={
            "This marks the right ones; mark the broken ones.": (
                lambda *inputs: 1 - _broken(*inputs)
            ),
            "Your own bound averages over the pixels.": (
                lambda candidates, pixels, mean, log_var: _differs(
                    candidates,
                    _bound(pixels, mean, log_var) - pixels.sum(dim=1) + pixels.mean(dim=1),
                )
            ),
            "Your own bound adds the KL.": (
                lambda candidates, pixels, mean, log_var: _differs(
                    candidates, 2 * pixels.sum(dim=1) - _bound(pixels, mean, log_var)
                )
            ),
            "Your own KL averages over the latents.": (
                lambda candidates, pixels, mean, log_var: _differs(
                    candidates,
                    pixels.sum(dim=1) - (pixels.sum(dim=1) - _bound(pixels, mean, log_var)) / 6,
                )
            ),
            "Rounding is no mistake: compare with a tolerance.": (
                lambda candidates, pixels, mean, log_var: (
                    (candidates != _bound(pixels, mean, log_var)).any(dim=1).double()
                )
            ),
            "One of them has the right mean over the batch, and the wrong value for each image.": (
                lambda candidates, pixels, mean, log_var: (
                    (candidates.mean(dim=1) - _bound(pixels, mean, log_var).mean()).abs() > 1e-4
                ).double()
            ),
            "One wrong image is enough to break a program; you ask that all of them are wrong, or "
            "mark each image by itself.": (
                lambda candidates, pixels, mean, log_var: (
                    (candidates - _bound(pixels, mean, log_var)).abs() > 1e-4
                ).double()
            ),
            "None is marked. Most of these programs are broken.": (
                lambda candidates, *_: torch.zeros(len(candidates), dtype=torch.float64)
            ),
            "All are marked. Some of these programs are right.": (
                lambda candidates, *_: torch.ones(len(candidates), dtype=torch.float64)
            ),
        },
    ),
    "training-3": Exercise(
        inputs=[
            (random_input(5, seed=0) - 90, random_input(5, seed=1).square() + 5, 30, 120),
            (random_input(3, seed=2) - 10, random_input(3, seed=3).square() + 1, 500, 400),
            (random_input(4, seed=4) - 50, random_input(4, seed=5).square() + 3, 0, 10),
        ],
        answer=_warmed_up,
        mistakes={
            "The weight goes on growing past 1 when the warm-up is over.": (
                lambda log_likelihood, kl, step, length: log_likelihood - step / length * kl
            ),
            "The weight falls; it has to grow from 0 to 1.": (
                lambda log_likelihood, kl, step, length: (
                    log_likelihood - max(0.0, 1 - step / length) * kl
                )
            ),
            "The weight is 0 until the end of the warm-up; let it grow evenly.": (
                lambda log_likelihood, kl, step, length: (
                    log_likelihood - min(1, step // length) * kl
                )
            ),
            "The KL has its full weight from the first step on: nothing is warmed up.": (
                lambda log_likelihood, kl, step, length: log_likelihood - kl
            ),
            "The weight is on the log-likelihood; it belongs to the KL.": (
                lambda log_likelihood, kl, step, length: (
                    min(1.0, step / length) * log_likelihood - kl
                )
            ),
            "The weight is on both halves; the log-likelihood keeps its own.": (
                lambda log_likelihood, kl, step, length: (
                    min(1.0, step / length) * (log_likelihood - kl)
                )
            ),
            "The KL is added; it has to be subtracted.": (
                lambda log_likelihood, kl, step, length: (
                    log_likelihood + min(1.0, step / length) * kl
                )
            ),
            "This is a loss, the negative of the objective.": (
                lambda log_likelihood, kl, step, length: (
                    min(1.0, step / length) * kl - log_likelihood
                )
            ),
            "This is one number for the whole batch; give one value per image.": (
                lambda *inputs: _warmed_up(*inputs).mean()
            ),
            "This is the sum over the batch; give one value per image.": (
                lambda *inputs: _warmed_up(*inputs).sum()
            ),
            "The weight is one step ahead: at step 0 it is 0.": (
                lambda log_likelihood, kl, step, length: _warmed_up(
                    log_likelihood, kl, step + 1, length
                )
            ),
        },
    ),
}
