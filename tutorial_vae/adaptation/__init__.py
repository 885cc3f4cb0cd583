"""Adaptation: training a classifier whose backbone has learnt something before.

With labels of the target it is fine-tuning, with labels of a source and images of the target it is
domain adaptation. A method is one sub-class, with its ``penalty`` and, where it needs them, an
``attach`` and a ``detach``. One of your own is used like those of ``METHODS``:

>>> class SmallFeatures(FineTuning):
...     def penalty(self, classifier, x, features, logits, labels):
...         return 1e-3 * features.square().sum(dim=1).mean()
>>> history = fine_tune(classifier, images, method=SmallFeatures())

>>> class EqualMeans(SourceOnly):
...     def penalty(
...         self, classifier, source_features, source_logits, target_features, target_logits
...     ):
...         return (source_features.mean(dim=0) - target_features.mean(dim=0)).square().mean()
>>> history = adapt(classifier, source, target, method=EqualMeans())
"""

from .adapters import LowRankAdapters
from .adversarial import CDAN, DANN, reverse_gradient
from .confusion import MCC, class_confusion
from .delta import DELTA, channel_importance
from .discrepancies import CORAL, DAN, coral_distance, multi_kernel_mmd
from .domain_fitting import adapt
from .domain_method import SourceOnly
from .fitting import fine_tune
from .method import FineTuning, LinearProbe
from .penalties import BSS, L2SP

FINE_TUNING: dict[str, type[FineTuning]] = {
    "linear-probe": LinearProbe,
    "fine-tuning": FineTuning,
    "l2-sp": L2SP,
    "delta": DELTA,
    "bss": BSS,
    "adapters": LowRankAdapters,
}
"""Every method of fine-tuning by its name. Each can be made without arguments.

:meta hide-value:
"""

DOMAIN_ADAPTATION: dict[str, type[SourceOnly]] = {
    "source-only": SourceOnly,
    "dan": DAN,
    "coral": CORAL,
    "dann": DANN,
    "cdan": CDAN,
    "mcc": MCC,
}
"""Every method of domain adaptation by its name; ``made_for`` makes one that suits a classifier.

:meta hide-value:
"""

__all__ = [
    "BSS",
    "CDAN",
    "CORAL",
    "DAN",
    "DANN",
    "DELTA",
    "DOMAIN_ADAPTATION",
    "FINE_TUNING",
    "L2SP",
    "MCC",
    "FineTuning",
    "LinearProbe",
    "LowRankAdapters",
    "SourceOnly",
    "adapt",
    "channel_importance",
    "class_confusion",
    "coral_distance",
    "fine_tune",
    "multi_kernel_mmd",
    "reverse_gradient",
]
