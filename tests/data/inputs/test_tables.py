"""Tables for a model: with categories and dates, and with a row for each time step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tests.data.inputs.models import Asked, model_of


def long_frame(*, series: int = 20, seed: int = 0) -> pd.DataFrame:
    """Series of 4 to 7 steps of two channels; their rows are shuffled."""
    draw = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for i in range(series):
        for step in range(4 + i % 4):
            a, b = draw.normal(size=2).round(4)
            rows.append({"a": a, "who": f"p{i:02}", "when": step, "b": b, "class": "xy"[i % 2], "site": i // 2})
    return pd.DataFrame(rows).sample(frac=1, random_state=0)


def long_model(path: Path, **fields: Any) -> Asked:
    long_frame().to_csv(path, index=False)
    return model_of(path, target="class", id="who", time="when", **fields)


@pytest.mark.parametrize("length", ["longest", "shortest", 5])
def test_long_tables_are_read_as_in_training(tmp_path: Path, length: int | str) -> None:
    asked = (
        long_model(tmp_path / "long.csv", length=length)
        if length != 5
        else long_model(tmp_path / "long.csv", length=5, group="site", split={"kind": "grouped"})
    )
    names = asked.names(tmp_path / "long.csv")
    assert names == list(dict.fromkeys(long_frame()["who"]))
    bare = long_frame()[["when", "b", *(["site"] if length != 5 else []), "who", "a"]]  # in another order
    bare["note"] = "text"
    bare.to_parquet(tmp_path / "new.parquet")
    assert asked.names(tmp_path / "new.parquet") == names


def test_one_long_series(tmp_path: Path) -> None:
    asked = long_model(tmp_path / "long.csv", length=6)
    columns = list(asked.model.features)
    assert columns == ["a", "b", "site"]
    frame = long_frame()
    one = frame[frame["who"] == "p03"].sort_values("when")
    one.drop(columns="class").to_csv(tmp_path / "one.csv", index=False)
    names, x = asked.read(tmp_path / "one.csv")
    assert names == ["p03"]
    expected = np.zeros((6, 3), np.float32)
    expected[:6] = one[columns].to_numpy()[:6]
    np.testing.assert_array_equal(x[0].numpy(), expected)


def test_long_tables_at_fault(tmp_path: Path) -> None:
    asked = long_model(tmp_path / "long.csv", length="longest")
    frame = long_frame(series=3).drop(columns="class")

    def said(changed: pd.DataFrame) -> str:
        changed.to_csv(tmp_path / "new.csv", index=False)
        return asked.refused(tmp_path / "new.csv")

    assert "new.csv: lacks when, b; expected the 5 columns" in said(frame.drop(columns=["b", "when"]))
    twice = pd.concat([frame, frame[:1]])
    assert "a second row for the same time of the same series" in said(twice)
    assert "is no column of numbers" in said(frame.assign(a="text"))
    late = frame[frame["who"] == "p02"][:1]
    more = pd.concat([frame, *(late.assign(when=step) for step in range(10, 14))])
    assert "new.csv, series p02: 10 time steps; expected at most 7" in said(more)
    gone = frame.copy()
    gone.iloc[0, 0] = np.nan
    assert "line 2: no value in the column 'a'" in said(gone)
    skipped: list[str] = []
    assert len(asked.read(tmp_path / "new.csv", skip_bad=True, skipped=skipped)[0]) == 3
    assert len(skipped) == 1
    (tmp_path / "new.csv").write_text("")
    assert asked.refused(tmp_path / "new.csv")


def test_older_models_know_no_names(tmp_path: Path) -> None:
    asked = long_model(tmp_path / "long.csv", length=5)
    older = Asked(asked.dataset, asked.model.__class__(**{**vars(asked.model), "features": ()}))
    older.names(tmp_path / "long.csv")
    frame = long_frame().assign(more=1)
    frame.to_csv(tmp_path / "new.csv", index=False)
    assert "4 channels; expected 3" in older.refused(tmp_path / "new.csv")


def test_mixed_tables_are_encoded_and_filled_in(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "color": draw.choice(["red", "green", "blue"], 60),
            "size": draw.normal(size=60).round(3),
            "day": [f"2024-01-{1 + i % 28:02}" for i in range(60)],
            "note": [f"note {i}" for i in range(60)],
            "y": draw.choice(["no", "yes"], 60),
        }
    )
    frame.loc[5, "size"] = np.nan
    frame.to_csv(tmp_path / "t.csv", index=False)
    fields = {"target": "y", "drop": ("note",), "impute": "median", "indicate": True, "scale": "robust"}
    asked = model_of(tmp_path / "t.csv", **fields)
    assert asked.names(tmp_path / "t.csv")[:2] == ["line 2", "line 3"]
    frame.drop(columns=["y", "note"]).to_csv(tmp_path / "new.csv", index=False)
    asked.names(tmp_path / "new.csv")
    assert torch.isfinite(asked.model.predict(asked.read(tmp_path / "new.csv")[1])).all()
    np.save(tmp_path / "x.npy", np.zeros((2, 3)))
    assert "x.npy: no table; expected a table with the 3 columns" in asked.refused(tmp_path / "x.npy")
