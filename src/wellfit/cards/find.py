"""All cards: of the regularizers from the source of their files, which import torch; of the rest from their classes."""

from __future__ import annotations

import ast
import inspect
import re
import typing
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from wellfit.cards.card import GROUPS, Card, make_card
from wellfit.cards.usage import flow, worth_saying
from wellfit.errors import RecipeError, nearest
from wellfit.recipe.init import InitSpec
from wellfit.recipe.loss import LossSpec
from wellfit.recipe.model import ImportSpec, ModelSpec
from wellfit.recipe.norm import NORMS
from wellfit.recipe.optimizer import OptimizerSpec
from wellfit.recipe.schedule import ScheduleSpec

HERE = Path(__file__).parents[1]
STAGES = ("batch", "activations", "loss", "gradient", "weights", "time")


@cache
def all_cards() -> tuple[Card, ...]:
    """Return every card, by group and name."""
    found = [*_regularizers(), *_norms()]
    for group, spec, field in (
        ("networks", ModelSpec, "model"),
        ("optimizers", OptimizerSpec, "optimizer"),
        ("schedules", ScheduleSpec, "schedule"),
        ("losses", LossSpec, "loss"),
        ("initializations", InitSpec, "init"),
    ):
        found += [_of_spec(cls, group, field) for cls in _members(spec) if cls is not ImportSpec]
    order = list(GROUPS)
    return tuple(sorted(found, key=lambda card: (order.index(card.group), card.name)))


def find_cards(name: str) -> tuple[Card, ...]:
    """Return the cards of that name (``constant`` is a schedule and an initialization), in any spelling of its gaps.

    Raises
    ------
    RecipeError
        There is none: with the nearest name.

    """
    wanted = re.sub(r"[- ]+", "_", name.strip().lower())
    found = tuple(card for card in all_cards() if card.name == wanted)
    if not found:
        raise RecipeError(name, "no method has this name", nearest(wanted, sorted({card.name for card in all_cards()})))
    return found


def _regularizers() -> Iterator[Card]:
    """Read the method files, whose names are the methods': a class with ``off`` is the method."""
    bases = {node.name: _parameters(node) for node in _classes(HERE / "regularize" / "stages.py")}
    for stage in STAGES:
        for path in sorted((HERE / "regularize" / stage).glob("*.py")):
            for node in _classes(path):
                if "off" not in map(_target, node.body):
                    continue
                own = _parameters(node)
                inherited = {name: value for base in node.bases for name, value in bases[ast.unparse(base)].items()}
                names = [*(name for name in own if name not in inherited), *inherited]  # where it acts comes last
                parameters = {name: {**inherited, **own}[name] for name in names}
                yield make_card(
                    name=path.stem,
                    group=stage,
                    file=_below(path),
                    doc=ast.get_docstring(node) or "",
                    parameters=parameters,
                    usage=f"regularizers: {flow({path.stem: worth_saying(parameters)})}",
                )


def _classes(path: Path) -> list[ast.ClassDef]:
    return [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef)]


def _target(node: ast.stmt) -> str:
    """Return the name that a statement annotates, or nothing."""
    return ast.unparse(node.target) if isinstance(node, ast.AnnAssign) else ""


def _parameters(node: ast.ClassDef) -> dict[str, Any]:
    """Return the fields of a method's class, which are annotated and no ``ClassVar``, with their defaults."""
    return {
        _target(part): _literal(part.value)
        for part in node.body
        if isinstance(part, ast.AnnAssign) and "ClassVar" not in ast.unparse(part.annotation)
    }


def _literal(node: ast.expr | None) -> Any:
    """Return the value of a literal or of a quotient of literals (``4 / 3``), else None: nothing is run."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return _literal(node.left) / _literal(node.right)
    try:
        return None if node is None else ast.literal_eval(node)
    except ValueError:
        return None


def _norms() -> Iterator[Card]:
    for name, cls in NORMS.items():
        parameters = _defaults(cls)
        kind = parameters.pop("kind")
        norm = {"kind": kind, **parameters} if parameters else kind
        yield make_card(
            name=name,
            group="normalizations",
            file=_below(Path(inspect.getfile(cls))),
            doc=inspect.getdoc(cls) or "",
            parameters=parameters,
            usage=f"model: {flow({'norm': norm})}",
        )


def _members(union: Any) -> list[type[BaseModel]]:
    if isinstance(union, type):
        return [union] if issubclass(union, BaseModel) else []
    return [cls for part in typing.get_args(union) for cls in _members(part)]


def _of_spec(cls: type[BaseModel], group: str, field: str) -> Card:
    parameters = _defaults(cls)
    kind = str(parameters.pop("kind"))
    return make_card(
        name=kind,
        group=group,
        file=_below(Path(inspect.getfile(cls))),
        doc=inspect.getdoc(cls) or "",
        parameters=parameters,
        usage=f"{field}: {flow({'kind': kind, **worth_saying(parameters)})}",
    )


def _defaults(cls: type[BaseModel]) -> dict[str, Any]:
    """Return the fields of a spec with their defaults: ``kind``, its own, then those that it inherits."""
    fields = cls.model_fields
    names = [*cls.__annotations__, *(name for name in fields if name not in cls.__annotations__)]
    defaults = {fields[name].alias or name: fields[name].default for name in names}
    return {name: _plain(value) for name, value in defaults.items()}


def _plain(value: Any) -> Any:
    """Return a default as a recipe gives it: a part of a recipe that is only a kind by its name."""
    if isinstance(value, BaseModel):
        given = value.model_dump(mode="json")
        return given["kind"] if list(given) == ["kind"] else given
    return None if value is PydanticUndefined else value


def _below(path: Path) -> str:
    return path.relative_to(HERE).as_posix()
