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
    """Multi-layer perceptron: flatten, then linear layers with an activation between; the default for vectors.

    Formula: h_0 = x;  h_i = a(N(W_i h_{i-1} + b_i)), a the activation, N the normalization;  z = W h_n + b.
    Range: ``hidden`` the widths of the hidden layers, ``[]`` none: a linear model; ``activation`` relu, leaky_relu,
    tanh, sigmoid, gelu, elu or silu; ``norm`` none, batch, layer or group.
    Does little for: images and sequences that move about: it learns each place anew.
    Does harm when: data are few for its width, so that it learns them by heart; or images are large: every pixel has
    weights of its own.
    Source: Rumelhart, Hinton & Williams 1986, "Learning representations by back-propagating errors".
    """

    kind: Literal["mlp"] = "mlp"
    hidden: tuple[Count, ...] = (128, 128)
    activation: Activation = "relu"
    norm: NormSpec = NoNormSpec()


class CnnSpec(Frozen):
    """Convolutional network: blocks of convolution, activation and max-pool, then an MLP head; the default for images.

    Formula: h_i = maxpool_2(a(N(W_i * h_{i-1} + b_i))), * a convolution with a kernel of 3 (3x3) that keeps the size,
    along time for sequences (T, C);  z an ``mlp`` of h_n, flattened.
    Range: ``channels`` of the blocks, each of which halves the image or the sequence, rounding down: at most log2 of
    its shorter side; ``hidden`` the widths of the head's hidden layers, none by default; ``activation`` as of ``mlp``;
    ``norm`` none, batch, layer, instance or group.
    Does little for: tables, whose columns have no neighbours; vectors are refused.
    Does harm when: the place matters or neighbors mean nothing: shared kernels and pooling cannot tell.
    Source: LeCun, Bottou, Bengio & Haffner 1998, "Gradient-based learning applied to document recognition", section II.
    """

    kind: Literal["cnn"] = "cnn"
    channels: tuple[Count, ...] = Field(default=(32, 64, 128), min_length=1)
    hidden: tuple[Count, ...] = ()
    activation: Activation = "relu"
    norm: NormSpec = NoNormSpec()


class RnnSpec(Frozen):
    """Recurrent network: a state that is carried from time step to time step, and a linear head; the default for
    sequences.

    Formula: lstm: i, f, o = sigmoid(W x_t + U h_{t-1} + b), g = tanh(W x_t + U h_{t-1} + b), each with its own W, U, b;
    c_t = f c_{t-1} + i g;  h_t = o tanh(c_t). gru and rnn as PyTorch's. z = W r + b, r the last h_t and their mean.
    Range: ``cell`` lstm, gru or rnn; ``hidden`` the widths of the layers, each reading the one before;
    ``bidirectional`` true adds to each a layer that runs back in time; ``read`` both, or mean, or last, the state at
    the end, which after padding has read the padding; ``forget_bias`` where the bias of an lstm's f starts, usual 1:
    what is remembered is kept at first; ``norm`` none or layer, over the units of each layer's h_t, of the last r.

    Regularizers of hidden activations, such as ``dropout``, act on what is read of a layer: h_t, of the last one r.
    Does little for: sequences of thousands of steps, such as raw audio: gradients fade, and steps cannot be computed at
    once; use ``cnn``, or ``features: log_mel``.
    Does harm when: sequences are few and long: it forgets what was early, and learns them by heart.
    Source: Hochreiter & Schmidhuber 1997, "Long short-term memory"; Cho et al. 2014, "Learning phrase representations
    using RNN encoder-decoder" (gru); Elman 1990, "Finding structure in time" (rnn); Jozefowicz, Zaremba & Sutskever
    2015, "An empirical exploration of recurrent network architectures" (``forget_bias``).
    """

    kind: Literal["rnn"] = "rnn"
    cell: Literal["lstm", "gru", "rnn"] = "lstm"
    hidden: tuple[Count, ...] = Field(default=(64,), min_length=1)
    bidirectional: Annotated[bool, Field(strict=True)] = False
    read: Literal["last", "mean", "both"] = "both"
    forget_bias: Annotated[float, Field(allow_inf_nan=False, strict=True)] = 1.0
    norm: NormSpec = NoNormSpec()


class UnetSpec(Frozen):
    """U-Net: down to coarse features and up again, with a way across at each size; the default for segmentation.

    Formula: d_1 = B(x), d_i = B(maxpool_2(d_{i-1}));  u_n = d_n, u_i = B([d_i, W * up(u_{i+1})]);  z a 1x1
    convolution of u_1, B two times 3x3 convolution, normalization, activation, up doubling by nearest neighbours. Odd
    sides are rounded up by the max-pool, and cut to the size of d_i on the way up: the answer is as large as the image.
    Range: ``channels`` of the levels from fine to coarse, at most 1 + log2 of the shorter side; ``activation`` as of
    ``mlp``; ``norm`` none, batch, layer, instance or group.
    Does nothing for: classification and regression, which have one answer for an image: it is refused.
    Does harm when: images are few: deep levels with many channels learn them by heart.
    Source: Ronneberger, Fischer & Brox 2015, "U-Net: convolutional networks for biomedical image segmentation" (there
    without padding and with learned upsampling); Odena, Dumoulin & Olah 2016, "Deconvolution and checkerboard
    artifacts" (nearest neighbours, then a convolution).
    """

    kind: Literal["unet"] = "unet"
    channels: tuple[Count, ...] = Field(default=(16, 32, 64), min_length=1)
    activation: Activation = "relu"
    norm: NormSpec = NoNormSpec()


class ImportSpec(Frozen):
    """Any ``nn.Module`` by import path, called with ``args`` as keywords. A name ending in ``.py:Name`` is a file."""

    kind: Literal["import"] = "import"
    import_: str = Field(alias="import", min_length=1)
    args: dict[str, Any] = {}
    norm: NormSpec = NoNormSpec()
    """Put into the network without editing it: before every hidden activation module, or at ``norm_at``."""
    norm_at: Names = ()
    """Names of modules: the normalization stands before an activation of that name, and after any other module."""


ModelSpec = Annotated[MlpSpec | CnnSpec | RnnSpec | UnetSpec | ImportSpec, Field(discriminator="kind")]

SPEAKING: Mapping[str, tuple[str, ...]] = {
    "import": ("import",),
    "channels": ("cnn", "unet"),
    "cell": ("rnn",),
    "bidirectional": ("rnn",),
    "read": ("rnn",),
}
"""Keys, and the kinds of network that have them, the likeliest first."""


def implied_kind(model: Mapping[str, Any], present: str | None = None) -> str | None:
    """Return the kind of network that has such keys: ``present``, the one there is, where it is among them."""
    kinds = next((kinds for key, kinds in SPEAKING.items() if key in model), None)
    return None if kinds is None else present if present in kinds else kinds[0]
