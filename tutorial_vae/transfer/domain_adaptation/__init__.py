"""Domain adaptation: labels of a source, images of a target, and what to do about the difference.

A method is one sub-class of :class:`SourceOnly`, with its ``penalty`` and, where it needs the
length of a run, an ``attach``. One of your own is used like those of ``METHODS``:

>>> class EqualMeans(SourceOnly):
...     def penalty(
...         self, classifier, source_features, source_logits, target_features, target_logits
...     ):
...         return (source_features.mean(dim=0) - target_features.mean(dim=0)).square().mean()
>>> history = adapt(classifier, source, target, method=EqualMeans())
"""

from .adversarial import CDAN, DANN, reverse_gradient
from .confusion import MCC, class_confusion
from .discrepancies import CORAL, DAN, coral_distance, multi_kernel_mmd
from .fitting import adapt
from .method import SourceOnly

METHODS: dict[str, type[SourceOnly]] = {
    "source-only": SourceOnly,
    "dan": DAN,
    "coral": CORAL,
    "dann": DANN,
    "cdan": CDAN,
    "mcc": MCC,
}
"""Every method by its name; ``made_for`` makes one that suits a classifier.

:meta hide-value:
"""

__all__ = [
    "CDAN",
    "CORAL",
    "DAN",
    "DANN",
    "MCC",
    "METHODS",
    "SourceOnly",
    "adapt",
    "class_confusion",
    "coral_distance",
    "multi_kernel_mmd",
    "reverse_gradient",
]
