"""The table of goals: what was aimed at and what was got, from the results alone."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.peer_work.candidates import (
    AGAIN,
    ALONE,
    BF16,
    FIRST,
    HELP,
    LINEAR,
    MORE_EPOCHS,
    PLAIN,
    POPULATION,
    RACED,
    RATE,
    STUDY,
    Candidate,
    members_title,
    raced_title,
)
from benchmarks.peer_work.results import Quantity, Results, anonymous, mean, peak, ratio, training, value

MEMBERS = 24
STEADY = 1.25
"""How many times the least the cost of a member or epoch may be to call it linear."""


@dataclass(frozen=True)
class Goal:
    """A row of the table."""

    work: str
    against: str
    goal: str
    got: str
    met: bool | None
    """``None``: not measured."""
    beside: str = ""
    """What belongs beside the figure."""


def goals(results: Results) -> list[Goal]:
    """Return the rows, in the order of the table; what was not measured says so."""
    gpu = ("64 members of the MLP and of the CNN on a GPU", "plain PyTorch, one after another", "20x")
    return [
        *_study(results),
        *_wide(results),
        _cnn(results),
        _lstm(results),
        *_resnet(results),
        _racing(results),
        _memory(results),
        *_starts(results),
        *_linear(results),
        Goal(*gpu, "", None, "measured by `benchmarks/gpu.py`"),
    ]


def _times(work: str, against: str, least: float, got: float | None, beside: str = "") -> Goal:
    met = None if got is None else got >= least
    return Goal(work, against, f"{least:g}x", "" if got is None else f"{got:.2f}x", met, beside if got else "")


def _beside(text: str, got: float | None, form: str = "{:.2f}x") -> str:
    return "" if got is None else f"{text} {form.format(got)}"


def _study(results: Results) -> list[Goal]:
    def own(quantity: Quantity) -> float | None:
        return results.median("mlp augmented", STUDY, quantity)

    peers = [(work, results.fastest_peer(work)) for work in ("mlp", "mlp augmented")]
    fastest = mean(results.median(work, who) if who else None for work, who in peers)
    names = " and ".join(str(who) for _, who in peers)
    homework, title = results.homework(), "8 arms x 3 seeds of the MLP, an epoch and member"
    rate, population = results.median("mlp", RATE), results.median("mlp", POPULATION)
    share, alone = ratio(rate, population), ratio(rate, results.median("mlp", POPULATION, training))
    return [
        _times(
            title,
            "the homework's loop",
            25,
            ratio(homework, own(value)),
            _beside("training alone", ratio(homework, own(training))),
        ),
        _times(
            title,
            f"the fastest peer per arm ({names})" if fastest else "the fastest peer per arm",
            6,
            ratio(fastest, own(value)),
            _beside("training alone", ratio(fastest, own(training))),
        ),
        Goal(
            "4 arms x 6 seeds, no augmentation",
            "the fp32 matrix rate of the same shapes",
            "80 %",
            "" if share is None else f"{share:.0%}",
            None if share is None else share >= 0.8,
            _beside("training alone, against the same products,", alone, "{:.0%}"),
        ),
    ]


def _wide(results: Results) -> list[Goal]:
    fp32, bf16 = results.median("wide", PLAIN), results.median("wide", f"{PLAIN}, bf16")
    alone, own = results.median("wide", ALONE), results.median("wide", BF16)
    title = "MLP 784-1024-512-10, one member"
    return [
        _times(
            title,
            PLAIN,
            1,
            ratio(fp32, alone),
            _beside("training alone", ratio(fp32, results.median("wide", ALONE, training))),
        ),
        _times(
            f"{title}, bf16",
            f"{PLAIN}, fp32",
            1.5,
            ratio(fp32, own),
            _beside("against its bf16 autocast", ratio(bf16, own)),
        ),
    ]


def _cnn(results: Results) -> Goal:
    peer, of_fp32 = results.fastest_peer("cnn"), results.fastest_peer("cnn", precision="fp32")
    # the rest of an epoch is missing, and with it the right share of the evaluation: training alone counts
    own = {who: results.median("cnn", who, training) for who in (ALONE, BF16)}
    known = [seconds for seconds in own.values() if seconds is not None]
    got = ratio(results.median("cnn", peer) if peer else None, min(known, default=None))
    fp32 = ratio(results.median("cnn", of_fp32) if of_fp32 else None, own[ALONE])
    against = f"the fastest peer ({peer})" if peer else "the fastest peer"
    return _times("CNN 32-64-128, training", against, 2, got, _beside(f"fp32 against {of_fp32}", fp32))


def _lstm(results: Results) -> Goal:
    loop = results.median("lstm", "torch's LSTM, 8 one after another")
    own = results.median("lstm", "wellfit, 4 arms x 2 seeds", training)
    title = "LSTM, 64 steps, 64 units, 8 members, training"
    return _times(title, "torch's own LSTM one after another", 2, ratio(loop, own))


def _resnet(results: Results) -> list[Goal]:
    rows = []
    for precision, peer, who in (("fp32", PLAIN, ALONE), ("bf16", f"{PLAIN}, bf16", BF16)):
        got = ratio(results.median("resnet", peer), results.median("resnet", who, training))
        rows.append(_times(f"CIFAR-10 ResNet-18, {precision}, training", peer, 1, got))
    return rows


def _memory(results: Results) -> Goal:
    own, one = results.median("mlp augmented", STUDY, peak), results.median("mlp", PLAIN, peak)
    alone = results.median("mlp", ALONE, peak)
    got = ratio(own, None if one is None else MEMBERS * one)
    beside = ""
    if own is not None and one is not None:
        beside = f"{own / 2**20:.0f} MiB against {MEMBERS} x {one / 2**20:.0f}"
        beside += "" if alone is None else f"; {MEMBERS} x wellfit alone {alone / 2**20:.0f}"
        # processes share the pages of libraries, which the sum counts for each of them
        private = ratio(results.median("mlp augmented", STUDY, anonymous), results.median("mlp", PLAIN, anonymous))
        beside += "" if private is None else f"; without the pages of files, at the end, {private / MEMBERS:.3f}"
    return Goal(
        "peak memory, 24 members of the MLP",
        "24 processes of plain PyTorch",
        "1/5",
        "" if got is None else f"{got:.3f}",
        None if got is None else got <= 0.2,
        beside,
    )


def _starts(results: Results) -> list[Goal]:
    help_, imports = results.median("start", HELP), results.median("start", HELP, lambda _, a: float(a["torch"]))
    rows = [
        Goal(
            HELP,
            "",
            "0.3 s, torch not imported",
            "" if help_ is None else f"{help_:.2f} s",
            None if help_ is None else help_ <= 0.3 and not imports,
            "" if help_ is None else f"torch {'' if imports else 'not '}imported",
        )
    ]
    for title in (FIRST, AGAIN):
        seconds = results.median("start", title)
        got = "" if seconds is None else f"{seconds:.2f} s"
        rows.append(Goal(title, "", "3 s", got, None if seconds is None else seconds <= 3))
    return rows


def steadiness(_: Candidate, answer: Mapping[str, Any]) -> float:
    """Return the median seconds of the later half of the epochs over that of the earlier; the first is left out."""
    epochs: list[float] = answer["epochs"][1:]
    half = len(epochs) // 2
    return statistics.median(epochs[half:]) / statistics.median(epochs[:half])


def _racing(results: Results) -> Goal:
    parts = {
        name: part
        for name in RACED
        if (part := results.median("racing", raced_title(name), lambda _, a: float(a["part"]))) is not None
    }
    same = all(results.median("racing", raced_title(name), lambda _, a: float(a["same"])) == 1 for name in parts)
    return Goal(
        "study with racing, 16 arms x 5 seeds",
        "the same study in full",
        "same winners, 1/4 of the epochs",
        ", ".join(f"{part:.2f}" for part in parts.values()),
        same and max(parts.values()) <= 0.25 if parts else None,
        f"{', '.join(parts)}; {'the same winners' if same else 'other winners'}; all: `benchmarks/racing_study.py`"
        if parts
        else "replayed by `benchmarks/racing_study.py`",
    )


def _linear(results: Results) -> list[Goal]:
    each = {n: ms for n in LINEAR if (ms := results.median("linear", members_title(n), training)) is not None}
    got = ratio(each.get(max(LINEAR)), min(each.values(), default=None))
    spent = results.median("linear", MORE_EPOCHS, steadiness)
    return [
        Goal(
            "cost of a member, 1 to 256 members",
            "the least of 1, 2, 4, ..., 256",
            f"at most {STEADY:g}x",
            "" if got is None else f"{got:.2f}x",
            None if got is None else got <= STEADY,
            ", ".join(f"{n}: {ms:.3f} ms" for n, ms in each.items()),
        ),
        Goal(
            "cost of an epoch, epochs 6 to 9",
            "epochs 2 to 5",
            f"at most {STEADY:g}x",
            "" if spent is None else f"{spent:.2f}x",
            None if spent is None else spent <= STEADY,
        ),
    ]
