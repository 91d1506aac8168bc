"""README and docs are true: commands exist, files exist, examples run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_the_recipe_of_the_readme_is_valid() -> None:
    (text,) = blocks(README, "yaml")
    arms = design(parse_study(parse_yaml(text)))
    assert [arm.name for arm in arms] == ["plain", "dropout", "l2", "dropout+l2", "wide"]


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


def test_the_readme_names_every_regularizer_and_its_defaults() -> None:
    for name, cls in CATALOGUE.items():
        assert f"`{name}`" in README, name
        for field in cls.model_fields:
            assert f"`{field}`" in README, f"{name}.{field}"


def test_the_glossary_names_files_that_exist() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text()
    for name in re.findall(r"`([a-z_]+/[a-z_/]*(?:\.py)?|[a-z]+\.py)`", text):
        assert (ROOT / "src" / "wellfit" / name).exists(), name


def test_pages_name_no_place_of_one_machine() -> None:
    for page in PAGES:
        assert not re.search(r"/(work|root|home)/", page.read_text()), page
