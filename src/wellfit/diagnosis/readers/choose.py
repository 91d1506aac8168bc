"""Which keys of a run are its train loss, validation loss and so on."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

from wellfit.diagnosis.readers.keys import Meaning, Part, meaning
from wellfit.diagnosis.readers.log_run import Remark, SeriesName
from wellfit.diagnosis.readers.naming import listed
from wellfit.diagnosis.readers.raw import RawRun

APART = 3.0
"""A train and a validation loss with different words beside ``loss`` count as this many words too many."""


@dataclass
class Choice:
    """Keys by series, and what there is to say about the choice."""

    keys: dict[SeriesName, tuple[str, ...]] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)


def choose(run: RawRun) -> Choice:
    """Return the keys of each series that the run has: one, or several losses to be summed (Ultralytics)."""
    meant = {key: found for key in run.tracks if (found := meaning(key)) is not None}
    choice = Choice()
    if run.format == "ultralytics" and _sum_components(meant, choice):
        pass
    else:
        _pair("loss", meant, choice, run)
    _pair("accuracy", meant, choice, run)
    rates = [(len(found.extras), key) for key, found in meant.items() if found.kind == "lr"]
    if rates:
        choice.keys["lr"] = (min(rates)[1],)
    return choice


def _sum_components(meant: Mapping[str, Meaning], choice: Choice) -> bool:
    """Sum the losses that train and validation have in common; say whether there were several."""
    parts: dict[Part, dict[tuple[str, ...], str]] = {"train": {}, "val": {}}
    for key, found in meant.items():
        if found.kind == "loss" and found.part in parts and found.extras:
            parts[found.part][found.extras] = key
    common = sorted(parts["train"].keys() & parts["val"].keys())
    if len(common) < 2 or any(found.kind == "loss" and not found.extras for found in meant.values()):
        return False
    choice.keys["train_loss"] = tuple(parts["train"][name] for name in common)
    choice.keys["val_loss"] = tuple(parts["val"][name] for name in common)
    words = f"The losses are sums: {listed(choice.keys['val_loss'])}, as this trainer weighs them."
    choice.remarks.append(Remark("summed", words))
    return True


def _pair(kind: str, meant: Mapping[str, Meaning], choice: Choice, run: RawRun) -> None:
    """Choose the train and the validation key of a kind so that they mean the same quantity."""
    names: dict[Part, SeriesName] = (
        {"train": "train_loss", "val": "val_loss"}
        if kind == "loss"
        else {"train": "train_accuracy", "val": "val_accuracy"}
    )
    of: dict[Part, list[str]] = {"train": [], "val": [], "test": [], "": []}
    for key, found in meant.items():
        if found.kind == kind:
            of[found.part].append(key)
    _place_unsaid(kind, of, choice, run)
    if not of["val"] and of["test"]:
        of["val"] = of["test"]
        words = (
            f"There is no validation {kind}; {listed(of['test'])} is taken for it, so the choice is made on test data."
        )
        choice.remarks.append(Remark("test-as-validation", words))
    pairs = list(itertools.product(of["train"] or [""], of["val"] or [""]))
    if pairs == [("", "")]:
        return
    train, val = min(pairs, key=lambda pair: _cost(pair, meant))
    for part, key in (("train", train), ("val", val)):
        if not key:
            continue
        name = names["train" if part == "train" else "val"]
        choice.keys[name] = (key,)
        chosen = meant[key]
        others = [
            other
            for other in of["train" if part == "train" else "val"]
            if other != key and (meant[other].extras, meant[other].by_name) != (chosen.extras, chosen.by_name)
        ]
        if others:
            words = f"'{key}' was taken as the {name.replace('_', ' ')}; {listed(others)} could have been meant too."
            choice.remarks.append(Remark("candidates", words))


def _place_unsaid(kind: str, of: dict[Part, list[str]], choice: Choice, run: RawRun) -> None:
    """Say of which samples a key is that names none: of the train samples, as Keras does it, unless these are named."""
    unsaid = of[""]
    if not unsaid:
        return
    train_named = bool(of["train"]) or "train" in {_part(key) for key in choice.keys.get("train_loss", ())}
    if not train_named and run.format != "ultralytics":
        of["train"] = unsaid
    elif not of["val"] and kind == "accuracy":
        of["val"] = unsaid
        if run.format != "ultralytics":
            words = f"{listed(unsaid)} does not say of which samples; taken for validation, because train is named."
            choice.remarks.append(Remark("candidates", words))


def _part(key: str) -> Part:
    found = meaning(key)
    return "" if found is None else found.part


def _cost(pair: tuple[str, str], meant: Mapping[str, Meaning]) -> tuple[float, tuple[int, int], tuple[str, str]]:
    found = [meant[key] for key in pair if key]
    words = sum(len(each.extras) + 0.5 * each.by_name + 0.25 * (each.grain == "step") for each in found)
    if len(found) == 2 and (found[0].extras, found[0].by_name) != (found[1].extras, found[1].by_name):
        words += APART
    return words, (len(pair[0]), len(pair[1])), pair
