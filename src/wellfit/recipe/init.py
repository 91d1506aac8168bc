"""How the weights start. Each class is the card of its draw (``wellfit.models.init``).

In the formulas n is a weight's fan-in, the number of inputs that a unit adds up (for convolutions times the kernel's
size), and m its fan-out, the number of units that an input leads to. All act on the weights with two or more axes;
biases start at 0, and normalization layers at 1 and 0.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from wellfit.recipe.base import Frozen, NotNegative, Positive

Number = Annotated[float, Field(allow_inf_nan=False, strict=True)]


class DefaultSpec(Frozen):
    """Leaves the weights and biases as the network's own constructor draws them.

    Formula: for PyTorch's linear layers and convolutions w, b ~ U(-1/sqrt(n), 1/sqrt(n)), a variance of 1/(3n).
    Range: no numbers.
    Does little for: deep networks without normalization: activations shrink from layer to layer.
    Does harm when: the network is deep and has no normalization: the signal fades with every layer.
    Source: LeCun, Bottou, Orr & Muller 1998, "Efficient BackProp", section 4.6 (there with a variance of 1/n).
    """

    kind: Literal["default"] = "default"


class ZerosSpec(Frozen):
    """Starts all weights at 0, which shows that hidden units never come to differ.

    Formula: w = 0.
    Range: no numbers.
    Does nothing for: a network with hidden layers: no error reaches their weights, as all weights on its way are 0
    (with ReLU or tanh for ever, with sigmoid until the last layer has moved; then all units get the same one). Without
    hidden layers 0 is as good a start as any.
    Does harm when: there is a hidden layer: it never learns.
    Source: Rumelhart, Hinton & Williams 1986, "Learning internal representations by error propagation" (breaking
    symmetry).
    """

    kind: Literal["zeros"] = "zeros"


class ConstantInitSpec(Frozen):
    """Starts all weights at one number, which shows that equal units get equal gradients and stay equal.

    Formula: w = value.
    Range: ``value`` any finite number; 0 is ``zeros``.
    Does nothing for: a network with hidden layers: each of them remains one unit, however wide it is.
    Does harm when: there is a hidden layer: its units never come to differ.
    Source: Rumelhart, Hinton & Williams 1986, "Learning internal representations by error propagation" (breaking
    symmetry).
    """

    kind: Literal["constant"] = "constant"
    value: Number = 0.1


class NormalSpec(Frozen):
    """Draws all weights from one normal distribution, whatever the width of their layer.

    Formula: w ~ N(mean, std^2).
    Range: ``mean`` any finite number; ``std`` >= 0, usual 0.01.
    Does little for: deep networks: with each layer activations change by a factor of std sqrt(n) or so, and vanish or
    blow up.
    Does harm when: layers are wide or many, and ``std`` does not follow 1 / sqrt(n): signals vanish or blow up.
    Source: Krizhevsky, Sutskever & Hinton 2012, "ImageNet classification with deep convolutional neural networks",
    section 5.
    """

    kind: Literal["normal"] = "normal"
    mean: Number = 0.0
    std: NotNegative = 0.01


class UniformSpec(Frozen):
    """Draws all weights from one interval around 0, whatever the width of their layer.

    Formula: w ~ U(-bound, bound), a variance of bound^2 / 3.
    Range: ``bound`` >= 0, usual 0.05.
    Does little for: deep networks: with each layer activations change by a factor of bound sqrt(n / 3) or so, and
    vanish or blow up.
    Does harm when: layers are wide or many, and ``bound`` does not follow 1 / sqrt(n): signals vanish or blow up.
    Source: Rumelhart, Hinton & Williams 1986, "Learning internal representations by error propagation" (small random
    weights).
    """

    kind: Literal["uniform"] = "uniform"
    bound: NotNegative = 0.05


class XavierUniformSpec(Frozen):
    """Draws uniformly with a variance between those that keep activations, and gradients, of one size in all layers.

    Formula: w ~ U(-a, a);  a = gain sqrt(6 / (n + m)), a variance of 2 gain^2 / (n + m).
    Range: ``gain`` > 0; 1 for tanh and sigmoid (as published).
    Does little for: ReLU, which halves the variance in each layer: use ``he_uniform``.
    Does harm when: ReLU layers are many: the signal is halved in each.
    Source: Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks",
    equation 16.
    """

    kind: Literal["xavier_uniform"] = "xavier_uniform"
    gain: Positive = 1.0


class XavierNormalSpec(Frozen):
    """Draws normally with a variance between those that keep activations, and gradients, of one size in all layers.

    Formula: w ~ N(0, 2 gain^2 / (n + m)).
    Range: ``gain`` > 0; 1 for tanh and sigmoid (as published).
    Does little for: ReLU, which halves the variance in each layer: use ``he_normal``.
    Does harm when: ReLU layers are many: the signal is halved in each.
    Source: Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks",
    equation 12.
    """

    kind: Literal["xavier_normal"] = "xavier_normal"
    gain: Positive = 1.0


Mode = Literal["fan_in", "fan_out"]


class HeUniformSpec(Frozen):
    """Draws uniformly with the variance that keeps activations of one size through layers of ReLU.

    Formula: w ~ U(-a, a);  a = sqrt(6 / n), a variance of 2 / n; with ``fan_out`` m stands for n.
    Range: ``mode`` ``fan_in`` keeps the size of activations, ``fan_out`` that of gradients.
    Does little for: tanh and sigmoid, which it drives towards saturation: use ``xavier_uniform``.
    Does harm when: activations are bounded, as tanh and sigmoid: it drives them to their ends; or branches add up, as
    in residual networks.
    Source: He, Zhang, Ren & Sun 2015, "Delving deep into rectifiers", equations 10 and 14 (there normal).
    """

    kind: Literal["he_uniform"] = "he_uniform"
    mode: Mode = "fan_in"


class HeNormalSpec(Frozen):
    """Draws normally with the variance that keeps activations of one size through layers of ReLU.

    Formula: w ~ N(0, 2 / n); with ``fan_out`` m stands for n.
    Range: ``mode`` ``fan_in`` keeps the size of activations, ``fan_out`` that of gradients.
    Does little for: tanh and sigmoid, which it drives towards saturation: use ``xavier_normal``.
    Does harm when: activations are bounded, as tanh and sigmoid: it drives them to their ends; or branches add up, as
    in residual networks.
    Source: He, Zhang, Ren & Sun 2015, "Delving deep into rectifiers", equations 10 and 14.
    """

    kind: Literal["he_normal"] = "he_normal"
    mode: Mode = "fan_in"


class LecunUniformSpec(Frozen):
    """Draws uniformly with the variance that keeps the sum of a unit's inputs as large as one of them.

    Formula: w ~ U(-a, a);  a = sqrt(3 / n), a variance of 1 / n.
    Range: no numbers.
    Does little for: ReLU, which halves the variance in each layer: use ``he_uniform``.
    Does harm when: ReLU layers are many: the signal is halved in each.
    Source: LeCun, Bottou, Orr & Muller 1998, "Efficient BackProp", section 4.6.
    """

    kind: Literal["lecun_uniform"] = "lecun_uniform"


class LecunNormalSpec(Frozen):
    """Draws normally with the variance that keeps the sum of a unit's inputs as large as one of them.

    Formula: w ~ N(0, 1 / n).
    Range: no numbers.
    Does little for: ReLU, which halves the variance in each layer: use ``he_normal``. Made for SELU, too.
    Does harm when: ReLU layers are many: the signal is halved in each.
    Source: LeCun, Bottou, Orr & Muller 1998, "Efficient BackProp", section 4.6; Klambauer, Unterthiner, Mayr &
    Hochreiter 2017, "Self-normalizing neural networks".
    """

    kind: Literal["lecun_normal"] = "lecun_normal"


class OrthogonalSpec(Frozen):
    """Draws a matrix that turns its input and changes no length, so that depth alone neither shrinks nor stretches.

    Formula: W^T W = gain^2 I, or W W^T = gain^2 I where a layer has fewer units than inputs; uniform among those.
    Range: ``gain`` > 0; 1 for linear layers, sqrt(2) for ReLU. A convolution's kernel counts as (units, inputs of one
    place), a recurrent layer's as one matrix for each gate.
    Does little for: networks of one or two layers: there it is hardly another start than ``lecun_normal``.
    Does harm when: ``gain`` does not suit the activation: a gain of 1 fades through many ReLU layers.
    Source: Saxe, McClelland & Ganguli 2014, "Exact solutions to the nonlinear dynamics of learning in deep linear
    neural networks".
    """

    kind: Literal["orthogonal"] = "orthogonal"
    gain: Positive = 1.0


class PretrainedSpec(Frozen):
    """Starts from the weights in a file, as far as they fit, and leaves the rest as the constructor draws it.

    Formula: w = the file's tensor of the same name, where it has the same shape; running statistics too.
    Range: ``path`` to a ``.safetensors`` file, such as a study's ``models/ARM/SEED.safetensors``; ``strict`` true makes
    whatever does not fit an error: without it, a new head for other classes is left as drawn.
    Does little for: data that have little in common with those of the file.
    Does harm when: the weights come from data that have little in common with these: the start is then worse than a
    random one (Wang et al. 2019, negative transfer).
    Source: Yosinski, Clune, Bengio & Lipson 2014, "How transferable are features in deep neural networks?".
    Usage: ``init: {kind: pretrained, path: models/plain/0.safetensors}``
    """

    kind: Literal["pretrained"] = "pretrained"
    path: str = Field(min_length=1)
    strict: Annotated[bool, Field(strict=True)] = False


DrawnSpec = (
    ZerosSpec
    | ConstantInitSpec
    | NormalSpec
    | UniformSpec
    | XavierUniformSpec
    | XavierNormalSpec
    | HeUniformSpec
    | HeNormalSpec
    | LecunUniformSpec
    | LecunNormalSpec
    | OrthogonalSpec
)

InitSpec = Annotated[
    DefaultSpec
    | ZerosSpec
    | ConstantInitSpec
    | NormalSpec
    | UniformSpec
    | XavierUniformSpec
    | XavierNormalSpec
    | HeUniformSpec
    | HeNormalSpec
    | LecunUniformSpec
    | LecunNormalSpec
    | OrthogonalSpec
    | PretrainedSpec,
    Field(discriminator="kind"),
]
