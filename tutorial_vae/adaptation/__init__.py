"""Adaptation: training a classifier whose backbone has learnt something before.

With labels of the target it is fine-tuning, with labels of a source and images of the target it is
domain adaptation. A method is one sub-class of :class:`Method`, with its ``penalty`` and, where it
needs them, an ``attach`` and a ``detach``. One of your own is used like those of the registries:

>>> class SmallFeatures(Method):
...     def penalty(self, classifier, source, target):
...         return 1e-3 * source.features.square().sum(dim=1).mean()
>>> history = fine_tune(classifier, images, method=SmallFeatures())

>>> class EqualMeans(Method):
...     def penalty(self, classifier, source, target):
...         return (source.features.mean(dim=0) - target.features.mean(dim=0)).square().mean()
>>> history = adapt(classifier, source, target, method=EqualMeans())
"""

from . import backbones, classifiers, pretraining
from .adapters import LowRankAdapters
from .adversarial import reverse_gradient
from .bss import BSS
from .cdan import CDAN
from .coral import CORAL, coral_distance
from .dan import DAN, multi_kernel_mmd
from .dann import DANN
from .delta import DELTA, channel_importance
from .fitting import adapt, fine_tune
from .l2_sp import L2SP
from .linear_probe import LinearProbe
from .mcc import MCC, class_confusion
from .method import Batch, Method
from .plain import FineTuning, SourceOnly

FINE_TUNING: dict[str, type[Method]] = {
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

DOMAIN_ADAPTATION: dict[str, type[Method]] = {
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
    "Batch",
    "FineTuning",
    "LinearProbe",
    "LowRankAdapters",
    "Method",
    "SourceOnly",
    "adapt",
    "backbones",
    "channel_importance",
    "class_confusion",
    "classifiers",
    "coral_distance",
    "fine_tune",
    "multi_kernel_mmd",
    "pretraining",
    "reverse_gradient",
]
