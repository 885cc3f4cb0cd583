"""Chapter 07: its exercises, experiments and explorers."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "uses_explorer": [
            "Compression",
            "Detection",
            "Generation",
            "Grouping",
            "LabelCurves",
            "UsesExplorer",
        ],
    },
)
