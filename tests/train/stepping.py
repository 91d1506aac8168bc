"""Members of one network that take plain steps, without the rest of the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wellfit.train.draws import Draws
from wellfit.train.hidden import Acting, HiddenStage
from wellfit.train.losses import Loss
from wellfit.train.network import Batch, Leaves, Network, Objective


def mean_squared(z: Tensor, y: Tensor) -> Tensor:
    """Return (..., B)."""
    return (z - y).square().mean(-1)


def cross_entropy(z: Tensor, y: Tensor) -> Tensor:
    """Return (..., B)."""
    return F.cross_entropy(z.movedim(-1, 1) if z.ndim > 2 else z, y, reduction="none")


class Members:
    """Members of one network, all of seed 0 and with the same batches, each with its own start."""

    def __init__(self, modules: Sequence[nn.Module], places: Mapping[str, Sequence[Acting]] | None = None) -> None:
        names = [name for name, _ in modules[0].named_parameters()]
        self.leaves = {n: torch.stack([m.get_parameter(n).detach().clone() for m in modules]) for n in names}
        buffers = [name for name, _ in modules[0].named_buffers()]
        self.buffers = {n: torch.stack([m.get_buffer(n).clone() for m in modules]) for n in buffers}
        self.draws = Draws([0], torch.zeros(len(modules), dtype=torch.int64), torch.device("cpu"))
        self.draws.begin_epoch(1)
        self.hidden = HiddenStage(places or {}, self.draws)

    def batch(self, x: Tensor, y: Tensor) -> Batch:
        """Return samples (B, ...) for all members."""
        count = len(self.draws.seed_of)
        return Batch(x[None], y.expand(count, *y.shape), (slice(0, count),), self.draws.seed_of)

    def gradients(self, network: Network, x: Tensor, y: Tensor, loss: Loss | None = None) -> tuple[Tensor, Leaves]:
        """Return the losses (P,) and gradients (P, ...) of the next step."""
        self.draws.begin_step()
        objective = Objective(loss or Loss(cross_entropy))
        losses, _, g = network.gradients(self.leaves, self.buffers, self.batch(x, y), objective, self.hidden)
        return losses, g

    def train(
        self, network: Network, batches: Sequence[tuple[Tensor, Tensor]], lr: float, loss: Loss | None = None
    ) -> Tensor:
        """Take a step of gradient descent on each batch; return the losses (T, P)."""
        found = []
        for x, y in batches:
            losses, g = self.gradients(network, x, y, loss)
            found.append(losses)
            for name, w in self.leaves.items():
                w.sub_(g[name], alpha=lr)
        return torch.stack(found)
