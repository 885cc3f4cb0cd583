"""Variational autoencoders, centred kernel alignment and transfer: the package under the book.

Everything public is loaded on first use, so ``import tutorial_vae`` is quick.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
