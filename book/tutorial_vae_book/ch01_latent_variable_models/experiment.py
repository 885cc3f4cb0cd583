"""What chapter 01 shows: the pictures that PCA, an autoencoder and a VAE invent."""

import torch
from torch import Tensor

from tutorial_vae.data import load_images
from tutorial_vae.evaluation import Judge, draw_from_fitted_normal, encode_images
from tutorial_vae.models import VAE
from tutorial_vae.objectives import Autoencoder, BetaVAE
from tutorial_vae.training import fit

from ..grid import Experiment
from ..table import Row


def latent_variable_models(seed: int) -> list[Row]:
    """How good pictures are that PCA, an autoencoder and a VAE invent, for one seed.

    The models are trained on handwritten digits, with 2 and with 10 latents.

    Args:
        seed: seed of the start weights, the batches, the noise, the draws and the judge.

    Returns:
        Rows with the columns seed, latents, model, pictures, measure and value. ``pictures`` says
        what was measured: ``"standard normal"`` and ``"fitted normal"`` are 1,000 decoded draws,
        ``"unseen"`` the reconstructions of unseen digits. The measures are those of
        :class:`~tutorial_vae.evaluation.Quality`, and ``error``, the mean squared error per pixel
        of the reconstructions.
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


EXPERIMENTS = {"latent_variable_models": Experiment(latent_variable_models)}
