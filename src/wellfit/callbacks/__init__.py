"""While it trains, in a loop or a trainer that is not wellfit's: comparable curves, a verdict at the end. No torch.

``Watch``                                    the hook for a plain loop
``wellfit.callbacks.lightning``, ``.keras``, ``.transformers``   a ``WellfitCallback`` each; needs that library
"""

from wellfit.callbacks.watch import Watch

__all__ = ["Watch"]
