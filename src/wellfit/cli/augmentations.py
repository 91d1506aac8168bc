"""Augmentations as they are written on the command line: ``rotation=15,time_masking:fraction=0.2,count=2``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from wellfit.errors import RecipeError, nearest
from wellfit.recipe_errors import validate
from wellfit.recipe_file import parse_yaml
from wellfit.regularize.catalogue import CATALOGUE
from wellfit.regularize.stages import Augmentation, Method, Mix, Stage, TargetRule

OPTION = "--augment"
FORMS = "NAME, NAME=NUMBER or NAME:FIELD=VALUE,FIELD=VALUE"

PLACES: dict[Stage, str] = {
    "activations": "hidden activations",
    "loss": "the loss",
    "gradient": "the gradient",
    "weights": "the weights",
    "time": "the course of the training",
}

AUGMENTATIONS = tuple(name for name, cls in CATALOGUE.items() if issubclass(cls, Augmentation | Mix))
"""Names of the methods that change samples, in the order in which they are applied."""


def parse_augmentations(texts: Sequence[str]) -> dict[str, Augmentation | Mix]:
    """Return the augmentations that the values of ``--augment`` name, in the order in which they are applied.

    Raises
    ------
    RecipeError
        An unknown name or field (with the nearest), a method of another stage, one that stands twice, a value that
        breaks a rule.

    """
    given: dict[str, dict[str, Any]] = {}
    for text in texts:
        current = ""
        for part in _parts(text):
            name, sign, value = _divided(part)
            if current and sign == "=" and name in CATALOGUE[current].model_fields:
                _set(given[current], name, value, part)
                continue
            check_name(name, fields=CATALOGUE[current].model_fields if current else ())
            if name in given:
                raise RecipeError(OPTION, f"{name} stands twice", "each augmentation once")
            current, given[name] = name, {}
            if sign == "=":
                _set(given[name], _first_number(CATALOGUE[name], part), value, part)
            elif sign == ":":
                field, equals, value = _divided(value)
                if equals != "=":
                    raise RecipeError(OPTION, f"received '{part}'", f"{name}:FIELD=VALUE")
                _set(given[name], field, value, part)
    made = {name: validate(CATALOGUE[name], fields, where=f"{OPTION} {name}") for name, fields in given.items()}
    return in_order(made)


def in_order(methods: dict[str, Method]) -> dict[str, Augmentation | Mix]:
    """Return those of the methods that change samples, in the order in which they are applied."""
    found = ((name, methods[name]) for name in AUGMENTATIONS if name in methods)
    return {name: method for name, method in found if isinstance(method, Augmentation | Mix)}


def check_name(name: str, *, fields: Sequence[str] | Any = ()) -> None:
    """Refuse a name that is no augmentation; ``fields`` are what might have been meant as well."""
    if name in AUGMENTATIONS:
        return
    if name not in CATALOGUE:
        raise RecipeError(OPTION, f"unknown augmentation '{name}'", nearest(name, {*AUGMENTATIONS, *fields}))
    cls = CATALOGUE[name]
    place = "the targets" if issubclass(cls, TargetRule) else PLACES.get(cls.stage, "something else")
    what = "samples" if issubclass(cls, TargetRule) else "batch"
    raise RecipeError(OPTION, f"{name} acts on {place}, not on the {what}", "one of " + ", ".join(AUGMENTATIONS))


def describe(method: Method) -> str:
    """Return a method's parameters in words: ``fraction 0.2, count 2``."""
    return ", ".join(f"{name} {_text(value)}" for name, value in method.model_dump(mode="json").items())


def _text(value: Any) -> str:
    if isinstance(value, dict):
        parts = ((name, f"({_text(part)})" if isinstance(part, dict) else _text(part)) for name, part in value.items())
        return ", ".join(f"{name} {part}" for name, part in parts)
    if isinstance(value, list):
        return "[" + ", ".join(map(_text, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _parts(text: str) -> Iterator[str]:
    """Cut a text at its commas, but for those inside of brackets."""
    depth, start = 0, 0
    for place, character in enumerate(text):
        depth += (character in "[{(") - (character in "]})")
        if character == "," and depth <= 0:
            yield text[start:place].strip()
            start = place + 1
    yield text[start:].strip()


def _divided(part: str) -> tuple[str, str, str]:
    """Return what stands before the first ``=`` or ``:``, that sign, and what stands after it."""
    sign = next((character for character in part if character in "=:"), "")
    name, _, value = part.partition(sign) if sign else (part, "", "")
    if not name.strip() or (sign and not value.strip()):
        raise RecipeError(OPTION, f"received '{part}'", FORMS)
    return name.strip(), sign, value.strip()


def _set(fields: dict[str, Any], field: str, text: str, part: str) -> None:
    if field in fields:
        raise RecipeError(OPTION, f"received '{part}': {field} stands twice", "each field once")
    try:
        fields[field] = parse_yaml(text)
    except yaml.YAMLError:
        raise RecipeError(OPTION, f"received '{part}'", "a value such as 0.1 or [0.5, 1]") from None


def _first_number(cls: type[Method], part: str) -> str:
    numbers = cls.number_fields()
    if not numbers:
        raise RecipeError(OPTION, f"received '{part}'", "no number: it has none")
    return numbers[0]
