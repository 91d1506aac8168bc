"""Which optimizer, with its numbers. Each class is the card of its rule (``wellfit.train.optimizers``).

Names and defaults of numbers are those of ``torch.optim``. In the formulas g is the gradient, w a weight, t counts the
steps from 1, and whatever an arrow fills starts at 0; the learning rate is the schedule's at that step.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from wellfit.recipe.base import Frozen, NotNegative, Positive, Unit

Switch = Annotated[bool, Field(strict=True)]


class SgdSpec(Frozen):
    """Takes a step against the gradient: stochastic gradient descent, with classical momentum where that is not 0.

    Formula: v <- momentum v + g;  w <- w - lr v.
    Range: ``lr`` > 0, usual 0.01 to 0.1 for scaled data; ``momentum`` in [0, 1), 0 is plain SGD.
    Does little for: a loss that is much steeper in some directions than in others: lr is bounded by the steepest one,
    and the flat ones hardly move.
    Does harm when: layers have gradients of very different size, as in recurrent networks: the steepest bounds the rate
    and the others stand still.
    Source: Robbins & Monro 1951, "A stochastic approximation method".
    """

    kind: Literal["sgd"] = "sgd"
    lr: Positive = 0.01
    momentum: Unit = 0.0


class MomentumSpec(Frozen):
    """Adds up past gradients as a heavy ball gathers speed: classical momentum.

    Formula: v <- momentum v + g;  w <- w - lr v.
    Range: ``lr`` > 0; where the gradient stays the same, the steps grow to lr / (1 - momentum); ``momentum`` in [0, 1),
    usual 0.9; at 0 it is plain SGD.
    Does little for: a loss that is equally steep in all directions: SGD with lr / (1 - momentum) does the same there.
    Does harm when: the rate was near the stable limit without it: steps grow by 1 / (1 - momentum), and it overshoots.
    Source: Polyak 1964, "Some methods of speeding up the convergence of iteration methods"; Sutskever, Martens, Dahl &
    Hinton 2013, "On the importance of initialization and momentum in deep learning", equations 1 and 2 (there lr stands
    inside v).
    """

    kind: Literal["momentum"] = "momentum"
    lr: Positive = 0.01
    momentum: Unit = 0.9


class NesterovSpec(Frozen):
    """Momentum that looks ahead: the gradient counts as if it were taken where the ball is about to be.

    Formula: v <- momentum v + g;  w <- w - lr (g + momentum v).
    Range: ``lr`` > 0; ``momentum`` in [0, 1), usual 0.9; at 0 it is plain SGD.
    Does little for: small momentum or a small lr: there it takes nearly the steps of classical momentum.
    Does harm when: gradients are very noisy: what it looks ahead by is noise. Else as ``momentum``.
    Source: Nesterov 1983, "A method for solving the convex programming problem with convergence rate O(1/k^2)";
    Sutskever, Martens, Dahl & Hinton 2013, "On the importance of initialization and momentum in deep learning",
    equations 3 and 4 (here, as in ``torch.optim.SGD``, w stands for their point ahead).
    """

    kind: Literal["nesterov"] = "nesterov"
    lr: Positive = 0.01
    momentum: Unit = 0.9


class AdagradSpec(Frozen):
    """Divides each weight's step by the length of all its past gradients.

    Formula: s <- s + g^2;  w <- w - lr / (1 + (t - 1) lr_decay) g / (sqrt(s + initial_accumulator_value) + eps).
    Range: ``lr`` > 0, usual 0.01; ``lr_decay`` >= 0, 0 is none; ``initial_accumulator_value`` >= 0, where s starts;
    ``eps`` > 0 keeps the quotient finite.
    Does little for: long trainings: s only grows, so that gradients of the same size make steps that shrink like
    1 / sqrt(t).
    Does harm when: trainings are long, or the first gradients are huge: the rate is used up early.
    Source: Duchi, Hazan & Singer 2011, "Adaptive subgradient methods for online learning and stochastic optimization"
    (with diagonal matrices).
    """

    kind: Literal["adagrad"] = "adagrad"
    lr: Positive = 0.01
    lr_decay: NotNegative = 0.0
    initial_accumulator_value: NotNegative = 0.0
    eps: Positive = 1e-10


class AdadeltaSpec(Frozen):
    """Steps as large as the recent steps were, over the size of recent gradients: units of w, without a tuned lr.

    Formula: s <- rho s + (1 - rho) g^2;  d = g sqrt(u + eps) / sqrt(s + eps);  u <- rho u + (1 - rho) d^2;
    w <- w - lr d.
    Range: ``lr`` > 0, 1 is the paper's rule; ``rho`` in [0, 1), usual 0.9; ``eps`` > 0 sets the first steps' size.
    Does little for: short trainings: the first steps have the size of sqrt(eps) and grow slowly.
    Does harm when: trainings are short: it is still warming up.
    Source: Zeiler 2012, "ADADELTA: an adaptive learning rate method", algorithm 1.
    """

    kind: Literal["adadelta"] = "adadelta"
    lr: Positive = 1.0
    rho: Unit = 0.9
    eps: Positive = 1e-6


class RmspropSpec(Frozen):
    """Divides each weight's step by the root mean square of its recent gradients.

    Formula: s <- alpha s + (1 - alpha) g^2;  v <- momentum v + g / (sqrt(s) + eps);  w <- w - lr v. With ``centered``
    m <- alpha m + (1 - alpha) g and sqrt(s - m^2) stands for sqrt(s).
    Range: ``lr`` > 0, usual 0.001 to 0.01; ``alpha`` in [0, 1), usual 0.9 to 0.99; ``eps`` > 0; ``momentum`` in [0, 1),
    0 is none; ``centered`` true or false.
    Does little for: the first steps: s starts at 0 and is not corrected for it, so they are up to 1 / sqrt(1 - alpha)
    times too large (Adam corrects it).
    Does harm when: the first steps, up to ten times too large, throw a fragile start away; or plain descent would
    generalize better (Wilson et al. 2017).
    Source: Tieleman & Hinton 2012, "Lecture 6.5: rmsprop", Neural Networks for Machine Learning; centered: Graves 2013,
    "Generating sequences with recurrent neural networks".
    """

    kind: Literal["rmsprop"] = "rmsprop"
    lr: Positive = 0.01
    alpha: Unit = 0.99
    eps: Positive = 1e-8
    momentum: Unit = 0.0
    centered: Switch = False


class AdamSpec(Frozen):
    """Momentum over the root mean square of recent gradients, both corrected for their start at 0.

    Formula: m <- beta1 m + (1 - beta1) g;  v <- beta2 v + (1 - beta2) g^2;
    w <- w - lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps).
    Range: ``lr`` > 0, usual 0.0001 to 0.003, about the size of one step; ``beta1`` in [0, 1), usual 0.9; ``beta2`` in
    [0, 1), usual 0.999; ``eps`` > 0.
    Does little for: an ``l2`` penalty: its gradient is divided with the rest, so that weights with large gradients are
    shrunk less; ``adamw`` shrinks all alike.
    Does harm when: plain descent had arrived: it can end at weights that generalize worse (Wilson et al. 2017); rare
    large gradients are forgotten too soon (Reddi et al. 2018).
    Source: Kingma & Ba 2015, "Adam: a method for stochastic optimization", algorithm 1.
    """

    kind: Literal["adam"] = "adam"
    lr: Positive = 0.001
    beta1: Unit = 0.9
    beta2: Unit = 0.999
    eps: Positive = 1e-8


class AmsgradSpec(Frozen):
    """Adam whose divisor never shrinks: it keeps the largest mean square so far.

    Formula: m and v as in Adam;  u <- max(u, v);  w <- w - lr m / (1 - beta1^t) / (sqrt(u / (1 - beta2^t)) + eps).
    Range: ``lr`` > 0; ``beta1`` in [0, 1), usual 0.9; ``beta2`` in [0, 1), usual 0.999; ``eps`` > 0.
    Does nothing for: a run whose mean squares only grow: there u is v, and it is Adam.
    Does harm when: the first gradients are huge: its divisor never forgets them, and steps stay small.
    Source: Reddi, Kale & Kumar 2018, "On the convergence of Adam and beyond", algorithm 2 (here, as in
    ``torch.optim.Adam(amsgrad=True)``, with Adam's corrections for the start).
    """

    kind: Literal["amsgrad"] = "amsgrad"
    lr: Positive = 0.001
    beta1: Unit = 0.9
    beta2: Unit = 0.999
    eps: Positive = 1e-8


class AdamaxSpec(Frozen):
    """Adam with the largest recent gradient in place of the root mean square.

    Formula: m <- beta1 m + (1 - beta1) g;  u <- max(beta2 u, |g| + eps);  w <- w - lr / (1 - beta1^t) m / u.
    Range: ``lr`` > 0, usual 0.002, about the most that a step can be; ``beta1`` in [0, 1), usual 0.9; ``beta2`` in
    [0, 1), usual 0.999; ``eps`` > 0.
    Does little for: gradients with rare outliers: after one, that weight's steps stay small for about 1 / (1 - beta2)
    steps.
    Does harm when: a single huge gradient makes a weight's steps small for thousands of steps.
    Source: Kingma & Ba 2015, "Adam: a method for stochastic optimization", algorithm 2 (eps: ``torch.optim.Adamax``).
    """

    kind: Literal["adamax"] = "adamax"
    lr: Positive = 0.002
    beta1: Unit = 0.9
    beta2: Unit = 0.999
    eps: Positive = 1e-8


class NadamSpec(Frozen):
    """Adam with momentum that looks ahead, as Nesterov's does.

    Formula: m and v as in Adam;  mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2);  M_t = mu_1 mu_2 ... mu_t;
    w <- w - lr ((1 - mu_t) g / (1 - M_t) + mu_(t+1) m / (1 - M_(t+1))) / (sqrt(v / (1 - beta2^t)) + eps).
    Range: ``lr`` > 0; ``beta1`` in [0, 1), usual 0.9; ``beta2`` in [0, 1), usual 0.999; ``eps`` > 0;
    ``momentum_decay`` >= 0, how fast mu grows from beta1 / 2 to beta1, usual 0.004; at 0 it stays beta1 / 2.
    Does nothing for: beta1 = 0, where it is Adam; what Adam does little for, it does little for too.
    Does harm when: the rate is near Adam's stable limit: it goes a little further. Else as ``adam``.
    Source: Dozat 2016, "Incorporating Nesterov momentum into Adam" (in the form of ``torch.optim.NAdam``).
    """

    kind: Literal["nadam"] = "nadam"
    lr: Positive = 0.002
    beta1: Unit = 0.9
    beta2: Unit = 0.999
    eps: Positive = 1e-8
    momentum_decay: NotNegative = 0.004


class DecoupledSpec(Frozen):
    """A rule to which decay of the weights beside the update belongs: the regularizer ``weight_decay`` does it."""

    kind: str
    lr: Positive
    weight_decay: NotNegative
    """Not used where the recipe names the regularizer ``weight_decay`` itself."""


class AdamWSpec(DecoupledSpec):
    """Adam with decoupled weight decay: Adam and the regularizer ``weight_decay``, in one name.

    Formula: w <- w (1 - lr weight_decay), then Adam's update.
    Range: ``lr`` > 0, usual 0.0001 to 0.003; ``beta1`` in [0, 1), usual 0.9; ``beta2`` in [0, 1), usual 0.999;
    ``eps`` > 0; ``weight_decay`` >= 0, 0 is Adam; biases and norm parameters do not decay. A regularizer
    ``weight_decay`` in the recipe takes its place.
    Does little for: short trainings with a small lr: the weights shrink by lr weight_decay in a step.
    Does harm when: the decay is large for the length of training, or the network underfits; else as ``adam``.
    Source: Loshchilov & Hutter 2019, "Decoupled weight decay regularization", algorithm 2.
    """

    kind: Literal["adamw"] = "adamw"
    lr: Positive = 0.001
    beta1: Unit = 0.9
    beta2: Unit = 0.999
    eps: Positive = 1e-8
    weight_decay: NotNegative = 0.01


class LionSpec(DecoupledSpec):
    """Steps by the sign of an average of gradients: each weight moves by lr in every step.

    Formula: w <- w (1 - lr weight_decay);  w <- w - lr sign(beta1 m + (1 - beta1) g);  m <- beta2 m + (1 - beta2) g.
    Range: ``lr`` > 0, usual a third to a tenth of Adam's; ``beta1`` in [0, 1), usual 0.9; ``beta2`` in [0, 1), usual
    0.99; ``weight_decay`` >= 0, 0 is none, usual 3 to 10 times AdamW's; biases and norm parameters do not decay. A
    regularizer ``weight_decay`` in the recipe takes its place.
    Does little for: small batches: the sign of a noisy average is noise, and its steps are not smaller for it.
    Does harm when: batches are small, or the rate is that of Adam: every weight moves by lr in every step.
    Source: Chen et al. 2023, "Symbolic discovery of optimization algorithms", algorithm 2.
    """

    kind: Literal["lion"] = "lion"
    lr: Positive = 0.0001
    beta1: Unit = 0.9
    beta2: Unit = 0.99
    weight_decay: NotNegative = 0.0


OptimizerSpec = Annotated[
    SgdSpec
    | MomentumSpec
    | NesterovSpec
    | AdagradSpec
    | AdadeltaSpec
    | RmspropSpec
    | AdamSpec
    | AdamWSpec
    | AmsgradSpec
    | AdamaxSpec
    | NadamSpec
    | LionSpec,
    Field(discriminator="kind"),
]
