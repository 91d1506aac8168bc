"""Recurrent layers of stacked members: one loop over time for all of them, there and back by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from wellfit.models.recurrent import Recurrent
from wellfit.train.recurrent_cells import Cell, Elman, Gru, Lstm
from wellfit.train.room import Room
from wellfit.train.stacked_norm import apply_norm

CELLS: Mapping[type[nn.Module], type[Cell]] = {nn.LSTM: Lstm, nn.GRU: Gru, nn.RNN: Elman}


class _OverTime(torch.autograd.Function):
    """x (T, N, B, C), m (N, C + H + 1, K H) -> all states (T, N, B, H), the last (N, B, H), their mean (N, B, H); None
    where ``reads`` does not want them.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, m: Tensor, kind: type[Cell], reads: str, room: Room, keep: bool) -> Any:
        steps, n, b, inputs = x.shape
        take = room.taker(m)
        cell = kind(take, steps if keep else 1, (n, b, m.shape[2] // kind.K))
        rows = take("row", steps + 1 if keep else 1, n, b, m.shape[1])  # [x_t, h_{t-1}, 1]
        rows[..., -1] = 1
        row, own, h = (part.unbind(0) for part in (rows, rows[..., :inputs], rows[..., inputs:-1]))
        h[0].zero_()
        states = x.new_empty(steps, *cell.shape) if reads == "all" else None
        total = x.new_zeros(cell.shape) if reads in ("mean", "both") else None
        for t, given in enumerate(x.unbind(0)):
            now, after = (t, t + 1) if keep else (0, 0)
            own[now].copy_(given)
            torch.bmm(row[now], m, out=cell.a[now])
            cell.step(now, after, h[now], h[after])
            if states is not None:
                states[t] = h[after]
            if total is not None:  # step by step: a sum over an axis rounds by where in memory a member stands
                total.add_(h[after])
        if keep:
            ctx.cell, ctx.take, ctx.row, ctx.h, ctx.steps, ctx.inputs = cell, take, row, h, steps, inputs
            ctx.save_for_backward(m)
            ctx.set_materialize_grads(False)
        last = h[-1].clone() if reads in ("last", "both") else None
        return states, last, None if total is None else total.div_(steps)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Any) -> Any:
        of_states, of_last, of_mean = gradients
        (m,) = ctx.saved_tensors
        cell, h, row, steps, inputs = ctx.cell, ctx.h, ctx.row, ctx.steps, ctx.inputs
        each = None if of_mean is None else of_mean / steps
        back = m.transpose(1, 2)
        to_x, to_h = back[..., :inputs], back[..., inputs:-1]
        da = cell.da
        dh = ctx.take("dh", *cell.shape).zero_()
        dm = torch.zeros_like(m)
        dx = m.new_empty(steps, *cell.shape[:2], inputs) if ctx.needs_input_grad[0] else None
        if of_last is not None:
            dh.add_(of_last)
        for t in reversed(range(steps)):
            if each is not None:
                dh.add_(each)
            if of_states is not None:
                dh.add_(of_states[t])
            direct = cell.step_back(t, h[t], dh)
            torch.baddbmm(dm, row[t].transpose(1, 2), da, out=dm)
            if dx is not None:
                torch.bmm(da, to_x, out=dx[t])
            if t > 0:
                torch.bmm(da, to_h, out=dh)
                if direct is not None:
                    dh.add_(direct)
        return dx, dm, None, None, None, None


def can_stack_recurrent(layer: nn.Module) -> TypeGuard[Recurrent]:
    """Return whether the layer is one that ``apply_recurrent`` knows."""
    if type(layer) is not Recurrent or type(layer.cell) not in CELLS:
        return False
    cell = layer.cell
    plain = cell.num_layers == 1 and cell.bias and cell.batch_first and not cell.proj_size
    return plain and cell.mode != "RNN_RELU" and (layer.norm is None or type(layer.norm) is nn.LayerNorm)


def leading_recurrent(layers: Sequence[nn.Module]) -> int:
    """Return how many layers of a sequence, from its first, are recurrent, each fed by the one before; 0 where they are
    not as in ``models.rnn``.
    """
    found = list(takewhile(can_stack_recurrent, layers))
    fed = all(layer.first == (index == 0) for index, layer in enumerate(found))
    told = all((layer.read == "all") == (index < len(found) - 1) for index, layer in enumerate(found))
    return len(found) if fed and told else 0


def remembered(module: nn.Module, steps: int, samples: int) -> int:
    """Return how many bytes the module's recurrent layers remember of one member between forward and backward."""
    total = 0
    for layer in module.modules():
        if can_stack_recurrent(layer):
            kind, units, ways = CELLS[type(layer.cell)], layer.cell.hidden_size, 2 if layer.cell.bidirectional else 1
            total += ways * (layer.cell.input_size + units + 1 + units * (kind.K + kind.beside))
    return total * steps * samples * torch.float32.itemsize


def _matrix(name: str, layer: Recurrent, leaves: Mapping[str, Tensor]) -> Tensor:
    """Return the members' matrices (N, ...): of a layer of two ways first those of the way there, then of that back."""
    kind = CELLS[type(layer.cell)]
    parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ways = ("", "_reverse") if layer.cell.bidirectional else ("",)
    each = [kind.matrix(*(leaves[f"{name}.cell.{part}_l0{way}"] for part in parts)) for way in ways]
    return each[0] if len(each) == 1 else torch.cat(each)


def apply_recurrent(
    name: str,
    layer: Recurrent,
    x: Tensor,
    leaves: Mapping[str, Tensor],
    room: Room,
    change: Callable[[str, Tensor], Tensor] | None,
) -> Tensor:
    """Return what the layer answers of ``x`` (P, B, T, C), or (P, B, C, T) where it is not the first: (P, B, D, T), (P,
    B, D) or (P, B, 2 D).

    ``change`` acts on what the layer's norm answers, a place of its own.
    """
    x = x.permute(2, 0, 1, 3) if layer.first else x.permute(3, 0, 1, 2)  # (T, P, B, C)
    members, both_ways = x.shape[1], layer.cell.bidirectional
    if both_ways:
        x = torch.cat([x, x.flip(0)], 1)
    m = _matrix(name, layer, leaves)
    keep = torch.is_grad_enabled()
    states, last, mean = _OverTime.apply(x, m, CELLS[type(layer.cell)], layer.read, room, keep)

    def beside(values: Tensor) -> Tensor:  # (2 P, ..., H) -> (P, ..., 2 H)
        return torch.cat([values[:members], values[members:]], -1) if both_ways else values

    if layer.read == "all":
        if both_ways:
            states = torch.cat([states[:, :members], states[:, members:].flip(0)], -1)
        h = states.permute(1, 2, 0, 3)  # (P, B, T, D)
    else:
        h = torch.cat([beside(read) for read in (last, mean) if read is not None], -1)
    if layer.norm is not None:
        flat = apply_norm(f"{name}.norm", layer.norm, h.flatten(1, -2), leaves, {}, train=False)
        h = flat.view(h.shape)
        h = h if change is None else change(f"{name}.norm", h)
    answer: Tensor = h.transpose(2, 3) if layer.read == "all" else h
    return answer
