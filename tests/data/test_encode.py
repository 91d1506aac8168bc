"""Imputation and encoding against scikit-learn on the same table."""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, RobustScaler, StandardScaler
from torch import Tensor

from wellfit.data import Column, Dataset, Encoder, Split, fit_encoder, fit_scaler
from wellfit.data.impute import fill_value
from wellfit.recipe import DataSpec

COLUMNS = (
    Column("size", "number"),
    Column("color", "category", ("blue", "green", "red", "white")),
    Column("sold", "truth"),
    Column("day", "date", form="year-month-day"),
    Column("shape", "category", ("flat", "round")),
)
NUMBERS, CATEGORIES = [0, 2, 3], [1, 4]
N = 300


def table(*, missing: bool = True) -> Tensor:
    draw = np.random.default_rng(0)
    x = np.stack(
        [
            draw.normal(5, 2, N).round(1),
            draw.choice(4, N, p=[0.2, 0.3, 0.4, 0.1]),
            draw.integers(0, 2, N),
            draw.integers(7000, 9000, N),
            draw.integers(0, 2, N),
        ],
        axis=1,
    )
    if missing:
        x[draw.random(x.shape) < 0.1] = np.nan
    return torch.from_numpy(x.astype(np.float32))


def parts() -> Split:
    order = torch.randperm(N, generator=torch.Generator().manual_seed(0))
    return Split(train=order[:200].sort().values, validation=order[200:250], test=order[250:])


def dataset(x: Tensor) -> Dataset:
    y = torch.arange(N) % 2
    names = tuple(column.name for column in COLUMNS)
    return Dataset("t", "classification", "vector", x, y, ("u", "v"), None, features=names, columns=COLUMNS)


def prepared(x: Tensor, **fields: Any) -> tuple[Encoder, npt.NDArray[np.float32]]:
    spec = DataSpec.model_validate({"source": "t.csv", **fields})
    encoder = fit_encoder(dataset(x), spec, parts())
    assert encoder is not None
    scaler = fit_scaler(dataset(x), spec, parts(), encoder)
    return encoder, scaler.apply(encoder.apply(x)).numpy()


def in_order(encoder: Encoder, first: list[str]) -> list[int]:
    """Where scikit-learn's columns (those of ``first``, then the others) stand among ours."""
    names = list(encoder.names)
    rest = [name for name in names if name not in first]
    return [names.index(name) for name in first + rest]


SCALERS = {"standardize": StandardScaler, "minmax": MinMaxScaler, "robust": RobustScaler}


@pytest.mark.parametrize("scale", list(SCALERS))
@pytest.mark.parametrize("impute", ["mean", "median", "most_frequent", "constant"])
def test_the_prepared_matrix_is_that_of_a_column_transformer(impute: str, scale: str) -> None:
    x = table()
    encoder, found = prepared(x, impute=impute, fill=-3.5, scale=scale)
    fill = SimpleImputer(strategy=impute, fill_value=-3.5 if impute == "constant" else None)
    oracle = ColumnTransformer(
        [
            ("numbers", make_pipeline(fill, SCALERS[scale]()), [0, 3]),
            ("truth", make_pipeline(SimpleImputer(strategy="most_frequent"), SCALERS[scale]()), [2]),
            ("categories", make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()), CATEGORIES),
        ],
        sparse_threshold=0,
    ).fit(x[parts().train].double().numpy())
    order = in_order(encoder, ["size", "day", "sold"])
    np.testing.assert_allclose(found[:, order], oracle.transform(x.double().numpy()), rtol=1e-5, atol=2e-5)
    assert encoder.names[1:5] == ("color=blue", "color=green", "color=red", "color=white")


def test_a_level_of_its_own_and_marks_against_scikit_learn() -> None:
    x = table()
    encoder, found = prepared(x, impute="median", impute_categories="level", indicate=True, scale="none")
    train, whole = x[parts().train].numpy(), x.numpy()
    levels = SimpleImputer(strategy="constant", fill_value=9.0)
    for position, name in ((1, "color"), (4, "shape")):
        oracle = OneHotEncoder(sparse_output=False).fit(levels.fit_transform(train[:, [position]]))
        at = [place for place, full in enumerate(encoder.names) if full.startswith(f"{name}=")]
        np.testing.assert_array_equal(found[:, at], oracle.transform(levels.transform(whole[:, [position]])))
        assert encoder.names[at[-1]] == f"{name}=missing"
    marks = MissingIndicator().fit(train).transform(whole)
    np.testing.assert_array_equal(found[:, -5:], marks)
    assert encoder.names[-5:] == tuple(f"{column.name} is missing" for column in COLUMNS)


def test_ordinal_codes_are_scaled_numbers() -> None:
    x = table()
    encoder, found = prepared(x, impute="mean", encode="ordinal")
    fill = SimpleImputer(strategy="most_frequent")
    oracle = make_pipeline(fill, OrdinalEncoder(), StandardScaler()).fit(
        x[parts().train][:, CATEGORIES].double().numpy()
    )
    np.testing.assert_allclose(found[:, CATEGORIES], oracle.transform(x[:, CATEGORIES].double().numpy()), atol=1e-5)
    assert encoder.names == tuple(column.name for column in COLUMNS)


@pytest.mark.parametrize("encode", ["one_hot", "ordinal"])
def test_levels_only_in_the_test_set_are_unknown(encode: str) -> None:
    x, split = table(missing=False), parts()
    x[:, 1] = torch.where(x[:, 1] == 1, 0.0, x[:, 1])
    x[split.test[:3], 1] = 1.0  # green
    x[split.test[3], 1] = -1.0  # not a level of the file
    encoder, found = prepared(x, encode=encode, scale="none")
    assert encoder.known[1] == (0, 2, 3)
    known = np.unique(x[torch.cat([split.train, split.validation]), 1].numpy())
    if encode == "one_hot":
        oracle: Any = OneHotEncoder(categories=[known], handle_unknown="ignore", sparse_output=False)
        at = [place for place, name in enumerate(encoder.names) if name.startswith("color=")]
    else:
        oracle = OrdinalEncoder(categories=[known], handle_unknown="use_encoded_value", unknown_value=-1)
        at = [1]
    expected = oracle.fit(x[split.train][:, [1]].numpy()).transform(x[:, [1]].numpy())
    np.testing.assert_array_equal(found[:, at], expected)
    assert (found[split.test[:4]][:, at] == (0 if encode == "one_hot" else -1)).all()
    said = encoder.remarks(x)
    assert len(said) == 1
    assert said[0].startswith("4 values in the column 'color' unknown to the model: ")


def test_features_depend_on_no_seed_and_on_no_test_row() -> None:
    x, split = table(), parts()
    spec = DataSpec(source="t.csv", impute="mean", impute_categories="level", indicate=True)
    first = fit_encoder(dataset(x), spec, split)
    other = Split(train=torch.cat([split.train[50:], split.validation]), validation=split.train[:50], test=split.test)
    changed = x.clone()
    changed[split.test] = torch.tensor([1e6, 1.0, torch.nan, torch.nan, 0.0])
    second, third = fit_encoder(dataset(x), spec, other), fit_encoder(dataset(changed), spec, split)
    assert first is not None
    assert second is not None
    assert third is not None
    assert first.names == second.names == third.names
    assert first.fill != second.fill
    assert first.to_dict() == third.to_dict()
    rest = x.clone()
    rest[split.validation, 0] = 1e6
    fourth = fit_encoder(dataset(rest), spec, split)
    assert fourth is not None
    assert fourth.to_dict() == first.to_dict()


@pytest.mark.parametrize("encode", ["one_hot", "ordinal"])
def test_the_way_back(encode: str) -> None:
    x = table(missing=False)
    x[5, 1] = -1
    encoder, _ = prepared(x, encode=encode)
    assert torch.equal(encoder.invert(encoder.apply(x)), x)
    spec = DataSpec(source="t.csv", encode=encode)
    scaler = fit_scaler(dataset(x), spec, parts(), encoder)
    back = encoder.invert(scaler.invert(scaler.apply(encoder.apply(x))))  # type: ignore[union-attr]
    np.testing.assert_allclose(back.numpy(), x.numpy(), rtol=1e-5)


def test_numbers_alone_are_left_alone() -> None:
    x = table(missing=False)[:, [0, 2, 3]]
    columns = tuple(COLUMNS[position] for position in NUMBERS)
    rows = torch.arange(N)
    encoder = Encoder.fit(x, columns, train=rows, open_rows=rows, impute="none")
    assert torch.equal(encoder.apply(x), x)
    assert encoder.width == 3
    assert encoder.remarks(x) == []


def test_json_leading_dimensions_and_an_input_that_is_not_changed() -> None:
    x = table()
    encoder, _ = prepared(x, impute="median", impute_categories="level", indicate=True, encode="ordinal")
    again = Encoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    before = x.clone()
    found = encoder.apply(x)
    assert torch.equal(again.apply(x), found)
    assert torch.equal(encoder.apply(x.view(2, 150, 5)), found.view(2, 150, -1))
    assert torch.equal(x.nan_to_num(-9), before.nan_to_num(-9))
    assert found.isfinite().all()
    assert found.shape[1] == encoder.width == len(encoder.names)
    with pytest.raises(KeyError):
        Column.from_dict({"name": "a", "kind": "text", "levels": [], "form": ""})


def test_a_column_without_a_value_in_train() -> None:
    assert fill_value(np.array([]), "mean") == 0
    assert fill_value(np.array([3.0, 3.0, 1.0, 1.0]), "most_frequent") == 1
    x = table()
    x[parts().train, 0] = torch.nan
    encoder, found = prepared(x, impute="median")
    assert encoder.fill[0] == 0
    assert np.isfinite(found).all()


def test_remarks_count_what_is_filled_in() -> None:
    x = table()
    encoder, _ = prepared(x, impute="median")
    gone = x.isnan().sum(0).tolist()
    expected = [f"{n} missing values in the column '{c.name}' filled in" for n, c in zip(gone, COLUMNS, strict=True)]
    assert encoder.remarks(x) == expected
