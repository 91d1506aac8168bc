"""Which network: its kind and its sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from wellfit.recipe.base import Count, Frozen
from wellfit.recipe.norm import NoNormSpec, NormSpec

Activation = Literal["relu", "leaky_relu", "tanh", "sigmoid", "gelu", "elu", "silu"]
Names = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...],
    BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
]
"""Names of modules with ``*`` and ``?`` as in a shell; a single text is a list of one."""


class MlpSpec(Frozen):
    """Multi-layer perceptron: flatten, then linear layers with an activation between."""

    kind: Literal["mlp"] = "mlp"
    hidden: tuple[Count, ...] = (128, 128)
    activation: Activation = "relu"
    norm: NormSpec = NoNormSpec()
    """Between each hidden layer and its activation."""


class CnnSpec(Frozen):
    """Convolutional network: per entry of ``channels`` 3x3 convolution, activation, 2x2 max-pool; then an MLP head."""

    kind: Literal["cnn"] = "cnn"
    channels: tuple[Count, ...] = Field(default=(32, 64, 128), min_length=1)
    hidden: tuple[Count, ...] = ()
    activation: Activation = "relu"
    norm: NormSpec = NoNormSpec()
    """Between each convolution or hidden layer and its activation."""


class ImportSpec(Frozen):
    """Any ``nn.Module`` by import path, called with ``args`` as keywords. A name ending in ``.py:Name`` is a file."""

    kind: Literal["import"] = "import"
    import_: str = Field(alias="import", min_length=1)
    args: dict[str, Any] = {}
    norm: NormSpec = NoNormSpec()
    """Put into the network without editing it: before every hidden activation module, or at ``norm_at``."""
    norm_at: Names = ()
    """Names of modules: the normalization stands before an activation of that name, and after any other module."""


ModelSpec = Annotated[MlpSpec | CnnSpec | ImportSpec, Field(discriminator="kind")]


def implied_kind(model: Mapping[str, Any]) -> str | None:
    """Return the kind of network that only has such a key."""
    return "import" if "import" in model else "cnn" if "channels" in model else None
