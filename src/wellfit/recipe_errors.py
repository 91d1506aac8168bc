"""Validation of plain values by a pydantic model; the first error becomes one line: field, value received, rule."""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from wellfit.errors import RecipeError, nearest

Model = TypeVar("Model", bound=BaseModel)

RULES: Mapping[str, str] = {
    "missing": "a value",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
    "string_type": "a text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "string_too_short": "a text that is not empty",
    "union_tag_not_found": "a mapping with 'kind'",
}
"""Type of a pydantic error -> what to say was expected; other types keep pydantic's own words."""

LONGEST_VALUE = 80
"""Characters of a value that an error shows."""


def validate(model: type[Model], values: Any, *, where: str = "") -> Model:
    """Return ``model`` made from plain ``values``; the first error becomes one line with field, rule and value.

    Raises
    ------
    RecipeError
        With the nearest known key where a key is unknown, or the nearest value where only some are allowed.

    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise one_line(model, error, where=where) from None


def one_line(model: type[BaseModel], error: ValidationError, *, where: str = "") -> RecipeError:
    """Return the first error of ``error``, raised while making ``model``, as a RecipeError below ``where``."""
    first: Mapping[str, Any] = error.errors()[0]
    kind, context = first["type"], first.get("ctx", {})
    path, holder = _walk(model, first["loc"])
    if kind == "union_tag_invalid":
        return _of_literals(_join(where, path, "kind"), first["input"]["kind"], context["expected_tags"])
    field = _join(where, path) or model.__name__.lower()
    if kind == "extra_forbidden":
        known = [] if holder is None else [info.alias or name for name, info in holder.model_fields.items()]
        return RecipeError(field, "unknown key", nearest(path[-1], known))
    if kind == "missing":
        return RecipeError(field, "missing", RULES[kind])
    if first["loc"][-1:] == ("[key]",):
        holder_field = _join(where, path[:-1]) or model.__name__.lower()  # the last part is the key itself
        return RecipeError(holder_field, f"the key {_shown(first['input'])} is not a text", "a name (set it in quotes)")
    if kind == "literal_error":
        return _of_literals(field, first["input"], context["expected"])
    rule = RULES[kind].format(**context) if kind in RULES else first["msg"]
    return RecipeError(field, f"received {_shown(first['input'])}", rule.removeprefix("Value error, "))


def _join(where: str, path: Sequence[str], *more: str) -> str:
    return ".".join([*([where] if where else []), *path, *more])


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."


def _of_literals(field: str, value: Any, listing: str) -> RecipeError:
    """Name the nearest of the values that pydantic lists as ``'a', 'b' or 'c'``."""
    allowed = re.findall(r"'([^']*)'", listing)
    return RecipeError(field, f"received {_shown(value)}", nearest(value if isinstance(value, str) else "", allowed))


def _walk(model: type[BaseModel], location: Sequence[str | int]) -> tuple[list[str], type[BaseModel] | None]:
    """Follow an error's location; return the path as the user wrote it, and the model that holds its last key.

    pydantic puts the ``kind`` of a choice of models into the location; no user wrote it there.
    """
    path: list[str] = []
    here: type[BaseModel] | None = model
    holder: type[BaseModel] | None = model
    choices: dict[str, type[BaseModel]] = {}
    for key in location:
        part = str(key)
        if isinstance(key, int):  # a place in a list, whose items ``here`` describes
            path.append(part)
            continue
        if part in choices:
            here, choices = choices[part], {}
            continue
        if part == "[key]":
            continue
        path.append(part)
        holder = here
        models = [] if here is None else _models(here, part)
        here = models[0] if len(models) == 1 else None
        choices = {str(found.model_fields["kind"].default): found for found in models} if len(models) > 1 else {}
    return path, holder


def _models(model: type[BaseModel], key: str) -> list[type[BaseModel]]:
    """Return the models that the field ``key`` (its name or alias) may hold."""
    for name, info in model.model_fields.items():
        if key in (name, info.alias):
            return _models_in(info.annotation)
    return []


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in typing.get_args(annotation) for found in _models_in(part)]
