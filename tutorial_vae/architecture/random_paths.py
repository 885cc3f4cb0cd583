"""Training a super-network: every step on one random path, all other connections dropped."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from ..adaptation import Method
from ..adaptation.classifiers import Classifier, Terms
from .network import super_network_of


class RandomPaths(Method):
    r"""Train a classifier on a super-network for all its paths at once.

    .. math:: \mathbb{E}_a \left[\frac1n \sum_i \log p(y_i \,|\, x_i; w_a)\right]

    is maximised, with a path a drawn in each step, all equally likely, and :math:`w_a` the weights
    on it. Weights off the path stay as they are, and so do Adam's averages for them. After a run
    the super-network follows the path that it followed before.

    Reference: after the random dropping of connections of Sun, Dou & Yan 2020; one path a step:
    Guo et al. 2020.
    """

    def attach(
        self,
        classifier: Classifier,
        images: UInt8[Tensor, "n channels height width"],
        labels: Int[Tensor, " n"],
        *,
        steps: int | None = None,
    ) -> None:
        """Make sure that there is a super-network."""
        super_network_of(classifier)

    def forward(
        self,
        classifier: Classifier,
        x: Float[Tensor, "batch channels height width"],
        labels: Int[Tensor, " batch"],
        target: Float[Tensor, "target channels height width"] | None = None,
    ) -> Terms:
        """Return the objective of a batch on a random path, and its two parts, in nats per image.

        Args:
            classifier: what is trained.
            x: images in [0, 1].
            labels: their classes.
            target: in domain adaptation images of the target.
        """
        with _on_random_path(classifier):
            return super().forward(classifier, x, labels, target)


class RandomPathObjective(nn.Module):
    """Any other objective, each step on one random path, for example that of a VAE.

    >>> vae = StagedVAE(SuperNetwork(images.image_shape))
    >>> fit(vae, images, objective=RandomPathObjective(BetaVAE()))

    Args:
        objective: what is maximised, as :func:`tutorial_vae.training.optimise` takes it.
    """

    def __init__(self, objective: nn.Module) -> None:
        super().__init__()
        self.objective = objective

    def forward(self, network: nn.Module, *batches: Tensor) -> Any:
        """Return what the objective returns for a network on a random path.

        Args:
            network: with one super-network in it.
            batches: what the objective takes besides.

        Raises:
            ValueError: there is no super-network in the network, or there are several.
        """
        with _on_random_path(network):
            return self.objective(network, *batches)


@contextmanager
def _on_random_path(network: nn.Module) -> Iterator[None]:
    supernet = super_network_of(network)
    # From the global generator, whose state a checkpoint holds.
    with supernet.following(supernet.random_path()):
        yield
