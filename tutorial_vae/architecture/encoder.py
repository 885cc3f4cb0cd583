"""VAEs whose encoder is a super-network, or one path of it."""

import copy
from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from ..models import VAE
from .network import BlockPath, PathBackbone, SuperNetwork, super_network_of


class StagedEncoder(nn.Module):
    """A backbone's last feature maps, flattened, and the two latent heads on them.

    Args:
        backbone: what gives the maps. It is taken as it is, not copied.
        latent_dim: number of latent dimensions.
    """

    def __init__(self, backbone: SuperNetwork | PathBackbone, latent_dim: int) -> None:
        super().__init__()
        _, *sides = backbone.image_shape
        features = backbone.feature_dim
        for side in sides:
            # Each stage halves and rounds up.
            features *= -(-side // 2 ** len(backbone.stages))
        self.backbone = backbone
        self.layer_names = (*(f"backbone.{name}" for name in backbone.stages), "mean", "log_var")
        self.mean = nn.Linear(features, latent_dim)
        self.log_var = nn.Linear(features, latent_dim)

    def forward(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch latent"]]:
        """Return the mean and the log-variance of q(z|x)."""
        maps = self.backbone.maps(x).flatten(1)
        return self.mean(maps), self.log_var(maps)


class StagedVAE(VAE):
    """A VAE with the stages of a super-network, or of one path of it, as its encoder.

    The decoder is that of ``VAE(..., architecture="conv")``. With
    :class:`RandomPathObjective` as objective, :func:`tutorial_vae.fit` trains all paths of a
    super-network; the layers of two such VAEs have the same names, whether the encoder is a
    super-network on a path or the path by itself, so that :func:`tutorial_vae.compare_layers`
    compares them. :func:`tutorial_vae.save_model` refuses them: keep their ``state_dict``.

    Args:
        backbone: the encoder up to the two latent heads. It is taken as it is, not copied.
        latent_dim: number of latent dimensions.
        likelihood: as of :class:`~tutorial_vae.models.VAE`.

    Raises:
        ValueError: the images' height and width are no multiples of 16, or an argument is outside
            what is said above.
    """

    def __init__(
        self,
        backbone: SuperNetwork | PathBackbone,
        latent_dim: int = 10,
        *,
        likelihood: str = "bernoulli",
    ) -> None:
        super().__init__(backbone.image_shape, latent_dim, likelihood=likelihood)
        self.encoder = StagedEncoder(backbone, latent_dim)
        self.architecture = _architecture(backbone)

    def extract(self, path: BlockPath) -> "StagedVAE":
        """Return a VAE with one path as its encoder, and copies of all weights that it uses.

        Args:
            path: the candidate's number for each stage.

        Raises:
            ValueError: the encoder is no super-network, or there is no such path.
        """
        backbone = super_network_of(self).extract(path)
        small = copy.deepcopy(self)
        cast(StagedEncoder, small.encoder).backbone = backbone
        small.architecture = _architecture(backbone)
        return small


def _architecture(backbone: SuperNetwork | PathBackbone) -> str:
    """Return what tells a VAE's encoder from others in a checkpoint."""
    widths = "-".join(map(str, backbone.widths))
    if isinstance(backbone, SuperNetwork):
        return f"super-network {widths} of {' | '.join(c.name for c in backbone.candidates)}"
    return f"path {widths} of {', '.join(c.name for c in backbone.blocks)}"
