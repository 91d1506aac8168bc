"""The cards of all methods: what a docstring says of a regularizer, an optimizer, a loss, ..., found without torch.

A card is the docstring of the class that holds the method's parameters: one sentence, then ``Formula:``, ``Range:``,
``Does nothing for:`` (or ``little``) and ``Source:``. ``wellfit explain NAME`` prints it, ``docs/methods`` is made of
it.
"""

from __future__ import annotations

import ast
import inspect
import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from wellfit.errors import RecipeError, nearest
from wellfit.recipe.init import InitSpec
from wellfit.recipe.loss import LossSpec
from wellfit.recipe.norm import NORMS
from wellfit.recipe.optimizer import OptimizerSpec
from wellfit.recipe.schedule import ScheduleSpec

HERE = Path(__file__).parent
STAGES = ("batch", "activations", "loss", "gradient", "weights", "time")
HEADINGS = ("Formula", "Range", "Does nothing for", "Does little for", "Source")

GROUPS: Mapping[str, str] = {
    "batch": "regularizers, stage 1: the batch",
    "activations": "regularizers, stage 2: hidden activations",
    "loss": "regularizers, stage 3: the loss",
    "gradient": "regularizers, stage 4: the gradient",
    "weights": "regularizers, stage 5: the weights",
    "time": "regularizers, stage 6: time",
    "normalizations": "normalizations",
    "optimizers": "optimizers",
    "schedules": "schedules of the learning rate",
    "losses": "losses",
    "initializations": "initializations",
}
"""Group -> what it is called; the regularizers' groups are their stages."""


@dataclass(frozen=True)
class Card:
    """What there is to know about a method."""

    name: str
    group: str
    file: str
    """Where it is written, below ``wellfit``."""
    summary: str
    sections: Mapping[str, str]
    """Heading -> text, in the order of ``HEADINGS``."""
    usage: str
    """How a recipe names it, in YAML, with its defaults."""


@cache
def all_cards() -> tuple[Card, ...]:
    """Return every card, by group and name."""
    found = [*_regularizers(), *_norms()]
    for group, spec, field in (
        ("optimizers", OptimizerSpec, "optimizer"),
        ("schedules", ScheduleSpec, "schedule"),
        ("losses", LossSpec, "loss"),
        ("initializations", InitSpec, "init"),
    ):
        found += [_of_spec(cls, group, field) for cls in _members(spec)]
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
    for stage in STAGES:
        for path in sorted((HERE / "regularize" / stage).glob("*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                fields = {} if not isinstance(node, ast.ClassDef) else _fields(node)
                if isinstance(node, ast.ClassDef) and "off" in fields:
                    own = {key: value for key, value in fields.items() if key not in NOT_PARAMETERS}
                    usage = _yaml("regularizers", path.stem, own)
                    yield _card(path.stem, stage, path, ast.get_docstring(node) or "", usage)


NOT_PARAMETERS = {"off", "when", "slots", "kinds", "stage", "scales_evaluation"}


def _fields(node: ast.ClassDef) -> dict[str, Any]:
    """Return the annotated attributes of a class with their values, where these are literals."""
    found: dict[str, Any] = {}
    for part in node.body:
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            try:
                found[part.target.id] = None if part.value is None else ast.literal_eval(part.value)
            except ValueError:
                found[part.target.id] = None
    return found


def _norms() -> Iterator[Card]:
    for name, cls in NORMS.items():
        defaults = _defaults(cls)
        kind = defaults.pop("kind")
        inner = f"{{kind: {kind}{_listing(defaults, lead=', ')}}}" if defaults else kind
        yield _card(name, "normalizations", _file(cls), inspect.getdoc(cls) or "", f"model: {{norm: {inner}}}")


def _members(union: Any) -> list[type[BaseModel]]:
    if isinstance(union, type):
        return [union] if issubclass(union, BaseModel) else []
    return [cls for part in typing.get_args(union) for cls in _members(part)]


def _of_spec(cls: type[BaseModel], group: str, field: str) -> Card:
    defaults = _defaults(cls)
    kind = defaults.pop("kind")
    usage = f"{field}: {{kind: {kind}{_listing(defaults, lead=', ')}}}"
    return _card(str(kind), group, _file(cls), inspect.getdoc(cls) or "", usage)


def _defaults(cls: type[BaseModel]) -> dict[str, Any]:
    fields = cls.model_fields
    return {
        info.alias or name: None if info.default is PydanticUndefined else info.default for name, info in fields.items()
    }


def _file(cls: type[BaseModel]) -> Path:
    return Path(inspect.getfile(cls))


def _card(name: str, group: str, path: Path, doc: str, usage: str) -> Card:
    summary, sections = parse_card(doc)
    return Card(name, group, path.relative_to(HERE).as_posix(), summary, sections, usage)


def parse_card(doc: str) -> tuple[str, dict[str, str]]:
    """Return a docstring's first words and its sections by heading; line breaks within a paragraph are spaces."""
    parts = re.split(rf"^({'|'.join(HEADINGS)}):[ \n]", doc, flags=re.MULTILINE)
    texts = [_joined(part) for part in parts]
    return texts[0], dict(zip(texts[1::2], texts[2::2], strict=True))


def _joined(text: str) -> str:
    return "\n\n".join(" ".join(block.split()) for block in re.split(r"\n\s*\n", text.strip()))


def _yaml(key: str, name: str, values: Mapping[str, Any]) -> str:
    return f"{key}: {{{name}: {{{_listing(values)}}}}}"


def _listing(values: Mapping[str, Any], *, lead: str = "") -> str:
    given = {name: value for name, value in values.items() if value is not None and value != ()}
    return lead + ", ".join(f"{name}: {_shown(value)}" for name, value in given.items()) if given else ""


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_shown(one)}" for key, one in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_shown, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def as_markdown(card: Card) -> str:
    """Return the page of ``docs/methods``."""
    lines = [f"# {card.name}", "", f"*{GROUPS[card.group]}* · `{card.file}`", "", card.summary.replace("``", "`"), ""]
    for heading, text in card.sections.items():
        lines += [f"**{heading}**", "", text.replace("``", "`"), ""]
    return "\n".join([*lines, "```yaml", card.usage, "```", ""])


def index_markdown() -> str:
    """Return the page that lists all cards."""
    lines = ["# Methods", "", "Made from the docstrings by `make docs`; `wellfit explain NAME` prints a card.", ""]
    for group, title in GROUPS.items():
        lines += [f"## {title[0].upper()}{title[1:]}", "", "| name | what it does |", "|---|---|"]
        own = [card for card in all_cards() if card.group == group]
        lines += [
            f"| [{card.name}]({group}/{card.name}.md) | {card.summary.splitlines()[0].replace('``', '`')} |"
            for card in own
        ]
        lines.append("")
    return "\n".join(lines)
