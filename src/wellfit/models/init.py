"""Initialization: how the weights of a network start, by a spec (``wellfit.recipe.init``) and a seed.

Each weight has a generator of its own, named by the seed and the weight's name: another layer changes no other draw,
and rules of one distribution differ in nothing but their scale.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList, is_parametrized

from wellfit.models.pretrained import load_pretrained
from wellfit.models.recurrent import Recurrent
from wellfit.random import generator
from wellfit.recipe.init import (
    ConstantInitSpec,
    DefaultSpec,
    DrawnSpec,
    HeNormalSpec,
    HeUniformSpec,
    InitSpec,
    LecunNormalSpec,
    LecunUniformSpec,
    NormalSpec,
    OrthogonalSpec,
    PretrainedSpec,
    UniformSpec,
    XavierNormalSpec,
    XavierUniformSpec,
    ZerosSpec,
)

NORMS = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
)
WITHOUT_FANS = (ZerosSpec, ConstantInitSpec, NormalSpec, UniformSpec)
GATES = {"LSTM": 4, "GRU": 3}


def initialize(module: nn.Module, spec: InitSpec, seed: int) -> tuple[str, ...]:
    """Set the network's weights in place, as ``spec`` says; PyTorch's global generator is not used.

    A weight is every trainable parameter with two or more axes, read as (units, inputs, kernel...): recurrent layers
    and the projections of attention as one matrix for each gate, grouped convolutions as one for each group, and
    transposed ones with their first two axes exchanged. Biases become 0, and those of an ``rnn``'s forget gates what
    its spec says. Left alone are normalization layers, other parameters with one axis, frozen ones, learned tokens and
    positions (1, ...), and embeddings, unless the rule does without a fan-in: a table that is looked up sums nothing.

    Returns
    -------
    names
        Of ``pretrained``: the network's tensors that the file does not have in their shape, left as they were.

    Raises
    ------
    ModelError
        The file of ``pretrained`` is missing, damaged, or nothing in it fits.

    """
    if isinstance(spec, PretrainedSpec):
        return load_pretrained(module, spec)
    if isinstance(spec, DefaultSpec):
        return ()
    for leaf in _leaves(module):
        if "bias" in leaf.name:
            leaf.put(torch.zeros(leaf.shape))
        elif leaf.is_weight and not (isinstance(leaf.owner, nn.Embedding) and not isinstance(spec, WITHOUT_FANS)):
            leaf.put(_weight(leaf, spec, generator(seed, "init", leaf.path)))
    for layer in module.modules():
        if isinstance(layer, Recurrent):
            layer.start_forget_gates()
    return ()


def draw(spec: DrawnSpec, shape: Sequence[int], draws: torch.Generator) -> Tensor:
    """Return a weight (units, inputs, kernel...), float32, by the formula of the spec's card.

    The fan-in is inputs times kernel, the fan-out units times kernel.
    """
    w = torch.empty(tuple(shape))
    kernel = math.prod(shape[2:])
    n, m = shape[1] * kernel, shape[0] * kernel
    match spec:
        case ZerosSpec():
            return w.zero_()
        case ConstantInitSpec():
            return w.fill_(spec.value)
        case OrthogonalSpec():
            return nn.init.orthogonal_(w, gain=spec.gain, generator=draws)
        case NormalSpec():
            return w.normal_(spec.mean, spec.std, generator=draws)
        case UniformSpec():
            return w.uniform_(-spec.bound, spec.bound, generator=draws)
        case XavierNormalSpec() | XavierUniformSpec():
            variance = 2 * spec.gain**2 / (n + m)
        case HeNormalSpec() | HeUniformSpec():
            variance = 2 / (n if spec.mode == "fan_in" else m)
        case LecunNormalSpec() | LecunUniformSpec():
            variance = 1 / n
    if isinstance(spec, XavierUniformSpec | HeUniformSpec | LecunUniformSpec):
        bound = math.sqrt(3 * variance)
        return w.uniform_(-bound, bound, generator=draws)
    return w.normal_(0.0, math.sqrt(variance), generator=draws)


def _weight(leaf: _Leaf, spec: DrawnSpec, draws: torch.Generator) -> Tensor:
    """Return a leaf's weight, drawn part by part."""
    first, *others = leaf.shape
    shape = [first // leaf.parts, *others]
    if leaf.is_transposed:
        shape[:2] = shape[1::-1]
    drawn = [draw(spec, shape, draws) for _ in range(leaf.parts)]
    w = torch.cat([part.transpose(0, 1) if leaf.is_transposed else part for part in drawn])
    padding = getattr(leaf.owner, "padding_idx", None)
    if padding is not None:
        w[padding] = 0
    return w


@dataclass(frozen=True)
class _Leaf:
    """A trainable tensor of a network: ``name`` in the module ``owner``, ``path`` in the whole."""

    path: str
    name: str
    owner: nn.Module
    shape: tuple[int, ...]

    @property
    def is_weight(self) -> bool:
        """Whether it is one: (units, inputs, ...), and no row of learned tokens (1, ...)."""
        a_token = len(self.shape) > 2 and self.shape[0] == 1 and not self._is_convolution
        return len(self.shape) > 1 and not a_token

    @property
    def _is_convolution(self) -> bool:
        return isinstance(self.owner, nn.modules.conv._ConvNd)

    @property
    def is_transposed(self) -> bool:
        """Whether its inputs come before its units."""
        return isinstance(self.owner, nn.modules.conv._ConvTransposeNd)

    @property
    def parts(self) -> int:
        """How many matrices stand one below the other in it."""
        owner = self.owner
        if isinstance(owner, nn.modules.conv._ConvNd):
            return owner.groups
        if isinstance(owner, nn.RNNBase):
            return 1 if self.name.startswith("weight_hr") else GATES.get(owner.mode, 1)
        if isinstance(owner, nn.LSTMCell | nn.GRUCell):
            return GATES[type(owner).__name__.removesuffix("Cell")]
        return 3 if self.name == "in_proj_weight" else 1

    @torch.no_grad()
    def put(self, value: Tensor) -> None:
        """Set it, in its own dtype and on its own device."""
        if is_parametrized(self.owner, self.name):
            setattr(self.owner, self.name, value.to(getattr(self.owner, self.name)))
        else:
            self.owner.get_parameter(self.name).copy_(value)


def _leaves(module: nn.Module) -> Iterator[_Leaf]:
    """Yield the trainable tensors that an initialization may set, each once."""
    seen: set[int] = set()
    for prefix, owner in module.named_modules():
        if isinstance(owner, (*NORMS, ParametrizationList)):
            continue
        for name, parameters in _own(owner):
            new = not {id(p) for p in parameters} & seen
            seen.update(id(p) for p in parameters)
            # length and direction of the older weight normalization: one means nothing without the other
            halves = name.startswith("weight") and name.endswith(("_g", "_v"))
            if new and not halves and all(p.requires_grad for p in parameters):
                path = f"{prefix}.{name}" if prefix else name
                yield _Leaf(path, name, owner, tuple(getattr(owner, name).shape))


def _own(owner: nn.Module) -> Iterator[tuple[str, list[nn.Parameter]]]:
    """Yield the module's own tensors by name, each with the parameters that it is made of."""
    for name, parameter in owner.named_parameters(recurse=False):
        yield name, [parameter]
    if is_parametrized(owner):
        lists = owner.get_submodule("parametrizations")
        for name, parametrization in lists.named_children():
            yield name, list(parametrization.parameters(recurse=False))
