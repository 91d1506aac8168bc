"""What is trained, and what is spoilt in it: families of data x networks x arms.

All arms of a family see the same train samples for a seed, whatever the network; so the best that any of them reaches
on further samples is what was reachable for each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Arm:
    """One way to train a network of a family; numbers only, so that all arms of a network train as one population."""

    name: str
    cause: str
    """What was done on purpose, in a word; ``healthy`` where nothing was."""
    rate: float = 1.0
    """The learning rate, as a multiple of the network's own."""
    methods: Mapping[str, Any] = field(default_factory=dict)
    gain: float = 1.0
    """The start weights are multiplied by this."""
    bias: float = 0.0
    """Added to the hidden biases at the start."""
    length: float = 1.0
    """The part of the family's epochs after which the labelled curve ends."""
    in_train_mode: bool = False
    """Whether the train loss that is shown was measured in training, with dropout on."""

    @property
    def is_watched_inside(self) -> bool:
        """Whether single units are counted, which takes its time."""
        return self.name in ("plain", "dead", "half-dead", "saturated", "high", "huge")

    @property
    def is_calm(self) -> bool:
        """Whether it is regularized against overfitting."""
        return self.cause in ("regularized", "train-mode", "over-regularized")


PLAIN = Arm("plain", "healthy")
LOW = Arm("low", "lr-low", rate=1 / 30)
LOWISH = Arm("lowish", "lr-low", rate=1 / 8)
HIGH = Arm("high", "lr-high", rate=8)
HUGE = Arm("huge", "lr-high", rate=40)
DROPOUT = Arm("dropout", "regularized", methods={"dropout": {"rate": 0.4}})
DECAY = Arm("decay", "regularized", methods={"weight_decay": {"strength": 0.05}})
STRONG = Arm("strong-decay", "over-regularized", methods={"weight_decay": {"strength": 1.5}})
BOTH = Arm("dropout+decay", "regularized", methods={"dropout": {"rate": 0.5}, "weight_decay": {"strength": 0.1}})
SEEN = Arm("dropout-seen", "train-mode", methods={"dropout": {"rate": 0.5}}, in_train_mode=True)
NOISE = Arm("input-noise", "regularized", methods={"gaussian_noise": {"std": 0.3}})
SHORT = Arm("short", "too-short", rate=0.6, length=0.2)
GIANT = Arm("giant", "lr-high", rate=300)
CLIPPED = Arm("high-clipped", "clipped", rate=8, methods={"clip_norm": {"limit": 0.5}})
HUGE_CLIPPED = Arm("huge-clipped", "clipped", rate=40, methods={"clip_norm": {"limit": 0.1}})
BURSTING = Arm("burst", "explodes", gain=3.0, rate=2.0)
BURSTING_CLIPPED = Arm("burst-clipped", "clipped", gain=3.0, rate=2.0, methods={"clip_norm": {"limit": 0.5}})
DEAD = Arm("dead", "dead", bias=-3.0)
HALF_DEAD = Arm("half-dead", "dead", bias=-1.5)
SATURATED = Arm("saturated", "saturated", gain=12.0)

WIDE = (PLAIN, LOW, LOWISH, HIGH, HUGE, DROPOUT, DECAY, BOTH, SEEN, SHORT, HALF_DEAD)
MIDDLE = (PLAIN, LOWISH, HIGH, DROPOUT, DECAY, STRONG, SHORT, DEAD)
FEW = (PLAIN, DECAY)


@dataclass(frozen=True)
class Net:
    """A network of a family."""

    name: str
    model: Mapping[str, Any]
    arms: tuple[Arm, ...]
    size: str = "right"
    """``small`` where it is too small on purpose, ``deep`` where it passes on hardly any gradient, ``late`` where it
    begins to learn late."""

    @property
    def is_small(self) -> bool:
        """Whether it stands for a smaller network among the remedies."""
        return self.size == "small"


def mlp(name: str, *hidden: int, arms: tuple[Arm, ...], activation: str = "relu", size: str = "right") -> Net:
    return Net(name, {"kind": "mlp", "hidden": hidden, "activation": activation}, arms, size)


LINEAR = mlp("linear", arms=(PLAIN, DECAY), size="small")
TINY = mlp("tiny", 2, arms=(PLAIN,), size="small")
NARROW = mlp("mlp-16", 16, arms=MIDDLE)
BROAD = mlp("mlp-128-64", 128, 64, arms=WIDE)
TANH = mlp("tanh-32-32", 32, 32, arms=(PLAIN, DECAY, SATURATED), activation="tanh")
SIGMOID = mlp("sigmoid-8x16", *[16] * 8, arms=(PLAIN,), activation="sigmoid", size="deep")
SLOW_START = mlp("sigmoid-3x24", *[24] * 3, arms=(PLAIN,), activation="sigmoid", size="late")
DEEP = mlp("mlp-5x32", *[32] * 5, arms=(PLAIN, DROPOUT, BURSTING, BURSTING_CLIPPED))
ROUGH = mlp("mlp-64-64", 64, 64, arms=(PLAIN, HIGH, HUGE, GIANT, CLIPPED, HUGE_CLIPPED, SEEN))
VECTOR = (LINEAR, TINY, NARROW, BROAD, TANH, SIGMOID, SLOW_START, DEEP, ROUGH)
FEWER = (LINEAR, TINY, NARROW, BROAD, TANH)
FEW_ROUGH = (*FEWER, ROUGH)


@dataclass(frozen=True)
class Family:
    """A data set with its numbers of samples; ``seeds`` replicates in each half."""

    name: str
    data: str
    train: int
    validation: int
    lr: float
    nets: tuple[Net, ...]
    noise: float = 0.0
    """The share of labels that are wrong; of classes only."""
    noisy: str = "all"
    """``all`` parts have wrong labels, or ``train`` alone."""
    epochs: int = 40
    """The longest labelled curve; trainings go on to three times that."""
    seeds: int = 1
    halves: tuple[int, ...] = (0, 1)
    split: bool = True
    """Whether the halves share no sample; small sets are in one half alone."""
    batch: int = 32


RNN = Net("gru-16", {"kind": "rnn", "cell": "gru", "hidden": [16]}, (PLAIN, LOWISH, HIGH, DECAY, SHORT))
CNN_1D = Net("cnn-8-16", {"kind": "cnn", "channels": [8, 16]}, (PLAIN, LOWISH, DECAY, SHORT))
CNN = Net(
    "cnn-12-24",
    {"kind": "cnn", "channels": [12, 24], "hidden": [32]},
    (PLAIN, LOW, LOWISH, HIGH, DROPOUT, DECAY, SHORT),
)
SMALL_CNN = Net("cnn-2", {"kind": "cnn", "channels": [2, 2]}, (PLAIN,), "small")

FAMILIES = (
    Family("digits-100", "digits", 100, 200, 0.02, VECTOR, epochs=100),
    Family("digits-400", "digits", 400, 160, 0.02, VECTOR),
    Family("digits-noisy", "digits", 300, 200, 0.02, FEWER, noise=0.3, epochs=60),
    Family("hastie-150", "hastie", 150, 300, 0.02, FEWER, epochs=90),
    Family("hastie-1500", "hastie", 1500, 500, 0.02, VECTOR),
    Family("friedman-80", "friedman", 80, 300, 0.01, FEWER, epochs=100),
    Family("friedman-1000", "friedman", 1000, 400, 0.01, VECTOR),
    Family("breast-cancer", "breast-cancer", 150, 130, 0.01, FEW_ROUGH, halves=(1,), split=False, epochs=60, seeds=2),
    Family("fashion-200", "fashion-mnist", 200, 300, 0.01, FEWER, epochs=60),
    Family("fashion-1000", "fashion-mnist", 1000, 400, 0.01, VECTOR),
    Family("fashion-noisy", "fashion-mnist", 600, 400, 0.01, FEWER, noise=0.3),
    Family("mnist-300", "mnist", 300, 400, 0.01, FEWER, epochs=60),
    Family("mnist-noisy", "mnist", 500, 400, 0.01, FEWER, noise=0.25, noisy="train"),
    Family(
        "power",
        "ItalyPowerDemand",
        100,
        250,
        0.02,
        (RNN, CNN_1D, LINEAR, BROAD, ROUGH),
        halves=(0,),
        split=False,
        epochs=60,
        seeds=2,
    ),
    Family("cifar-600", "cifar10", 600, 400, 0.01, (CNN, SMALL_CNN), epochs=24),
)


def _final(name: str, data: str | None = None, nets: tuple[Net, ...] | None = None, seeds: int = 1) -> Family:
    """Return a family with a seed, and where there are enough, samples of its own."""
    old = next(family for family in FAMILIES if family.name == name)
    return replace(old, data=data or old.data, nets=nets or old.nets, seeds=seeds, halves=(2,), split=False)


FINAL = (
    _final("digits-400", nets=(*FEW_ROUGH, SLOW_START, DEEP), seeds=2),
    _final("power", nets=(LINEAR, BROAD, ROUGH), seeds=2),
    _final("breast-cancer", seeds=2),
    _final("digits-noisy"),
    _final("friedman-1000", "fresh friedman", FEW_ROUGH),
    _final("mnist-300", "fresh mnist"),
    _final("friedman-80", "fresh friedman"),
    _final("fashion-1000", "fresh fashion-mnist", (LINEAR, TINY, NARROW, ROUGH)),
)
"""The third part, which is looked at once: drawn anew for the rules that were set with both halves in sight."""
