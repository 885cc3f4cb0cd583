"""What each latent dimension is worth."""

import torch

from tutorial_vae import VAE, evaluation, load_images


def test_a_dimension_that_the_decoder_ignores_costs_nothing() -> None:
    torch.manual_seed(0)
    unseen = load_images("digits", "test", size=16)
    model = VAE(unseen.image_shape, latent_dim=3, architecture="linear")
    with torch.no_grad():
        model.encoder.mean.bias.fill_(2.0)
        model.encoder.log_var.bias.fill_(-6.0)
        model.decoder.pixels.weight[:, 1] = 0
        # The first dimension draws the mean image, and every posterior has it at about 2.
        model.decoder.pixels.weight[:, 0] = unseen.images.float().mean(dim=0).flatten() / 255 - 0.3
    state = torch.get_rng_state()
    costs = evaluation.knock_out_costs(model, unseen)
    assert costs[1] == 0
    assert costs[0] > 1
    assert torch.equal(costs, evaluation.knock_out_costs(model, unseen))
    assert torch.equal(state, torch.get_rng_state())
