"""What a fit came to, in one paragraph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wellfit.fitting.race import OUT_OF_TIME
from wellfit.record import is_share

SEALED = "on the sealed test set, which no choice has seen"


def words_of(block: Mapping[str, Any], metric: str) -> str:
    """Return the paragraph of a fit's block ``fit``."""
    return " ".join(_sentences(block, metric))


def _sentences(block: Mapping[str, Any], metric: str) -> Iterator[str]:
    rounds: Sequence[Mapping[str, Any]] = block["rounds"]
    baseline, final = block["baseline"], block["final"]
    name = "test_accuracy" if is_share(metric) and baseline.get("test_accuracy") else "test_loss"
    first = rounds[0]["verdict"] if rounds else baseline["verdict"]
    state = "diverged" if first == "diverged" else f"is {first}"
    is_model = bool(baseline.get(name))
    value = f"with a {_plain(name)} of {_mean(baseline, name)}" if is_model else "and there is no model of it"
    yield f"The baseline {state}, {value}."
    stays = "the baseline is the model" if is_model else "there is no model"
    count = sum(len(each["remedies"]) for each in rounds)
    if not count:
        yield _why_none(block)
        yield from _simple(block)
        return
    tried = f"{_count(count, 'change')} {'was' if count == 1 else 'were'} tried in {_count(len(rounds), 'round')}"
    if final["arm"] == baseline["arm"]:
        if all((r.get("left") or {}).get("why") == OUT_OF_TIME for each in rounds for r in each["remedies"]):
            yield f"{tried}, but the time did not suffice for all seeds of any: {stays}."
        else:
            yield f"Nothing helped: {tried}, and none was surely better on validation; {stays}."
        yield from _hidden(rounds, name)
    else:
        yield f"{tried}, and on validation '{final['arm']}' came out best: a {_plain(name)} of {_mean(final, name)}."
        yield _gain(final["gain"], name)
    if final["arm"] != baseline["arm"]:
        state = "It diverged" if final["verdict"] == "diverged" else f"It is {final['verdict']}"
        yield f"{state}." if block["ended"] == "budget" else f"{state}, and nothing else that is worth trying is left."
    if block["ended"] == "budget":
        yield "The budget ended it: a fit begun anew with more time could try more."
    yield from _simple(block)


def _simple(block: Mapping[str, Any]) -> Iterator[str]:
    """Yield that a simple model does better, where it does."""
    simple, final = block.get("simple"), block["final"].get("val_loss")
    if simple and final and simple["val_loss"] < final["mean"]:
        losses = f"{simple['val_loss']:.3g} on validation against {final['mean']:.3g}"
        yield f"A simple model does better: {simple['kind']} reaches a loss of {losses}."


def _why_none(block: Mapping[str, Any]) -> str:
    if block["ended"] == "budget":
        return "The budget had no time for a remedy: the baseline is the model; give a larger --budget."
    return "There is nothing that is worth trying: the baseline is the model."


def _gain(gain: Mapping[str, Any] | None, name: str) -> str:
    if gain is None or gain["ci95"] is None:
        return "What that is worth on the test set has no interval: there are too few seeds or samples."
    low, high = gain["ci95"]
    text = (
        f"That is a gain of {_number(gain['difference'], name)} [{_number(low, name)}, {_number(high, name)}] {SEALED}"
    )
    if low > 0:
        return f"{text}."
    return f"{text}: {'a loss' if high < 0 else 'within chance'}, though validation had spoken for it."


def _hidden(rounds: Sequence[Mapping[str, Any]], name: str) -> Iterator[str]:
    """Yield what the test set says of remedies that validation did not choose."""
    better = [r["arm"] for each in rounds for r in each["remedies"] if r["outcome"] in ("BETTER", "CURED")]
    if better:
        yield f"The test set speaks for {', '.join(better)}, but it is not there to choose by: more seeds would tell."


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _mean(part: Mapping[str, Any], name: str) -> str:
    found = part.get(name)
    if not found or found.get("mean") is None:
        return "unknown size"
    return f"{100 * found['mean']:.1f} %" if is_share(name) else f"{found['mean']:.3g}"


def _number(value: float, name: str) -> str:
    return f"{100 * value:.1f}" if is_share(name) else f"{value:.2g}"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
