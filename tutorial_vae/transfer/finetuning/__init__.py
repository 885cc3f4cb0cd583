"""Fine-tuning: ways of training a classifier whose backbone has learnt something before.

A method is one sub-class of :class:`FineTuning`, with its ``penalty`` and, where it needs them, an
``attach`` and a ``detach``. One of your own is used like those of ``METHODS``:

>>> class SmallFeatures(FineTuning):
...     def penalty(self, classifier, x, features, logits, labels):
...         return 1e-3 * features.square().sum(dim=1).mean()
>>> history = fine_tune(classifier, images, method=SmallFeatures())
"""

from .adapters import LowRankAdapters
from .delta import DELTA, channel_importance
from .fitting import fine_tune
from .method import FineTuning, LinearProbe
from .penalties import BSS, L2SP

METHODS: dict[str, type[FineTuning]] = {
    "linear-probe": LinearProbe,
    "fine-tuning": FineTuning,
    "l2-sp": L2SP,
    "delta": DELTA,
    "bss": BSS,
    "adapters": LowRankAdapters,
}
"""Every method by its name. Each can be made without arguments.

:meta hide-value:
"""

__all__ = [
    "BSS",
    "DELTA",
    "L2SP",
    "METHODS",
    "FineTuning",
    "LinearProbe",
    "LowRankAdapters",
    "channel_importance",
    "fine_tune",
]
