"""What the page is made of: safe text, files, figures, tables and facts."""

from __future__ import annotations

import json
import math
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.report.sample import make_result, make_run, make_study
from wellfit.errors import StorageError
from wellfit.report import write
from wellfit.report.facts import cards, facts, recipe_changes, recipe_yaml
from wellfit.report.figure import log_range, padded, shortened, wrapped
from wellfit.report.safe import as_json, as_script, as_text
from wellfit.report.tables import BAR_WIDTH, leaderboard_table
from wellfit.views.leaderboard import leaderboard


def test_json_has_no_nan_and_cannot_end_the_element() -> None:
    given = {"a": [math.nan, math.inf, -math.inf, np.float32(0.5), np.int64(3)], "</script><!--": ("&", None, True)}
    text = as_json(given)
    assert json.loads(text) == {"a": [None, None, None, 0.5, 3], "</script><!--": ["&", None, True]}
    assert not set("<>&") & set(text)


def test_json_line_separators_are_escaped() -> None:
    assert as_json("\u2028") == '"\\u2028"'


def test_numbers_are_rounded_to_what_a_screen_shows() -> None:
    assert as_json([0.123456789, 12345678.9]) == "[0.12346,12346000.0]"


def test_script_cannot_end_early() -> None:
    text = as_script("a = '</script>';\r\nb = '<!--';")
    assert "</script" not in text
    assert "<!--" not in text
    assert "\r" not in text


def test_labels_are_text() -> None:
    assert as_text("<b>a</b> & c") == "&lt;b&gt;a&lt;/b&gt; &amp; c"


def test_long_labels_break_at_plus_and_spaces_and_keep_their_ends() -> None:
    assert wrapped("dropout+l2+augmentation") == "dropout+l2<br>+augmentation"
    assert wrapped("plain") == "plain"
    assert wrapped("a very long name that somebody gave").startswith("a very long name<br>that somebody gave")
    lines = wrapped("x" * 300).split("<br>")
    assert len(lines) == 1
    assert len(lines[0]) == 20
    assert shortened("abcdefghij", 5) == "ab\N{HORIZONTAL ELLIPSIS}ij"
    assert len(wrapped("+".join(["regularizer"] * 9)).split("<br>")) == 2


def test_ranges() -> None:
    assert padded(0, 1, share=0.1) == [-0.1, 1.1]
    assert padded(2, 2)[0] < 2 < padded(2, 2)[1]
    low, high = log_range(0.01, 100)
    assert low < -2
    assert high > 2
    assert all(math.isfinite(value) for value in (*log_range(0, 5), *log_range(-1, 0)))


def test_write_replaces_the_file_and_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "new" / "report.html"
    write(target, "old")
    write(target, "<p>\N{MINUS SIGN} \udcff</p>")
    assert target.read_bytes() == "<p>\N{MINUS SIGN} ?</p>".encode()
    assert os.listdir(target.parent) == ["report.html"]


def test_written_report_can_be_read_as_the_umask_allows(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    write(target, "x")
    (tmp_path / "other").write_text("x")
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)


def test_write_that_fails_keeps_the_old_report_and_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "report.html"
    write(target, "old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("wellfit.atomic.os.fsync", full)
    with pytest.raises(StorageError, match=r"report\.html: the disk is full"):
        write(target, "new")
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.html"]


def test_write_below_a_file_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written") as caught:
        write(tmp_path / "file" / "report.html", "x")
    assert "\n" not in str(caught.value)


def test_bars_share_one_scale_with_zero_on_it() -> None:
    result, _, _ = make_study(seeds=4, epochs=12)
    table = leaderboard_table(leaderboard(result), metric="val_loss")
    bars = [line["bar"] for line in table["rows"] if line["bar"] is not None]
    assert len(bars) == 7
    assert len({bar.zero for bar in bars}) == 1
    assert all(0 <= bar.low <= bar.middle <= bar.high <= BAR_WIDTH for bar in bars)
    better = next(line for line in table["rows"] if line["row"].is_best)
    assert better["bar"].high < better["bar"].zero


def test_columns_that_no_arm_has_are_left_out() -> None:
    runs = [make_run(seed=seed, accuracy=False) for seed in range(2)]
    table = leaderboard_table(leaderboard(make_result(runs)), metric="val_loss")
    assert table["columns"] == ["val_loss", "test_loss", "gap"]
    assert not table["has_contrasts"]


def test_cards_tell_a_sealed_from_a_read_test_set() -> None:
    result = make_result([make_run()])
    for reads, words in ((0, "not read"), (1, "read once"), (3, "read 3 times")):
        result["data"]["test_reads"] = reads
        card = cards(result, leaderboard(result), tone="unclear")[-1]
        assert (card.label, card.value) == ("Sealed test set", words)


def test_cards_do_not_claim_what_the_contrast_does_not() -> None:
    result = make_result([make_run(), make_run("l2", chosen=("l2",))])
    result["best"] = {"arm": "l2"}
    assert cards(result, leaderboard(result), tone="unclear")[0].note == "by its mean; not beyond chance"
    result["best"] = {"arm": "plain"}
    assert cards(result, leaderboard(result), tone="unclear")[0].note == "the control itself"


def test_recipe_is_yaml_and_changes_drop_the_group() -> None:
    assert recipe_yaml({"b": (1, 2), "a": {"c": np.float64(0.5), "d": None}}) == "b: [1, 2]\na: {c: 0.5}\n"
    found = recipe_changes({"regularizers": {}, "lr": 1}, {"regularizers": {"batchnorm": {}}, "lr": 2})
    assert found == [
        {"key": "lr", "before": "1", "after": "2"},
        {"key": "batchnorm", "before": "", "after": "on"},
    ]


def test_facts_are_flat_short_and_leave_out_what_is_empty() -> None:
    given: dict[str, Any] = {"largest_deviation": 2.1e-6, "holds": True, "n": 54000, "none": None, "runs": []}
    given["of"] = {"a_b": ["x", 1]}
    assert facts(given) == [("largest deviation", "2.1e-06"), ("holds", "yes"), ("n", "54,000"), ("of.a b", "x, 1")]
    assert facts({"populations": [{"members": 8, "how": "stacked"}, {"members": 2, "how": None}]}) == [
        ("populations 1", "members 8, how stacked"),
        ("populations 2", "members 2"),
    ]
    assert facts({"a": [{"b": 1}] * 15})[-1] == ("a", "and 3 more")
    assert len(facts({"a": "x" * 500})[0][1]) == 160
    assert facts(None) == []
