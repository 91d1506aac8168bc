"""Help answers at once, with examples, in 80 columns; wrong usage is one line."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.cli.calling import call
from wellfit import __version__

COMMANDS = ("demo", "study", "train", "report", "predict", "doctor", "data")
HEAVY = ("torch", "torchvision", "pandas", "sklearn", "plotly", "sqlalchemy", "scipy", "numpy", "yaml", "rich")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import json, sys\n"
        "from wellfit.cli.app import main\n"
        "codes = [main(['--help']), main(['study', '--help']), main(['data', 'preview', '--help'])]\n"
        "print(json.dumps([codes, sorted(sys.modules)]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    codes, modules = json.loads(done.stdout.splitlines()[-1])
    assert codes == [0, 0, 0]
    assert set(HEAVY) & set(modules) == set()


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS), ("data", "preview")])
def test_help_has_examples_and_fits(capsys: pytest.CaptureFixture[str], command: tuple[str, ...]) -> None:
    done = call(capsys, *command, "--help")
    assert done.code == 0
    assert done.err == ""
    assert "Examples:\n    wellfit " in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    assert call(capsys, *command, "-h").out == done.out


def test_all_commands_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    alone = call(capsys)
    assert alone.code == 0
    assert alone.out == call(capsys, "--help").out
    for name in COMMANDS:
        assert f"\n  {name} " in alone.out
    assert "..." not in alone.out.partition("Commands:")[2].partition("Examples")[0]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "--version") == (0, f"wellfit {__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["stuy"], ["No such command 'stuy'", "'study'", "wellfit --help"]),
        (["study", "--sett", "a=1", "f.yaml"], ["--sett", "--set", "wellfit study --help"]),
        (["study"], ["FILE", "wellfit study --help"]),
        (["study", "f.yaml", "--certify", "-1"], ["--certify", "0"]),
        (["study", "f.yaml", "--store", "nonsense"], ["--store", "nonsense", "URL"]),
        (["predict", "model"], ["DATA"]),
        (["data", "previw"], ["No such command 'previw'", "wellfit data --help"]),
        (["data", "preview", "digits"], ["--out", "wellfit data preview --help"]),
    ],
)
def test_wrong_usage(capsys: pytest.CaptureFixture[str], arguments: list[str], said: list[str]) -> None:
    done = call(capsys, *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.line.startswith("wellfit: ")
    assert all(part in done.line for part in said), done.line
