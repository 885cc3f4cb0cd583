"""What all methods share: a batch of each domain, and a penalty."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from .classifiers import Classifier, Terms

SourceFeatures = Float[Tensor, "source features"]
SourceLogits = Float[Tensor, "source classes"]
TargetFeatures = Float[Tensor, "target features"]
TargetLogits = Float[Tensor, "target classes"]


class SourceOnly(nn.Module):
    r"""No adaptation: the likelihood of the source's labels, as an objective for :func:`adapt`.

    All methods are sub-classes, which maximise

    .. math:: \frac1n \sum_i \log p(y_i \mid x_i) - \text{penalty}

    over the n source images of a batch, and differ in the penalty alone: 0 here. Images of the
    target pass through the classifier nonetheless, in one batch with those of the source, so
    batch normalisation takes its statistics from both domains under every method.

    A sub-class overrides :meth:`penalty`, and :meth:`attach` if it needs to know the length of a
    run, and names its settings in ``extra_repr``, so that a checkpoint can tell one method from
    another. Parameters of its own are trained with the classifier's; what it has to find again
    after a resumption is a buffer or a parameter. An object serves one run at a time.
    """

    @classmethod
    def made_for(cls, classifier: Classifier, **options: Any) -> "SourceOnly":
        """Return a method that suits a classifier, whatever sizes it has to know.

        Args:
            classifier: what will be trained.
            options: those of the method itself, such as its strength.
        """
        return cls(**options)

    def attach(self, classifier: Classifier, steps: int) -> None:
        """Prepare for a run, before the first step.

        Args:
            classifier: what will be trained.
            steps: of the whole run.
        """

    def penalty(
        self,
        classifier: Classifier,
        source_features: SourceFeatures,
        source_logits: SourceLogits,
        target_features: TargetFeatures,
        target_logits: TargetLogits,
    ) -> Float[Tensor, ""]:
        """Return what is subtracted from the log-likelihood, in nats per image.

        Args:
            classifier: what is trained.
            source_features: of a batch of source images.
            source_logits: of the same.
            target_features: of a batch of target images, not necessarily as many.
            target_logits: of the same.
        """
        return source_logits.new_zeros(())

    def forward(
        self,
        classifier: Classifier,
        source_images: Float[Tensor, "source channels height width"],
        labels: Int[Tensor, " source"],
        target_images: Float[Tensor, "target channels height width"],
    ) -> Terms:
        """Return the objective of a batch of each domain and its two parts, in nats per image.

        Args:
            classifier: what is trained.
            source_images: in [0, 1].
            labels: of the source images.
            target_images: in [0, 1].
        """
        features = classifier.features(torch.cat([source_images, target_images]))
        logits = classifier.head(features)
        # Differences of statistics and of logarithms need more digits than bfloat16 has.
        with torch.autocast(features.device.type, enabled=False):
            whole = classifier.head.weight.dtype
            sizes = [len(source_images), len(target_images)]
            source_features, target_features = features.to(whole).split(sizes)
            source_logits, target_logits = logits.to(whole).split(sizes)
            log_likelihood = -cross_entropy(source_logits, labels)
            penalty = self.penalty(
                classifier, source_features, source_logits, target_features, target_logits
            )
        return Terms(log_likelihood - penalty, log_likelihood, penalty)
