"""A table of numbers, categories, dates and missing values: trained, saved, and used on a new file."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch
from safetensors.numpy import load_file
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_wine
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, RobustScaler

from tests.cli.calling import call
from wellfit.data import load
from wellfit.recipe import DataSpec
from wellfit.study.trained import load_model
from wellfit.train.replicate import make_replicate

MEASURES = ["alcohol", "hue", "proline"]
FIELDS = {"impute": "median", "scale": "robust", "indicate": True, "drop": ["id"], "split": {"resplit": True}}
FAST = ("--quiet", "--set", "epochs=3", "--set", "batch_size=16", "--set", "model={kind: mlp, hidden: [8]}")
Array = npt.NDArray[np.float64]


def wines(*, seed: int = 0) -> pd.DataFrame:
    """Three measures of scikit-learn's wines, a region that tells the kinds apart somewhat, a date, and an id."""
    draw = np.random.default_rng(seed)
    bunch = load_wine(as_frame=True)
    frame: pd.DataFrame = bunch.frame[MEASURES].copy()
    kind = bunch.target.to_numpy()
    n = len(frame)
    region = np.where(draw.random(n) < 0.7, np.array(["north", "south", "west"])[kind], "north")
    day = pd.Timestamp("2020-01-01") + pd.to_timedelta(draw.integers(0, 900, n) + 100 * kind, unit="D")
    frame.insert(0, "id", [f"W-{i:04d}" for i in range(n)])
    frame["region"] = region
    frame["bottled"] = day.strftime("%Y-%m-%d")
    frame["organic"] = np.where(draw.random(n) < 0.4, "true", "false")
    for name in ("hue", "region", "bottled", "organic"):
        frame.loc[draw.random(n) < 0.1, name] = None
    frame["kind"] = np.array(["barolo", "grignolino", "barbera"])[kind]
    return frame


def by_scikit_learn(frame: pd.DataFrame, train: npt.NDArray[np.int64]) -> tuple[ColumnTransformer, list[str]]:
    """Return the same preparation fitted on the same rows, and the names of its features in its order."""
    fill = SimpleImputer(strategy="median"), SimpleImputer(strategy="most_frequent")
    made = ColumnTransformer(
        [
            ("numbers", make_pipeline(fill[0], RobustScaler()), [*MEASURES, "bottled"]),
            ("truth", make_pipeline(fill[1], RobustScaler()), ["organic"]),
            (
                "categories",
                make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")),
                ["region"],
            ),
            ("marks", MissingIndicator(), ["hue", "region", "bottled", "organic"]),
        ],
        sparse_threshold=0,
    )
    made.fit(frame.iloc[train])
    regions = [f"region={name}" for name in ("north", "south", "west")]
    marks = [f"{name} is missing" for name in ("hue", "region", "bottled", "organic")]
    return made, [*MEASURES, "bottled", "organic", *regions, *marks]


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Dates as days since 2000, truth values as 0 and 1, missing ones as NaN: what scikit-learn needs."""
    found = frame.copy()
    found["bottled"] = (pd.to_datetime(found["bottled"]) - pd.Timestamp("2000-01-01")).dt.days
    found["organic"] = found["organic"].map({"true": 1.0, "false": 0.0})
    found["region"] = found["region"].astype(object).where(found["region"].notna(), np.nan)
    return found


@pytest.fixture
def trained(capsys: pytest.CaptureFixture[str], folder: Path) -> Path:
    wines().to_csv(folder / "wines.csv", index=False)
    fields = [part for name, value in FIELDS.items() for part in ("--set", f"data.{name}={json.dumps(value)}")]
    done = call(capsys, "train", "wines.csv", "--target", "kind", *FAST, *fields)
    assert done.code == 0, done.err
    assert "wines.csv: missing values are filled in: " in done.err
    return folder / "runs" / "wines" / "models" / "plain" / "0.json"


def test_the_prepared_matrix_is_that_of_scikit_learn(folder: Path) -> None:
    wines().to_csv(folder / "wines.csv", index=False)
    spec = DataSpec.model_validate({"source": str(folder / "wines.csv"), "target": "kind", **FIELDS})
    dataset = load(spec)
    for seed in (0, 1):
        replicate = make_replicate(dataset, spec, seed)
        rows = torch.arange(len(dataset))
        found = replicate.scale(replicate.gather(rows, device=torch.device("cpu"))).numpy()
        oracle, names = by_scikit_learn(plain(wines()), replicate.split.train.numpy())
        assert replicate.encoder is not None
        order = [replicate.encoder.names.index(name) for name in names]
        np.testing.assert_allclose(found[:, order], oracle.transform(plain(wines())).astype(float), atol=2e-5)
        assert replicate.shape == (len(names),) == (12,)


def test_predictions_on_a_new_file(capsys: pytest.CaptureFixture[str], folder: Path, trained: Path) -> None:
    new = wines(seed=5).drop(columns=["kind", "id"]).sample(frac=1, random_state=0).iloc[:, ::-1]
    new["note"] = "not of the model"
    new.loc[new.index[:3], "region"] = "moon"
    new.to_csv(folder / "new.csv", index=False)
    done = call(capsys, "predict", trained, "new.csv")
    assert done.code == 0, done.err
    assert "new.csv: 3 values in the column 'region' unknown to the model: all zeros" in done.err
    assert f"{int(new['hue'].isna().sum())} missing values in the column 'hue' filled in" in done.err
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert len(rows) == len(new)

    card = json.loads(trained.read_text())
    spec = DataSpec.model_validate(card["recipe"]["data"])
    train = make_replicate(load(spec), spec, 0).split.train.numpy()
    oracle, names = by_scikit_learn(plain(wines()), train)
    model = load_model(trained)
    assert model.encoder is not None
    assert model.shape == (12,)
    x = oracle.transform(plain(new)[plain(wines()).columns.drop(["id", "kind"])].assign(id="")).astype(float)
    x = x[:, [names.index(name) for name in model.encoder.names]]
    expected = by_hand(trained, x)
    for column, name in enumerate(model.classes):
        answers = [float(row[f"p_{name}"]) for row in rows]
        np.testing.assert_allclose(answers, expected[:, column], atol=1e-5)


def by_hand(card: Path, x: Array) -> Array:
    """Linear, relu, linear, softmax in NumPy."""
    weights = load_file(card.with_suffix(".safetensors"))
    first, last = (w for _, w in sorted(weights.items()) if w.ndim == 2)
    biases = {len(b): b for b in weights.values() if b.ndim == 1}
    z = np.maximum(x @ first.T + biases[8], 0) @ last.T + biases[3]
    e: Array = np.exp(z - z.max(1, keepdims=True))
    chances: Array = e / e.sum(1, keepdims=True)
    return chances


def test_new_files_at_fault(capsys: pytest.CaptureFixture[str], folder: Path, trained: Path) -> None:
    new = wines(seed=5)
    for changed, message in (
        (new.drop(columns=["hue", "region"]), "new.csv: lacks hue, region; expected the 6 columns"),
        (new.assign(hue="high"), "new.csv, line 2: the text 'high' in the column 'hue'"),
        (new.assign(bottled="1.2.2020"), "new.csv, line 2: the text '1.2.2020' in the column 'bottled'"),
        (new.assign(organic=7), "new.csv, line 2: the value '7' in the column 'organic'"),
    ):
        changed.to_csv(folder / "new.csv", index=False)
        done = call(capsys, "predict", trained, "new.csv")
        assert done.code == 2
        assert message in done.line
    np.savez(folder / "new.npz", x=np.zeros((3, 6)))
    assert "no table; expected a table with the 6 columns that" in call(capsys, "predict", trained, "new.npz").line
    new[["hue"]].assign(**dict.fromkeys(FEATURES)).to_csv(folder / "new.csv", index=False)
    assert call(capsys, "predict", trained, "new.csv").code == 0  # all but one column missing: filled in, and said


FEATURES = ("alcohol", "proline", "region", "bottled", "organic")


def test_a_card_of_before_there_was_an_encoder(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    wines()[[*MEASURES, "kind"]].dropna().to_csv(folder / "numbers.csv", index=False)
    assert call(capsys, "train", "numbers.csv", "--target", "kind", *FAST).code == 0
    card = folder / "runs" / "numbers" / "models" / "plain" / "0.json"
    before = call(capsys, "predict", card, "numbers.csv").out
    about = json.loads(card.read_text())
    del about["encoder"]
    assert not {"drop", "impute", "encode", "equalize"} & set(about["recipe"]["data"])
    card.write_text(json.dumps(about))
    assert call(capsys, "predict", card, "numbers.csv").out == before


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (["data.impute=mean"], "data.impute: digits is no table"),
        (["data.drop=[a]"], "data.drop: digits is no table"),
        (["data.encode=ordinal"], "data.encode: digits is no table"),
        (["data.equalize=none", "data.scale=sharp"], "data.scale"),
        (["data.equalize=clahe", "data.clahe_tiles=[9, 2]"], "data.clahe_tiles: received [9, 2] for images of 8 x 8"),
    ],
)
def test_fields_that_say_nothing(
    capsys: pytest.CaptureFixture[str], folder: Path, fields: list[str], message: str
) -> None:
    done = call(capsys, "train", "digits", *FAST, *(part for field in fields for part in ("--set", field)))
    assert done.code == 2
    assert message in done.line


def test_images_equalized_and_scaled_by_themselves(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    fields = ("--set", "data.limit=200", "--set", "data.equalize=histogram", "--set", "data.scale=per_image")
    assert call(capsys, "train", "digits", *FAST, *fields, "--out", "runs/d").code == 0
    model = load_model(folder / "runs" / "d" / "models" / "plain" / "0.json")
    x = load("digits").x[:50]
    values = model.inputs(x).flatten(1)
    np.testing.assert_allclose(values.mean(1).numpy(), 0, atol=1e-5)
    np.testing.assert_allclose(values.std(1, correction=0).numpy(), 1, atol=1e-4)


STUDY = """
data: {source: wines.csv, target: kind, impute: mean, impute_categories: level, drop: [id], encode: ENCODE}
model: {kind: mlp, hidden: [6]}
batch_size: 16
epochs: 3
study:
  seeds: 2
  factors: {dropout: {rate: 0.3}}
"""


@pytest.mark.parametrize(("encode", "width"), [("one_hot", 9), ("ordinal", 6)])
def test_a_study_is_a_population_of_equal_members(
    capsys: pytest.CaptureFixture[str], folder: Path, encode: str, width: int
) -> None:
    wines().to_csv(folder / "wines.csv", index=False)
    (folder / "s.yaml").write_text(STUDY.replace("ENCODE", encode))
    done = call(capsys, "study", "s.yaml", "--quiet", "--json", "--certify", "2")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert result["certificate"]["largest"] < 1e-5
    assert result["certificate"]["largest_loss"] < 1e-5
    assert all(np.isfinite(arm["test_loss"]["values"]).all() for arm in result["arms"])
    folder_of = folder / "runs" / "s" / "models" / "plain"
    assert [load_model(folder_of / f"{seed}.json").shape for seed in (0, 1)] == [(width,)] * 2
    fills = [json.loads((folder_of / f"{seed}.json").read_text())["encoder"]["fill"] for seed in (0, 1)]
    assert fills[0] != fills[1]  # each seed's own train split


def test_a_picture_of_what_has_no_way_back(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    fields = ("--set", "data.scale=per_image", "--set", "data.limit=100", "-o", "s.png")
    done = call(capsys, "data", "preview", "digits", "--augment", "rotation", *fields)
    assert done.code == 0, done.err
    assert (folder / "s.png").stat().st_size > 1000
