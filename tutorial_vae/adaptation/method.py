"""What all ways of fine-tuning share, and the two plainest ones."""

from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from .classifiers import Classifier, Terms


class FineTuning(nn.Module):
    r"""Train the backbone and the head alike: plain fine-tuning, and what all methods build on.

    .. math:: \frac1n \sum_i \log p(y_i \,|\, x_i; w) - \Omega(w)

    is maximised, where the penalty Ω is 0 here. A sub-class overrides :meth:`penalty`, and
    :meth:`attach` and :meth:`detach` if it keeps or changes something for the length of a run, and
    names its settings in ``extra_repr``, so that a checkpoint can tell one method from another.
    Parameters of its own are trained with the classifier's; what it has to find again after a
    resumption is a buffer or a parameter. An object serves one run at a time.
    """

    def attach(
        self,
        classifier: Classifier,
        images: UInt8[Tensor, "n channels height width"],
        labels: Int[Tensor, " n"],
    ) -> None:
        """Prepare for a run, before the first step.

        Args:
            classifier: what will be trained, with its start weights, on the device of the run.
            images: all that it will be trained on.
            labels: their classes.
        """

    def penalty(
        self,
        classifier: Classifier,
        x: Float[Tensor, "batch channels height width"],
        features: Float[Tensor, "batch features"],
        logits: Float[Tensor, "batch classes"],
        labels: Int[Tensor, " batch"],
    ) -> Float[Tensor, ""]:
        """Return what is taken off the mean log-likelihood, in nats per image.

        Args:
            classifier: what is trained.
            x: images in [0, 1].
            features: what the backbone makes of them.
            logits: what the head makes of these.
            labels: their classes.
        """
        return classifier.head.weight.new_zeros(())

    def detach(self, classifier: Classifier) -> None:
        """Undo what :meth:`attach` did to the classifier, after the last step or a failure.

        Args:
            classifier: the one that was attached to. It keeps the weights it has come to.
        """

    def forward(
        self,
        classifier: Classifier,
        x: Float[Tensor, "batch channels height width"],
        labels: Int[Tensor, " batch"],
    ) -> Terms:
        """Return the objective of a batch and its two parts, in nats per image.

        Args:
            classifier: what is trained.
            x: images in [0, 1].
            labels: their classes.
        """
        features = classifier.features(x)
        logits = classifier.head(features)
        log_likelihood = -cross_entropy(logits, labels)
        penalty = self.penalty(classifier, x, features, logits, labels)
        return Terms(log_likelihood - penalty, log_likelihood, penalty)


class LinearProbe(FineTuning):
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
    ) -> None:
        """Freeze the backbone."""
        self._frozen = [value for value in classifier.backbone.parameters() if value.requires_grad]
        classifier.backbone.requires_grad_(False)

    def detach(self, classifier: Classifier) -> None:
        """Let go of what was not frozen before."""
        for value in self._frozen:
            value.requires_grad_(True)
        self._frozen = []
