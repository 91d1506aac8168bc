"""Every method has a whole card, found without torch; what it says of parameters is what the class has."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pydantic import TypeAdapter

from wellfit.cards import GROUPS, Card, all_cards, as_markdown, find_cards, index_markdown
from wellfit.cards.usage import flow, wrapped
from wellfit.diagnosis.harm import METHODS
from wellfit.diagnosis.remedy_cards import remedy_cards
from wellfit.errors import RecipeError
from wellfit.recipe import StudySpec
from wellfit.recipe.init import InitSpec
from wellfit.recipe.loss import LossSpec
from wellfit.recipe.model import ModelSpec
from wellfit.recipe.norm import NormSpec
from wellfit.recipe.optimizer import OptimizerSpec
from wellfit.recipe.schedule import ScheduleSpec
from wellfit.recipe_file import parse_study, parse_yaml
from wellfit.regularize.catalogue import CATALOGUE, check
from wellfit.study.prepare import design

CARDS = all_cards()
IDS = [f"{card.group}/{card.name}" for card in CARDS]
STAGES = ("batch", "activations", "loss", "gradient", "weights", "time")
REGULARIZERS = [card for card in CARDS if card.group in STAGES]
EXAMPLES = {"random_choice"}
"""Whose usage shows other values than the defaults."""


def kinds(union: Any) -> set[str]:
    """The names that a recipe may give, as the JSON Schema has them."""
    return set(TypeAdapter(union).json_schema()["discriminator"]["mapping"])


def names(group: str) -> set[str]:
    return {card.name for card in CARDS if card.group == group}


def study(usage: str) -> StudySpec:
    return parse_study({"data": "digits", **parse_yaml(usage)})


def test_every_method_has_a_card_and_every_card_a_method() -> None:
    assert {(card.name, card.group) for card in REGULARIZERS} == {(n, cls.stage) for n, cls in CATALOGUE.items()}
    for group, union in (
        ("optimizers", OptimizerSpec),
        ("schedules", ScheduleSpec),
        ("losses", LossSpec),
        ("initializations", InitSpec),
    ):
        assert names(group) == kinds(union), group
    assert names("networks") == kinds(ModelSpec) - {"import"}  # which is no network of wellfit's
    assert names("normalizations") == {f"{kind}_norm" for kind in kinds(NormSpec) - {"none"}}
    assert len(CARDS) == len(set(IDS))
    assert {card.group for card in CARDS} == set(GROUPS)


@pytest.mark.parametrize("card", CARDS, ids=IDS)
def test_a_card_has_all_headings_and_describes_every_parameter(card: Card) -> None:
    does = [heading for heading in card.sections if heading.startswith("Does ")]
    assert list(card.sections) == ["Formula", "Range", *does, "Source"]
    assert len(does) == 2, "what it does nothing or little for, and when it does harm"
    assert does[1] == "Does harm when"
    assert all(card.sections.values())
    assert card.summary.endswith(".")
    for name in card.parameters:
        assert f"``{name}``" in card.sections["Range"] or card.name == "sum", name
    assert card.sections["Source"].endswith((".", ")"))


@pytest.mark.parametrize("card", CARDS, ids=IDS)
def test_harm_is_a_clause(card: Card) -> None:
    clause = card.sections["Does harm when"]
    assert clause.endswith(".")
    assert clause.startswith(("ReLU", "``")) or clause[0].islower()


def test_the_harm_of_a_remedy_is_that_of_its_card() -> None:
    """A sentence in two places must be one: what ``diagnose`` shows is how the card of the method begins."""
    for name, clause in METHODS.items():
        (card,) = find_cards(name)
        assert card.sections["Does harm when"].startswith(clause), name
    for remedy in remedy_cards():
        assert remedy.harm
        assert all(
            sentence.startswith("Does harm when ") and sentence.endswith(".") for sentence in remedy.harm.values()
        )
        assert remedy.is_method == any(card.name == remedy.name for card in CARDS), remedy.name


@pytest.mark.parametrize("card", REGULARIZERS, ids=lambda card: card.name)
def test_parameters_read_from_the_source_are_those_of_the_class(card: Card) -> None:
    fields = CATALOGUE[card.name].model_fields
    assert set(card.parameters) == set(fields)
    unread = {name for name, default in card.parameters.items() if default is None}
    assert unread == ({"among"} if card.name == "random_choice" else set())
    assert {name: fields[name].default for name in card.parameters if name not in unread} == {
        name: default for name, default in card.parameters.items() if name not in unread
    }


@pytest.mark.parametrize("card", CARDS, ids=IDS)
def test_usage_is_a_part_of_a_recipe(card: Card) -> None:
    spec = study(card.usage)
    design(spec)
    if card.group in STAGES:
        assert list(spec.recipe.regularizers) == [card.name]
    elif card.group == "normalizations":
        assert spec.recipe.model is not None
        assert f"{spec.recipe.model.norm.kind}_norm" == card.name
    else:
        field = {"losses": "loss", "initializations": "init", "networks": "model"}.get(card.group, card.group[:-1])
        assert getattr(spec.recipe, field).kind == card.name


@pytest.mark.parametrize("card", REGULARIZERS, ids=lambda card: card.name)
def test_usage_shows_the_defaults(card: Card) -> None:
    shown = check(card.name, study(card.usage).recipe.regularizers[card.name])
    defaults = check(card.name, {})
    assert shown.keys() == defaults.keys()
    if card.name not in EXAMPLES:
        for name, value in defaults.items():
            assert shown[name] == (pytest.approx(value, rel=1e-5) if isinstance(value, float) else value), name


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"rate": 0.5, "at": ("branch", "*.branch")}, '{rate: 0.5, at: [branch, "*.branch"]}'),
        ({"on": "head.*", "a": True, "b": None}, '{"on": "head.*", a: true, b: null}'),
        ((1e-5, 1e20, 4 / 3, 2.0, 7), "[1e-5, 1e+20, 1.33333, 2, 7]"),
        ((float("inf"), -float("inf")), "[.inf, -.inf]"),
        (("1e-5", "no", "a b", "[01].*"), '["1e-5", "no", "a b", "[01].*"]'),
    ],
)
def test_flow_is_yaml(value: Any, text: str) -> None:
    assert flow(value) == text
    plain = [*value] if isinstance(value, tuple) else {k: [*v] if isinstance(v, tuple) else v for k, v in value.items()}
    read = parse_yaml(text)
    assert read == (pytest.approx(plain, rel=1e-5) if all(isinstance(one, float | int) for one in plain) else plain)


@pytest.mark.parametrize("card", CARDS, ids=IDS)
@pytest.mark.parametrize("width", [40, 60])
def test_a_wrapped_usage_is_the_same_yaml(card: Card, width: int) -> None:
    text = wrapped(card.usage, width, "    ")
    assert max(map(len, text.splitlines())) <= width
    assert parse_yaml(text) == parse_yaml(card.usage)
    assert yaml.safe_load(text) == yaml.safe_load(card.usage)


def test_a_name_may_be_spelled_with_gaps_and_an_unknown_one_has_a_nearest() -> None:
    assert [card.name for card in find_cards(" Max-Norm ")] == ["max_norm"]
    assert {card.group for card in find_cards("constant")} == {"schedules", "initializations"}
    with pytest.raises(RecipeError, match=r"dropuot: no method has this name; expected 'dropout' \(nearest\)"):
        find_cards("dropuot")


READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
SHOWN = {"text", "code_inline", "softbreak"}
MEANT = {"strong_open", "strong_close", "link_open", "link_close"}


def seen(tokens: list[Token]) -> list[str]:
    """What a reader sees, a paragraph each; nothing in it may be taken for Markdown but links, code and headings."""
    found = []
    for token in tokens:
        if token.type == "inline":
            assert {child.type for child in token.children or []} <= SHOWN | MEANT, token.content
            found.append("".join(child.content for child in token.children or [] if child.type in SHOWN))
        elif token.type == "fence":
            found.append(" ".join(token.content.split()))
        assert token.type not in {"html_block", "hr", "list_item_open", "blockquote_open", "code_block"}, token.content
    return found


@pytest.mark.parametrize("card", CARDS, ids=IDS)
def test_a_page_shows_the_card_as_it_is_written(card: Card) -> None:
    expected = [card.name, f"{GROUPS[card.group]}; wellfit/{card.file}", *card.summary.split("\n\n")]
    for heading, text in card.sections.items():
        in_a_block = heading == "Formula"
        expected += [heading, *([" ".join(text.split())] if in_a_block else text.split("\n\n"))]
    plain = [text.replace("``", "") for text in expected]
    assert seen(READER.parse(as_markdown(card))) == [*plain, "In a recipe", card.usage]


def test_the_list_of_methods_shows_them_all() -> None:
    shown = seen(READER.parse(index_markdown()))
    rows = list(pairwise(shown))
    for card in CARDS:
        assert (card.name, card.summary.splitlines()[0].replace("``", "")) in rows, card.name


def test_a_card_names_the_other_form_of_its_concept() -> None:
    """What has two forms stands in both places, and each leads to the other."""
    pages = {card.name: as_markdown(card) for card in CARDS}
    for one, other in (
        ("l2", "weights/weight_decay"),
        ("weight_decay", "loss/l2"),
        ("dropout", "activations/classic_dropout"),
        ("classic_dropout", "activations/dropout"),
        ("elastic_net", "loss/l1"),
        ("clip_value", "gradient/clip_norm"),
    ):
        assert f"](../{other}.md)" in pages[one], one
    assert "](" not in pages["momentum"], "a parameter of the same name is no link"
