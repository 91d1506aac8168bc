"""README and docs are true: commands exist, files exist, examples run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.core import TyperGroup
from typer.main import get_command

from wellfit.cards import all_cards
from wellfit.cards.usage import flow
from wellfit.cli.app import app
from wellfit.cli.augmentations import parse_augmentations
from wellfit.cli.explain import write_all
from wellfit.diagnosis.remedy_page import remedies_markdown
from wellfit.recipe_file import parse_study, parse_yaml, read_study
from wellfit.regularize.catalogue import CATALOGUE
from wellfit.study.prepare import design

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "studies").glob("*.md")),
]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_two_commands_are_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()
    first = blocks(README, "sh")[0]
    assert re.findall(r"^make (\S+)", first, re.MULTILINE) == ["demo", "test"]
    for target in re.findall(
        r"^make (\S+)", "\n".join(blocks(README + (ROOT / "CONTRIBUTING.md").read_text(), "sh")), re.MULTILINE
    ):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_recipes_of_the_readme_are_valid() -> None:
    first, second = (design(parse_study(parse_yaml(text))) for text in blocks(README, "yaml"))
    assert [arm.name for arm in first] == ["plain", "dropout", "l2", "dropout+l2", "wide"]
    assert len(second) == 3 * 2, "mixup at two levels or none, with SAM and without"


def test_every_recipe_in_the_docs_is_valid() -> None:
    """A part of a recipe is one when it is given data; those of the cards are tested with them."""
    texts = [text for page in PAGES if "methods" not in page.parts for text in blocks(page.read_text(), "yaml")]
    assert len(texts) > 4
    for text in texts:
        assert design(parse_study({"data": "digits", **parse_yaml(text)})), text


def test_every_command_in_the_docs_exists() -> None:
    commands = {command.name for command in app.registered_commands} | {"data", "examine"}
    for page in PAGES:
        for line in re.findall(r"^wellfit (.*)$", "\n".join(blocks(page.read_text(), "sh")), re.MULTILINE):
            words = shlex.split(line, comments=True)
            assert words[0] in commands, line
            group = get_command(app)
            assert isinstance(group, TyperGroup)
            command = group.commands[words[0]]
            if isinstance(command, TyperGroup):
                command = command.commands.get(words[1]) or command.commands["audit"]  # data DATA is audited
            options = {name for one in command.params for name in one.opts}
            assert {word for word in words if word.startswith("-")} <= options, line
            if "--augment" in words:
                assert parse_augmentations([words[words.index("--augment") + 1]])


def test_the_python_of_the_readme_runs(tmp_path: Path) -> None:
    (code,) = blocks(README, "python")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "first" / "report.html").exists()
    assert re.match(r"\S+ \['", done.stdout)


@pytest.mark.parametrize("path", sorted((ROOT / "studies").rglob("*.yaml")), ids=lambda path: path.name)
def test_every_study_file_is_valid(path: Path) -> None:
    assert design(read_study(path))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def readme_regularizers() -> dict[str, tuple[str, dict[str, str | None]]]:
    """Name -> its stage and its parameters with their defaults, from the table."""
    found: dict[str, tuple[str, dict[str, str | None]]] = {}
    table = README.partition("| stage |")[2].partition("\n\n")[0]
    stage = ""
    for line in table.splitlines()[2:]:
        _, first, _, methods, _ = (cell.strip() for cell in line.split("|"))
        stage = first or stage
        for method in methods.split("; "):
            match = re.fullmatch(r"`(\w+)`: (.+)", method)
            assert match is not None, method
            given = [re.fullmatch(r"`(\w+)`(?: \((.+)\))?", part) for part in match[2].split(", ")]
            found[match[1]] = (stage, {part[1]: part[2] for part in given if part is not None})
    return found


def test_the_readme_names_every_regularizer_with_its_stage_and_defaults() -> None:
    shown = readme_regularizers()
    assert shown.keys() == CATALOGUE.keys()
    for name, cls in CATALOGUE.items():
        stage, parameters = shown[name]
        assert stage == cls.stage, name
        assert parameters.keys() == cls.model_fields.keys() - {"at", "on"}, name
        for field, text in parameters.items():
            if text is not None:
                assert text == flow(cls.model_fields[field].default), f"{name}.{field}"
    assert {name for name, (_, given) in shown.items() if None in given.values()} == {"random_choice", "freezing"}
    assert "`at`" in README
    assert "`on`" in README


def test_the_readme_names_every_other_method() -> None:
    """Optimizers, schedules, losses, initializations by their names, normalizations by their kinds."""
    table = README.partition("| recipe key |")[2].partition("\n\n")[0]
    rows = {row[0]: row[1] for row in re.findall(r"^\| `([a-z._]+)` \| (.*) \|$", table, re.MULTILINE)}
    keys = {"optimizers": "optimizer", "schedules": "schedule", "losses": "loss", "initializations": "init"}
    for card in all_cards():
        key = keys.get(card.group, "model.norm" if card.group == "normalizations" else "")
        if key:
            assert f"`{card.name.removesuffix('_norm')}`" in rows[key], card.name


def test_the_cards_are_what_is_written_now(tmp_path: Path) -> None:
    """``make docs`` makes them again; no page is left of a method that is no more."""

    def pages(folder: Path) -> dict[str, str]:
        return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}

    count = write_all(tmp_path)
    written, committed = pages(tmp_path), pages(ROOT / "docs" / "methods")
    assert len(written) == count + 1
    assert written.keys() == committed.keys()
    assert not [name for name, text in written.items() if text != committed[name]]


def test_the_remedies_are_what_is_in_the_tables_now() -> None:
    assert (ROOT / "docs" / "remedies.md").read_text() == remedies_markdown()


def test_decay_and_penalty_end_where_the_docs_say() -> None:
    """PyTorch's own optimizers, one step from w = 1 with a gradient of 0.5, lr 0.1 and strength 0.3."""

    def after(cls: Any, strength: float) -> str:
        w = torch.nn.Parameter(torch.ones(1))
        w.grad = torch.full((1,), 0.5)
        cls([w], lr=0.1, weight_decay=strength).step()
        return f"{w.item():.2f}"

    sgd, adam, adamw = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW
    decayed = 1.0 * (1 - 0.1 * 0.3) - 0.1 * 0.5
    page = (ROOT / "docs" / "regularizing.md").read_text()
    assert f"| neither | {after(sgd, 0)} | {after(adam, 0)} |" in page
    assert f"| `l2` | {after(sgd, 0.3)} | {after(adam, 0.3)} |" in page
    assert f"| `weight_decay` | {decayed:.2f} | {after(adamw, 0.3)} |" in page


def test_the_glossary_names_files_that_exist_and_all_methods() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text()
    named = set(re.findall(r"`((?:[a-z0-9_]+/)*[a-z0-9_]+\.py|(?:[a-z_]+/)+)`", text))
    for name in named:
        assert (ROOT / "src" / "wellfit" / name).exists(), name
    for name, cls in CATALOGUE.items():
        assert f"regularize/{cls.stage}/{name}.py" in named, name
    rows = [line for line in text.splitlines() if re.match(r"\| (?!term \||word \|)", line)]
    assert all(re.search(r"`[a-z0-9_/]+\.py`|`[a-z]+/`|\]\(|not yet", row) for row in rows)


def test_pages_name_no_place_of_one_machine() -> None:
    for page in PAGES:
        assert not re.search(r"/(work|root|home)/", page.read_text()), page
