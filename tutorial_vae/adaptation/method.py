"""What every way of training a classifier on a backbone shares: a batch, and a penalty."""

from typing import Any, ClassVar, NamedTuple

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from .classifiers import Classifier, Terms


class Batch(NamedTuple):
    """A batch of one set on its way through a classifier; labels only where they are known.

    ``x`` are images in [0, 1], ``features`` what the backbone makes of them, and ``logits`` what
    the head makes of these.
    """

    x: Float[Tensor, "batch channels height width"]
    features: Float[Tensor, "batch features"]
    logits: Float[Tensor, "batch classes"]
    labels: Int[Tensor, " batch"] | None = None


class Method(nn.Module):
    r"""The likelihood of labels less a penalty: what all methods build on.

    .. math:: \frac1n \sum_i \log p(y_i \mid x_i) - \Omega

    is maximised over the n labelled images of a batch; methods differ in the penalty Ω, which is 0
    here. In fine-tuning, :func:`fine_tune`, the labels are the target's. In domain adaptation,
    :func:`adapt`, they are a source's; images of the target pass through the classifier in one
    batch with those of the source, so that batch normalisation takes its statistics from both.

    A sub-class overrides :meth:`penalty`, and :meth:`attach` and :meth:`detach` if it keeps or
    changes something for the length of a run, and names its settings in ``extra_repr``, so that a
    checkpoint can tell one method from another. Parameters of its own are trained with the
    classifier's; what it has to find again after a resumption is a buffer or a parameter. An object
    serves one run at a time.

    Attributes:
        compares_domains: whether :meth:`penalty` needs a batch of the target, which
            :func:`fine_tune` cannot give.
    """

    compares_domains: ClassVar[bool] = False

    @classmethod
    def made_for(cls, classifier: Classifier, **options: Any) -> "Method":
        """Return a method that suits a classifier, whatever sizes it has to know.

        Args:
            classifier: what will be trained.
            options: those of the method itself, such as its strength.
        """
        return cls(**options)

    def attach(
        self,
        classifier: Classifier,
        images: UInt8[Tensor, "n channels height width"],
        labels: Int[Tensor, " n"],
        *,
        steps: int | None = None,
    ) -> None:
        """Prepare for a run, before the first step.

        Args:
            classifier: what will be trained, with its start weights, on the device of the run.
            images: all labelled images that it will be trained on.
            labels: their classes.
            steps: of the whole run.
        """

    # A method that compares domains takes no None.
    def penalty(self, classifier: Classifier, source: Batch, target: Any) -> Float[Tensor, ""]:
        """Return what is taken off the mean log-likelihood, in nats per image.

        Args:
            classifier: what is trained.
            source: the labelled images.
            target: in domain adaptation a :class:`Batch` of the target's images, not necessarily as
                many; in fine-tuning ``None``.
        """
        return source.logits.new_zeros(())

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
        target: Float[Tensor, "target channels height width"] | None = None,
    ) -> Terms:
        """Return the objective of a batch and its two parts, in nats per image.

        Args:
            classifier: what is trained.
            x: labelled images in [0, 1].
            labels: their classes.
            target: in domain adaptation images of the target, in [0, 1].
        """
        images = x if target is None else torch.cat([x, target])
        features = classifier.features(images)
        logits = classifier.head(features)
        # Differences of statistics and of logarithms need more digits than bfloat16 has.
        with torch.autocast(features.device.type, enabled=False):
            whole = classifier.head.weight.dtype
            features, logits = features.to(whole), logits.to(whole)
            n = len(x)
            source = Batch(x, features[:n], logits[:n], labels)
            other = None if target is None else Batch(target, features[n:], logits[n:])
            log_likelihood = -cross_entropy(source.logits, labels)
            penalty = self.penalty(classifier, source, other)
        return Terms(log_likelihood - penalty, log_likelihood, penalty)
