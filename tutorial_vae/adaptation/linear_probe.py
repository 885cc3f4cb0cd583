"""The linear probe: what the features are good for as they are."""

from jaxtyping import Int, UInt8
from torch import Tensor, nn

from .classifiers import Classifier
from .method import Method


class LinearProbe(Method):
    r"""Train the head alone, on a backbone that stands still.

    .. math::
        \begin{gathered}
        \max_{W, b} \; \frac1n \sum_i \log p(y_i \mid x_i) , \cr
        p(y \mid x) = \mathrm{softmax}(W f(x; w_0) + b)_y
        \end{gathered}

    The backbone's weights :math:`w_0` are frozen, and batch statistics with them.

    Reference: Yosinski et al. 2014, whose transferred layers are frozen or fine-tuned.
    """

    def __init__(self) -> None:
        super().__init__()
        self._frozen: list[nn.Parameter] = []

    def attach(
        self,
        classifier: Classifier,
        images: UInt8[Tensor, "n channels height width"],
        labels: Int[Tensor, " n"],
        *,
        steps: int | None = None,
    ) -> None:
        """Freeze the backbone."""
        self._frozen = [value for value in classifier.backbone.parameters() if value.requires_grad]
        classifier.backbone.requires_grad_(False)

    def detach(self, classifier: Classifier) -> None:
        """Let go of what was not frozen before."""
        for value in self._frozen:
            value.requires_grad_(True)
        self._frozen = []
