"""Chapter 03: its exercises, experiments and explorers."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "divergence_explorer": ["DivergenceExplorer"],
    },
)
