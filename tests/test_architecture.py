"""The house holds: imports go one way, rooms have their size, torch stays where it belongs."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import wellfit

SOURCE = Path(__file__).parents[1] / "src" / "wellfit"
FILES = sorted(SOURCE.rglob("*.py"))

# A room may import the rooms before it, and its own.
ORDER = [
    {"errors", "machine", "atomic", "record", "random", "recipe", "recipe_errors", "recipe_file", "cards"},
    {"data", "models", "regularize", "diagnosis", "stats"},
    {"train", "callbacks"},
    {"study"},
    {"examine", "fitting"},
    {"views"},
    {"report"},
    {"api", "web"},
    {"cli"},
    {"__main__"},
]
LEVEL = {room: level for level, rooms in enumerate(ORDER) for room in rooms}
LONGER = {
    "regularize/stages.py": (350, "the whole contract between methods and engine, to be read as one page"),
}
"""Files that may have more than 300 lines, and why."""
WITHOUT_TORCH = (
    "callbacks",
    "diagnosis",
    "stats",
    "views",
    "report",
    "atomic",
    "record",
    "recipe",
    "errors",
    "random",
    "cards",
    "cli",
)


def room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """Every module of wellfit that a file names in an import, also inside functions, but not for types alone."""
    tree = ast.parse(path.read_text())
    for_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield str(node.module)


def own(modules: Iterator[str]) -> set[str]:
    return {module for module in modules if module.split(".")[0] == "wellfit"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_one_way(path: Path) -> None:
    if path == SOURCE / "__init__.py":
        return  # the public surface imports late, from anywhere
    here = room(path)
    assert here in LEVEL, f"{here} has no place in the house"
    for module in own(imported(path)):
        parts = module.split(".")
        there = parts[1] if len(parts) > 1 else "__init__"
        if there in {"__init__", here}:
            continue
        same_level_base = LEVEL[here] == LEVEL[there] == 0
        assert LEVEL[there] < LEVEL[here] or same_level_base, f"{here} imports {module}"


def test_no_cycles_between_files() -> None:
    names = {
        path: ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in FILES
    }
    graph = {names[path]: {module for module in own(imported(path)) if module in names.values()} for path in FILES}
    graph["wellfit"] = set()
    done: set[str] = set()

    def visit(module: str, on_the_way: tuple[str, ...]) -> None:
        assert module not in on_the_way, "a cycle: " + " -> ".join((*on_the_way, module))
        if module not in done:
            for following in graph[module]:
                if not following.startswith(module + ".") and not module.startswith(following + "."):
                    visit(following, (*on_the_way, module))
            done.add(module)

    for module in graph:
        visit(module, ())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_budgets(path: Path) -> None:
    lines = path.read_text().splitlines()
    inside = path.relative_to(SOURCE).parts
    a_method = inside[0] == "regularize" and len(inside) == 3
    limit = LONGER[str(path.relative_to(SOURCE))][0] if str(path.relative_to(SOURCE)) in LONGER else 300
    limit = 150 if a_method else limit
    assert len(lines) <= limit, f"{len(lines)} lines; the budget is {limit}"
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, f"{node.name} is longer than 60 lines"


def test_stage_folders_do_not_import_each_other() -> None:
    stages = {"batch", "activations", "loss", "gradient", "weights", "time"}
    for path in (SOURCE / "regularize").glob("*/*.py"):
        for module in own(imported(path)):
            parts = module.split(".")
            other = parts[2] if len(parts) > 2 and parts[1] == "regularize" else None
            assert other not in stages or other == path.parent.name, f"{path} imports {module}"


def test_no_utils() -> None:
    assert not [path for path in FILES if path.stem in {"utils", "util", "helpers", "common", "misc"}]


def test_the_engine_knows_no_method_by_its_name() -> None:
    from wellfit.regularize.catalogue import CATALOGUE

    allowed = {"wellfit.regularize.gradient.clip_norm"}  # for gradient_norm, a measure
    methods = {cls.__module__ for cls in CATALOGUE.values()} - allowed
    for path in FILES:
        if room(path) == "train":
            assert not methods & set(imported(path)), path


@pytest.mark.parametrize("name", WITHOUT_TORCH)
def test_no_torch_there(name: str) -> None:
    """Importing the room must not import torch (``cli``: its entry point)."""
    module = "wellfit.cli.app" if name == "cli" else f"wellfit.{name}"
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_public_surface() -> None:
    assert set(wellfit.__all__) == {
        "Dataset",
        "EpochRow",
        "InputError",
        "Recipe",
        "RunRecord",
        "StudySpec",
        "Watch",
        "WellfitError",
        "__version__",
        "bias_variance",
        "diagnose",
        "find_lr",
        "fingerprint",
        "fit",
        "learning_curve",
        "load",
        "load_model",
        "random_labels",
        "run_study",
    }
    for name in wellfit.__all__:
        assert getattr(wellfit, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = wellfit.nothing
