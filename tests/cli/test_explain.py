"""``wellfit explain``: every method, one card, two of a name; narrow terminals; no torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.calling import call
from wellfit.cards import all_cards
from wellfit.diagnosis.remedy_cards import remedy_cards
from wellfit.recipe_file import parse_yaml

NAMES = sorted({card.name for card in all_cards()})


def test_the_overview_has_a_line_for_each_method(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    done = call(capsys, "explain")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert max(map(len, lines)) <= 80
    listed = [line.split()[0] for line in lines if line.startswith("  ")]
    remedies = [card.name for card in remedy_cards() if not card.is_method]
    assert sorted(listed) == sorted([*(card.name for card in all_cards()), *remedies])
    assert "regularizers, stage 2: hidden activations" in lines
    dropout = next(line for line in lines if line.startswith("  dropout "))
    assert dropout.split(maxsplit=1)[1].startswith("Silences each hidden unit with probability rate in")


def test_a_card(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    done = call(capsys, "explain", "max-norm")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("max_norm (regularizers, stage 5: the weights)\n  Projects the incoming weight vector")
    headings = [line.strip() for line in done.out.splitlines() if line.startswith("  ") and line[2:3].isupper()]
    assert [one for one in headings if len(one) < 20] == [
        "Formula",
        "Range",
        "Does nothing for",
        "Does harm when",
        "Source",
        "In a recipe",
    ]
    assert "    w_i <- w_i min(1, limit / ||w_i||), w_i = row i of a linear layer (out, in)," in done.out
    assert "\n    regularizers: {max_norm: {limit: 3}}\n" in done.out
    assert done.out.endswith("  wellfit/regularize/weights/max_norm.py\n")
    assert "`" not in done.out


def test_two_cards_of_one_name(capsys: pytest.CaptureFixture[str]) -> None:
    done = call(capsys, "explain", "constant")
    assert done.code == 0
    assert "constant (schedules of the learning rate)\n" in done.out
    assert "\n\nconstant (initializations)\n" in done.out


def test_an_unknown_name(capsys: pytest.CaptureFixture[str]) -> None:
    done = call(capsys, "explain", "dropuot")
    assert (done.code, done.out) == (2, "")
    assert done.line.startswith("wellfit: dropuot: no method has this name; expected 'dropout' (nearest), one of ")


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    done = call(capsys, "explain", "elastic_net", "--json")
    (card,) = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert card["parameters"] == {"strength": 1e-4, "l1_ratio": 0.5, "on": []}
    assert card["group"] == "loss"
    assert list(card["sections"]) == ["Formula", "Range", "Does nothing for", "Does harm when", "Source"]
    every = json.loads(call(capsys, "explain", "--json").out)
    rest = [("remedies", card.name) for card in remedy_cards() if not card.is_method]
    assert [(one["group"], one["name"]) for one in every] == [*((card.group, card.name) for card in all_cards()), *rest]


def test_a_remedy_that_is_no_method(capsys: pytest.CaptureFixture[str]) -> None:
    done = call(capsys, "explain", "more-data")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("more_data (a remedy)\n\n  In a recipe\n")
    assert "  change for overfitting\n" in done.out
    assert "  Does harm when\n    new samples come from elsewhere" in done.out
    assert "`" not in done.out
    rate = call(capsys, "explain", "lr").out
    assert rate.startswith("optimizer.lr (a remedy)\n")
    assert "  Does harm when (raise)\n" in rate
    (card,) = json.loads(call(capsys, "explain", "epochs", "--json").out)
    assert card["calls"][0]["cause"] == "unconverged"
    assert call(capsys, "explain", "dropout").out.startswith("dropout (regularizers")
    assert "expected 'more_data' (nearest)" in call(capsys, "explain", "mroe_data").line


@pytest.mark.parametrize("width", [40, 64])
def test_no_line_is_wider_than_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    for arguments in ([], *([name] for name in NAMES)):
        lines = call(capsys, "explain", *arguments).out.splitlines()
        assert max(map(len, lines)) <= width, arguments
    listed = call(capsys, "explain").out.splitlines()
    assert [line for line in listed if line.split()[:1] == ["binary_cross_entropy"]], "names are whole"


def test_a_recipe_can_be_copied_from_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    out = call(capsys, "explain", "random_erasing").out
    text = out.partition("  In a recipe\n")[2].partition("\n\n")[0]
    assert len(text.splitlines()) > 1
    (card,) = (card for card in all_cards() if card.name == "random_erasing")
    assert parse_yaml(text) == parse_yaml(card.usage)


def test_hardly_any_width(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "5")
    assert call(capsys, "explain").code == 0
    assert call(capsys, "explain", "lion").code == 0


def test_pages_are_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    done = call(capsys, "explain", "--write", tmp_path / "cards")
    assert (done.code, done.out) == (0, "")
    assert done.line == f"{len(all_cards())} cards: {tmp_path / 'cards'}"
    assert (tmp_path / "cards" / "activations" / "dropout.md").read_text().startswith("# dropout\n")
    assert len(list((tmp_path / "cards").rglob("*.md"))) == len(all_cards()) + 1


def test_where_nothing_can_be_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = call(capsys, "explain", "--write", tmp_path / "file")
    assert (done.code, done.out) == (1, "")
    assert "file" in done.line
    refused = call(capsys, "explain", "dropout", "--write", tmp_path)
    assert refused.code == 2
    assert "--write" in refused.line


def test_help_fits(capsys: pytest.CaptureFixture[str]) -> None:
    done = call(capsys, "explain", "--help")
    assert (done.code, done.err) == (0, "")
    assert "Examples:\n    wellfit explain " in done.out
    assert max(map(len, done.out.splitlines())) <= 80


def test_torch_is_not_imported() -> None:
    code = (
        "import sys\n"
        "from wellfit.cli.app import main\n"
        "codes = [main(['explain', 'dropout']), main(['explain', 'batch norm', '--json'])]\n"
        "loaded = {'torch', 'numpy', 'scipy', 'wellfit.regularize'} & set(sys.modules)\n"
        "codes.append(main(['explain']))\n"  # the tables of remedies stand beside what needs NumPy
        "print(codes, loaded | {'torch', 'wellfit.regularize'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[0, 0, 0] set()"
