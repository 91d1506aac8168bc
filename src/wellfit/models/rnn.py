"""Recurrent network."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Literal

from torch import nn

from wellfit.errors import ModelError
from wellfit.models.mlp import NO_NORM
from wellfit.models.norm import norm as make_norm
from wellfit.models.recurrent import Read, Recurrent
from wellfit.recipe.norm import LayerNormSpec, NoNormSpec, NormSpec

CELLS: dict[str, type[nn.LSTM] | type[nn.GRU] | type[nn.RNN]] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


def rnn(
    shape: Sequence[int],
    hidden: Sequence[int],
    outputs: int,
    *,
    cell: str = "lstm",
    bidirectional: bool = False,
    read: Literal["last", "mean", "both"] = "both",
    forget_bias: float = 1.0,
    norm: NormSpec = NO_NORM,
) -> nn.Sequential:
    """Return recurrent layers ``recurrent1``, ``recurrent2``, ... of the widths ``hidden``, then a linear ``head``.

    Input (B, T, C), output (B, outputs). What each layer answers is a place where activation methods act: (B, D, T) of
    those below, (B, D) or (B, 2 D) what is read of the last; D is the width, of a bidirectional layer twice that.
    PyTorch's default initialization, but for the LSTM's forget gates.

    Parameters
    ----------
    shape
        (T, C) of a sample; any T does.
    hidden, outputs
        Widths of the layers; numbers answered per sample.
    cell, bidirectional
        A name of ``CELLS``; whether each layer has another beside it that runs back in time.
    read
        What the head reads of the last layer: its last time step, the mean of all, or both, one beside the other.
    forget_bias
        Where the bias of an LSTM's forget gates starts.
    norm
        None, or of the units of each layer's time steps, of the last layer's after they are read.

    Raises
    ------
    ModelError
        The normalization is none that suits features of which each time step has its own.

    """
    if not isinstance(norm, NoNormSpec | LayerNormSpec):
        what = f"'{norm.kind}' in a recurrent network, whose time steps are normalized one by one"
        raise ModelError("model.norm", what, "'layer'")
    ways = 2 if bidirectional else 1
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    features = shape[-1]
    for number, width in enumerate(hidden, start=1):
        own = CELLS[cell](features, width, batch_first=True, bidirectional=bidirectional)
        how: Read = read if number == len(hidden) else "all"
        features = ways * width * (2 if how == "both" else 1)
        layers[f"recurrent{number}"] = Recurrent(
            own, read=how, first=number == 1, norm=make_norm(norm, (features,)), forget_bias=forget_bias
        )
    layers["head"] = nn.Linear(features, outputs)
    return nn.Sequential(layers)
