"""The table of candidates: what each work is measured on, by whom and in which form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wellfit.machine import WAITING

EPOCH, SUBSET, FEW = 60_000, 6_400, 3_200
"""Samples: all of Fashion-MNIST; where the rest of an epoch would only be more of the same; where it is very slow."""

CIFAR = 1_280
HOMEWORK, PLAIN, KORNIA = "the homework's loop", "plain PyTorch in memory", "plain PyTorch and kornia"
ALONE, STUDY, POPULATION = "wellfit, one member", "wellfit, 8 arms x 3 seeds", "wellfit, 4 arms x 6 seeds"
BF16 = "wellfit, one member, bf16"
RATE = "matrix products alone"
WORKS = ("mlp", "mlp augmented", "wide", "cnn", "lstm", "resnet", "racing", "linear", "start")
RACED = ("lr", "factors-cancer")
"""Studies of ``benchmarks/racing_study.py`` that are run here; it replays all of them."""
TITLES = {
    "mlp": "MLP 784-128-128-10, s an epoch of 60,000 and member",
    "mlp augmented": "the same with rotation by up to 10 degrees and both flips",
    "wide": "MLP 784-1024-512-10, s an epoch of 60,000",
    "cnn": "CNN 32-64-128, s an epoch of 60,000 (by 6,400 samples)",
    "lstm": "LSTM, 64 steps x 28, 64 units, ms a step of 64 samples and member",
    "resnet": "ResNet-18 with a small stem on CIFAR-10, s an epoch of 50,000 (by 1,280 samples)",
    "racing": "studies of 16 arms x 5 seeds over 64 epochs with racing, s in training",
    "linear": "MLP 784-128-128-10, ms a step of 64 samples and member",
    "start": "seconds from the start of the process",
}


@dataclass(frozen=True)
class Candidate:
    """One way to do a work; ``how`` tells the forms of one candidate apart, of which the fastest counts."""

    work: str
    who: str
    module: str
    how: str = ""
    of_peers: bool = False
    """Whether it runs in the peers' environment."""
    samples: int = EPOCH
    threads: int = 2
    options: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The name of its measurements."""
        return f"{self.work}: {self.who}" + (f" ({self.how})" if self.how else "")

    @property
    def net(self) -> str:
        """The name of its network."""
        return {"mlp augmented": "mlp", "linear": "mlp"}.get(self.work, self.work)


def candidates() -> list[Candidate]:
    """Return all of them."""
    return [*_mlp(), *_augmented(), *_wide(), *_cnn(), *_lstm(), *_resnet(), *_racing(), *_linear(), *_start()]


def wellfit(work: str, who: str, samples: int = EPOCH, **options: Any) -> Candidate:
    """Return wellfit as its command line runs it: it chooses its threads itself."""
    return Candidate(work, who, "wellfit_fit", samples=samples, options=options, environment=WAITING)


def plain(
    work: str, *, samples: int = EPOCH, threads: Sequence[int] = (2, 1), who: str = PLAIN, how: str = "", **options: Any
) -> list[Candidate]:
    """Return plain PyTorch on each number of threads."""
    return [Candidate(work, who, "plain", _how(how, n), samples=samples, threads=n, options=options) for n in threads]


def keras(work: str, backend: str, forms: Sequence[Mapping[str, Any]], samples: int = EPOCH) -> list[Candidate]:
    """Return Keras on a backend in each form, and in the first on one thread too, where it can be told."""
    title = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "torch"}[backend]
    found = []
    for number, options in enumerate(forms):
        for threads in (2, 1) if number == 0 and backend != "jax" else (2,):
            how = _how(", ".join(f"{key}={value}" for key, value in options.items()), threads)
            found.append(
                Candidate(
                    work,
                    f"Keras on {title}{', bf16' if 'policy' in options else ''}",
                    "keras_fit",
                    how,
                    of_peers=True,
                    samples=samples,
                    threads=threads,
                    options=options,
                    environment={"KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"},
                )
            )
    return found


def _how(form: str, threads: int) -> str:
    own = f"{threads} thread{'s' if threads > 1 else ''}"
    return f"{form}, {own}" if form else own


def _library(work: str, who: str, module: str, threads: Sequence[int], samples: int = EPOCH) -> list[Candidate]:
    return [Candidate(work, who, module, _how("", n), of_peers=True, samples=samples, threads=n) for n in threads]


def _mlp() -> list[Candidate]:
    return [
        Candidate("mlp", HOMEWORK, "homework"),
        *plain("mlp"),
        *keras("mlp", "tensorflow", [{"steps": 10}, {"steps": 50}]),
        *keras("mlp", "jax", [{}, {"steps": 50}]),
        *keras("mlp", "torch", [{}]),
        *_library("mlp", "Lightning", "lightning_fit", (2, 1)),
        *_library("mlp", "fastai", "fastai_fit", (2, 1)),
        *_library("mlp", "skorch", "skorch_fit", (2, 1)),
        *_library("mlp", "scikit-learn", "sklearn_fit", (2, 1)),
        wellfit("mlp", ALONE),
        wellfit("mlp", POPULATION, arms="four", seeds=6),
        Candidate("mlp", RATE, "matrix_rate", _how("", 2)),
        Candidate("mlp", RATE, "matrix_rate", "2 processes of 1 thread", threads=1, options={"processes": 2}),
    ]


def _augmented() -> list[Candidate]:
    work = "mlp augmented"
    return [
        Candidate(work, HOMEWORK, "homework", options={"augmented": True}),
        *(Candidate(work, KORNIA, "plain", _how("", n), True, threads=n, options={"kornia": True}) for n in (2, 1)),
        *keras(work, "tensorflow", [{"augmented": "model", "steps": 10}, {"augmented": "tf.data", "steps": 10}]),
        *keras(work, "jax", [{"augmented": "tf.data"}]),
        *keras(work, "jax", [{"augmented": "model"}], FEW),
        *keras(work, "torch", [{"augmented": "model"}], FEW),
        # half of its arms are augmented: it is compared with the mean of both works
        wellfit(work, STUDY, arms="eight", seeds=3),
        wellfit(work, ALONE, arms="eight", arm="augmentation"),
    ]


def _wide() -> list[Candidate]:
    return [
        *plain("wide"),
        *plain("wide", who=f"{PLAIN}, bf16", how="autocast", bf16=True),
        wellfit("wide", ALONE),
        wellfit("wide", BF16, precision="bf16"),
    ]


def _cnn() -> list[Candidate]:
    last: dict[str, Any] = {"samples": SUBSET, "threads": (2,)}
    bf16 = Candidate(
        "cnn",
        "Lightning, bf16",
        "lightning_fit",
        "channels-last, 2 threads",
        of_peers=True,
        samples=SUBSET,
        options={"precision": "bf16-mixed", "channels_last": True},
    )
    return [
        *plain("cnn", samples=SUBSET),
        *plain("cnn", how="channels-last", channels_last=True, **last),
        *plain("cnn", who=f"{PLAIN}, bf16", how="autocast", bf16=True, **last),
        *plain("cnn", who=f"{PLAIN}, bf16", how="autocast, channels-last", bf16=True, channels_last=True, **last),
        *keras("cnn", "tensorflow", [{"steps": 10}, {"jit": True}], SUBSET),
        *keras("cnn", "tensorflow", [{"policy": "mixed_bfloat16", "steps": 10}], SUBSET),
        *keras("cnn", "jax", [{}], SUBSET),
        *keras("cnn", "torch", [{}], SUBSET),
        *_library("cnn", "Lightning", "lightning_fit", (2,), SUBSET),
        bf16,
        wellfit("cnn", ALONE, SUBSET),
        wellfit("cnn", BF16, SUBSET, precision="bf16"),
        wellfit("cnn", "wellfit, 4 arms", SUBSET, arms="four"),
    ]


def _lstm() -> list[Candidate]:
    few = 20 * 64
    return [
        *plain("lstm", samples=few, who="torch's LSTM, 8 one after another", members=8),
        wellfit("lstm", "wellfit, 4 arms x 2 seeds", 2 * few, arms="four", seeds=2),
    ]


def _resnet() -> list[Candidate]:
    last: dict[str, Any] = {"samples": CIFAR, "threads": (2,)}
    return [
        *plain("resnet", **last),
        *plain("resnet", how="channels-last", channels_last=True, **last),
        *plain("resnet", who=f"{PLAIN}, bf16", how="autocast, channels-last", bf16=True, channels_last=True, **last),
        wellfit("resnet", ALONE, CIFAR),
        wellfit("resnet", BF16, CIFAR, precision="bf16"),
    ]


def raced_title(study: str) -> str:
    """Return the name of a study with racing."""
    return f"wellfit, study {study}"


def _racing() -> list[Candidate]:
    return [
        Candidate("racing", raced_title(name), "wellfit_racing", options={"study": name}, environment=WAITING)
        for name in RACED
    ]


LINEAR = tuple(2**power for power in range(9))
MORE_EPOCHS = "wellfit, 8 members, 9 epochs"


def members_title(count: int) -> str:
    """Return the name of a population of so many members."""
    return f"wellfit, {count} member{'s' if count > 1 else ''}"


def _linear() -> list[Candidate]:
    return [
        # few members take more steps, so that these too can be timed
        *(wellfit("linear", members_title(n), FEW * max(1, 16 // n), arms="four", seeds=64, members=n) for n in LINEAR),
        wellfit("linear", MORE_EPOCHS, FEW, arms="four", seeds=2, epochs=9),
    ]


HELP = "wellfit --help"
FIRST, AGAIN = "wellfit train, first step, first start", "wellfit train, first step, second start"


def _start() -> list[Candidate]:
    return [
        Candidate("start", HELP, "wellfit_help"),
        Candidate("start", FIRST, "wellfit_first_step", options={"fresh": True}),
        Candidate("start", AGAIN, "wellfit_first_step"),
    ]
