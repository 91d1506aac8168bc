"""One layer of a recurrent network, and what is read of it."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Read = Literal["all", "last", "mean", "both"]


class Recurrent(nn.Module):
    """A recurrent layer that answers a tensor: (B, D, T) all its time steps, (B, D) the last or their mean, or (B, 2 D)
    both.

    Units come before time steps, as channels before places in a convolution. ``first``: its input is (B, T, C), else
    (B, C, T). The last step of a bidirectional layer is the end of each way: the first step of the way back.
    """

    def __init__(
        self,
        cell: nn.LSTM | nn.GRU | nn.RNN,
        *,
        read: Read,
        first: bool,
        norm: nn.Module | None = None,
        forget_bias: float = 1.0,
    ) -> None:
        super().__init__()
        self.cell, self.norm = cell, norm
        self.read, self.first, self.forget_bias = read, first, forget_bias
        self.start_forget_gates()

    @torch.no_grad()
    def start_forget_gates(self) -> None:
        """Set the bias of the forget gates, the second quarter of an LSTM's; PyTorch adds up two of them."""
        if not isinstance(self.cell, nn.LSTM):
            return
        gates = slice(self.cell.hidden_size, 2 * self.cell.hidden_size)
        for name, parameter in self.cell.named_parameters():
            if name.startswith("bias"):
                parameter[gates] = self.forget_bias if name.startswith("bias_ih") else 0.0

    def forward(self, x: Tensor) -> Tensor:
        """Return what is read of the layer."""
        h: Tensor = self.cell(x if self.first else x.transpose(1, 2))[0]
        if self.read != "all":
            width = self.cell.hidden_size
            last = torch.cat([h[:, -1, :width], h[:, 0, width:]], 1) if self.cell.bidirectional else h[:, -1]
            h = last if self.read == "last" else h.mean(1) if self.read == "mean" else torch.cat([last, h.mean(1)], 1)
        if self.norm is not None:
            h = self.norm(h)
        return h.transpose(1, 2) if self.read == "all" else h
