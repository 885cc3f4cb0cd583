"""The parts of the KL and their estimators, against exact mixtures and published values."""

import math
from itertools import combinations

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

import tutorial_vae as tv
from tutorial_vae.objectives import importance_weights


@pytest.mark.parametrize(("batch_size", "images"), [(2, 2), (2, 10), (64, 1000), (100, 100)])
def test_stratified_weights_sum_to_one_and_weighted_ones_do_not(
    batch_size: int, images: int
) -> None:
    own, other = importance_weights(batch_size, images=images, estimator="stratified")
    assert own + (batch_size - 1) * other == pytest.approx(1)
    assert own == pytest.approx(1 / images)
    own, other = importance_weights(batch_size, images=images, estimator="weighted")
    assert own + (batch_size - 1) * other == pytest.approx(1 / images)


def test_stratified_weights_are_the_papers_averaged_over_its_arbitrary_choice() -> None:
    n, m = 50, 7  # the paper's N, and M others in a batch of M + 1
    papers = [1 / m] * (m - 1) + [(n - m) / (n * m)]
    own, other = importance_weights(m + 1, images=n, estimator="stratified")
    assert other == pytest.approx(sum(papers) / m)
    assert own == pytest.approx(1 - sum(papers))


def test_stratified_weights_have_no_bias_over_all_batches() -> None:
    generator = torch.Generator().manual_seed(0)
    density = torch.rand(7, generator=generator, dtype=torch.float64)  # q(z|x) of seven images
    own, other = importance_weights(3, images=7, estimator="stratified")
    estimates = [
        own * density[0] + other * (density[i] + density[j])
        for i, j in combinations(range(1, 7), 2)
    ]
    torch.testing.assert_close(torch.stack(estimates).mean(), density.mean())


def _posteriors(n: int, d: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(n + d)
    mean = torch.randn(n, d, generator=generator, dtype=torch.float64)
    log_var = torch.randn(n, d, generator=generator, dtype=torch.float64) - 1
    noise = torch.randn(n, d, generator=generator, dtype=torch.float64)
    return mean + (0.5 * log_var).exp() * noise, mean, log_var


def test_a_batch_that_is_the_whole_set_gives_the_exact_parts() -> None:
    z, mean, log_var = _posteriors(40, 3)
    parts = tv.kl_decomposition(z, mean, log_var, images=40, estimator="stratified")
    uniform = Categorical(logits=torch.zeros(40, dtype=torch.float64))
    normal = Normal(mean, (0.5 * log_var).exp())
    joint = MixtureSameFamily(uniform, Independent(normal, 1)).log_prob(z)
    marginals = sum(
        MixtureSameFamily(uniform, Normal(mean[:, j], normal.stddev[:, j])).log_prob(z[:, j])
        for j in range(3)
    )
    torch.testing.assert_close(parts.total_correlation, joint - marginals)
    torch.testing.assert_close(parts.mutual_information, normal.log_prob(z).sum(dim=1) - joint)
    prior = Normal(0.0, 1.0).log_prob(z).sum(dim=1)
    torch.testing.assert_close(parts.dimension_wise_kl, marginals - prior)


@pytest.mark.parametrize("estimator", ["weighted", "stratified"])
def test_parts_add_up_to_the_kl(estimator: str) -> None:
    z, mean, log_var = _posteriors(30, 4)
    parts = tv.kl_decomposition(z, mean, log_var, images=500, estimator=estimator)
    sampled = Normal(mean, (0.5 * log_var).exp()).log_prob(z) - Normal(0.0, 1.0).log_prob(z)
    torch.testing.assert_close(sum(parts), sampled.sum(dim=1))
    # In expectation that is the closed form: average over fresh draws.
    torch.manual_seed(0)
    total = torch.stack(
        [
            sum(
                tv.kl_decomposition(
                    mean + (0.5 * log_var).exp() * torch.randn_like(mean),
                    mean,
                    log_var,
                    images=500,
                    estimator=estimator,
                )
            ).mean()
            for _ in range(500)
        ]
    )
    error = total.std().item() / math.sqrt(500)
    closed = tv.gaussian_kl(mean, log_var).mean().item()
    assert total.mean().item() == pytest.approx(closed, abs=4 * error)


@pytest.mark.slow
@pytest.mark.parametrize("d", [1, 10])
def test_total_correlation_published_in_disentanglement_lib(d: int) -> None:
    n = 10_000 if d > 1 else 500
    z = torch.randn(n, d, generator=torch.Generator().manual_seed(0))
    same = torch.zeros_like(z)
    estimate = tv.total_correlation(z, same, same, images=n).mean().item()
    # It leaves the weights out: (d − 1) ln(NM), with the batch as the whole set. −82.893 at 10.
    unweighted = estimate - (d - 1) * math.log(n * n)
    assert unweighted == pytest.approx(-(d - 1) * math.log(n), abs=1e-3)


def test_total_correlation_of_equal_posteriors_is_nothing_when_weights_sum_to_one() -> None:
    z = torch.randn(100, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    same = torch.zeros_like(z)
    stratified = tv.total_correlation(z, same, same, images=5000, estimator="stratified")
    torch.testing.assert_close(stratified, torch.zeros(100, dtype=torch.float64))
    weighted = tv.total_correlation(z, same, same, images=5000)
    torch.testing.assert_close(weighted, torch.full_like(weighted, 9 * math.log(5000)))


def test_dependent_latents_have_the_total_correlation_of_their_gaussian() -> None:
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(3000, 1, generator=generator)
    mean = torch.cat([first, 0.8 * first + 0.6 * torch.randn(3000, 1, generator=generator)], dim=1)
    log_var = torch.full_like(mean, math.log(0.04))
    z = mean + 0.2 * torch.randn(3000, 2, generator=generator)
    estimate = tv.total_correlation(z, mean, log_var, images=3000, estimator="stratified")
    # The aggregate is Gaussian, with variances of 1.04 and a covariance of 0.8.
    truth = -0.5 * math.log(1 - (0.8 / 1.04) ** 2)
    assert estimate.mean().item() == pytest.approx(truth, abs=0.05)


def test_beta_of_one_is_the_elbo_and_more_weights_the_total_correlation() -> None:
    torch.manual_seed(0)
    model = tv.VAE((1, 16, 16), 3, architecture="mlp")
    x = torch.rand(6, 1, 16, 16)
    results = []
    for objective in (
        tv.BetaVAE(1.0),
        tv.BetaTCVAE(1.0, images=60),
        tv.BetaTCVAE(5.0, images=60, estimator="stratified"),
    ):
        torch.manual_seed(1)
        results.append(objective(model, x))
    elbo, same, weighted = results
    assert torch.equal(same.elbo, elbo.elbo)
    torch.manual_seed(1)
    posterior = model.encode(x)
    correlation = tv.total_correlation(
        posterior.rsample(),
        posterior.mean,
        2 * posterior.stddev.log(),
        images=60,
        estimator="stratified",
    )
    torch.testing.assert_close(weighted.elbo, elbo.elbo - 4 * correlation)


def test_rows_computed_in_pieces_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    z, mean, log_var = _posteriors(23, 3)
    mean.requires_grad_()

    def parts_and_gradient() -> tuple[torch.Tensor, torch.Tensor]:
        parts = tv.kl_decomposition(z, mean, log_var, images=99, estimator="stratified")
        (gradient,) = torch.autograd.grad(parts.total_correlation.sum(), mean)
        return torch.stack(parts), gradient

    whole = parts_and_gradient()
    monkeypatch.setattr("tutorial_vae.objectives.beta_tcvae._CHUNK", 5 * mean.numel())
    torch.testing.assert_close(parts_and_gradient(), whole)


def test_bad_arguments_are_named() -> None:
    z = torch.zeros(4, 2)
    with pytest.raises(ValueError, match="images must count the whole training set"):
        tv.total_correlation(z, z, z, images=3)
    with pytest.raises(ValueError, match="estimator must be one of"):
        tv.total_correlation(z, z, z, images=9, estimator="exact")
    with pytest.raises(ValueError, match="batch_size must be at least 2"):
        importance_weights(1, images=9, estimator="stratified")
    with pytest.raises(ValueError, match="images must be a whole number"):
        importance_weights(1, images=0, estimator="weighted")
