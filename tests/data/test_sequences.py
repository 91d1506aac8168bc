"""The data kind ``sequence``: from a NumPy archive through scaling to a saved model's predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from wellfit.data import load, prepare, read_inputs
from wellfit.data.dataset import Kind
from wellfit.data.prepare import Scaler
from wellfit.errors import DataError
from wellfit.models import build, resolve_model
from wellfit.recipe import Recipe, RnnSpec, validate

Array = npt.NDArray[Any]
LABELS = np.array([0, 1] * 6)


def waves(n: int = 12, steps: int = 7, channels: int = 3) -> Array:
    return np.random.default_rng(0).normal(5, 40, (n, steps, channels)).astype(np.float32)


def pixels(*shape: int) -> Array:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def saved(path: Path, **arrays: Array) -> Path:
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def refused(path: Path, **fields: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(str(path), **fields)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", ">f4"])
def test_numbers_that_cannot_be_pixels_are_sequences(tmp_path: Path, dtype: str) -> None:
    x = waves().astype(dtype)
    data = load(str(saved(tmp_path / "a.npz", x=np.asfortranarray(x), y=LABELS)))
    assert (data.kind, data.task, data.shape, data.x.dtype) == ("sequence", "classification", (7, 3), torch.float32)
    assert data.x.is_contiguous()
    np.testing.assert_array_equal(data.x.numpy(), x.astype(np.float32))


@pytest.mark.parametrize(
    "x",
    [
        pixels(12, 6, 5).astype(np.float32),
        pixels(12, 6, 5).astype(np.int64),
        pixels(12, 6, 5) / 255,
        pixels(12, 6, 5) > 128,
    ],
)
def test_what_could_be_grey_images_is_not_guessed_at(tmp_path: Path, x: Array) -> None:
    path = saved(tmp_path / "a.npz", x=x, y=LABELS)
    assert "expected uint8 (0 to 255) for images" in refused(path)
    assert "data.kind=sequence" in refused(path)
    data = load(str(path), kind="sequence")
    assert data.kind == "sequence"
    np.testing.assert_array_equal(data.x.numpy(), x.astype(np.float32))


def test_between_pixels_there_are_none(tmp_path: Path) -> None:
    x = pixels(12, 6, 5) / 2  # 0 to 127.5
    assert load(str(saved(tmp_path / "a.npz", x=x, y=LABELS))).kind == "sequence"


def test_uint8_stays_images_unless_the_kind_says_so(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.npz", x=pixels(12, 6, 5), y=LABELS)
    assert load(str(path)).shape == (1, 6, 5)
    data = load(str(path), kind="sequence")
    assert (data.kind, data.shape, data.x.dtype) == ("sequence", (6, 5), torch.float32)
    np.testing.assert_array_equal(data.x.numpy(), pixels(12, 6, 5))


@pytest.mark.parametrize("shape", [(12, 6, 5), (12, 6, 5, 3)])
def test_whole_floats_are_images_where_the_kind_says_so(tmp_path: Path, shape: tuple[int, ...]) -> None:
    plain = load(str(saved(tmp_path / "u.npz", x=pixels(*shape), y=LABELS)))
    data = load(str(saved(tmp_path / "f.npz", x=pixels(*shape).astype(np.float64), y=LABELS)), kind="image")
    assert (data.kind, data.x.dtype, data.fingerprint) == ("image", torch.uint8, plain.fingerprint)
    for wrong in (pixels(*shape) / 255, pixels(*shape) + np.int64(1), np.full(shape, np.nan)):
        assert "values that are no pixels" in refused(saved(tmp_path / "f.npz", x=wrong, y=LABELS), kind="image")


def test_two_axes_are_one_channel_where_the_kind_says_so(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.npz", x=waves()[:, :, 0], y=LABELS)
    assert load(str(path)).kind == "vector"
    data = load(str(path), kind="sequence")
    assert data.shape == (7, 1)
    np.testing.assert_array_equal(data.x[:, :, 0].numpy(), waves()[:, :, 0])


def test_the_test_part_follows_the_train_part(tmp_path: Path) -> None:
    test = np.clip(waves(4), 0, 1)  # alone it could be grey images
    path = saved(tmp_path / "a.npz", x_train=waves(), y_train=LABELS, x_test=test, y_test=LABELS[:4])
    data = load(str(path))
    assert data.kind == "sequence"
    assert data.given_test is not None
    np.testing.assert_array_equal(data.x[data.given_test].numpy(), test)
    saved(path, x_train=waves(), y_train=LABELS, x_test=waves(4, 8), y_test=LABELS[:4])
    assert "x_test holds samples of shape (8, 3)" in refused(path)


def test_missing_values_at_any_time(tmp_path: Path) -> None:
    x = waves()
    x[3, 6, 2], x[5, 0, 0] = np.nan, np.inf
    path = saved(tmp_path / "a.npz", x=x, y=LABELS)
    assert "sample 3: a value is missing or infinite" in refused(path)
    data = load(str(path), skip_bad=True)
    assert (len(data), len(data.skipped)) == (10, 2)
    assert torch.isfinite(data.x).all()


@pytest.mark.parametrize(
    ("x", "kind", "said"),
    [
        (waves()[:, None], "sequence", "has shape (12, 1, 7, 3); expected sequences (N, T, C), or (N, T)"),
        (waves(), "vector", "has shape (12, 7, 3); expected vectors (N, D)"),
        (waves()[:, :, 0].astype(np.uint8), "image", "has shape (12, 7)"),
        (np.full((12, 2, 2), 1e300), None, "too large for float32"),
    ],
)
def test_arrays_of_another_kind(tmp_path: Path, x: Array, kind: Kind | None, said: str) -> None:
    assert said in refused(saved(tmp_path / "a.npz", x=x, y=LABELS), kind=kind)


def test_fields_that_do_not_belong(tmp_path: Path) -> None:
    assert "data.kind: received sequence, but digits holds images; expected image" in refused(
        Path("digits"), kind="sequence"
    )
    (tmp_path / "a.csv").write_text("a,y\n" + "1,u\n2,v\n" * 3)
    assert "holds vectors; expected vector" in refused(tmp_path / "a.csv", target="y", kind="sequence")
    path = saved(tmp_path / "a.npz", x=waves(), y=LABELS)
    assert "holds no images" in refused(path, size=(4, 4))


@pytest.mark.parametrize("small_chunks", [False, True])
def test_scaling_is_per_channel_over_samples_and_time(monkeypatch: pytest.MonkeyPatch, small_chunks: bool) -> None:
    if small_chunks:
        monkeypatch.setattr(prepare, "CHUNK_BYTES", 8 * 21 * 5)
    x = torch.from_numpy(waves(60))
    x[:, :, 1] = 0.1
    x[:, :, 2] += 10_000
    x[40:] *= 7  # not among the train rows
    rows = torch.arange(40).flip(0)
    columns = x[:40].reshape(-1, 3).double().numpy()
    scaler = Scaler.fit(x, kind="sequence", rows=rows)
    oracle = StandardScaler().fit(columns)
    assert scaler.mean.shape == (3,)
    np.testing.assert_allclose(scaler.mean.numpy(), oracle.mean_, rtol=1e-6)
    np.testing.assert_allclose(scaler.std.numpy(), oracle.scale_, rtol=1e-6)
    scaled = scaler.apply(x[rows])
    np.testing.assert_allclose(scaled.double().mean((0, 1)).numpy(), 0, atol=1e-3)
    assert (scaled[:, :, 1] == 0).all()
    assert torch.equal(scaled[3], scaler.apply(x[rows[3]]))
    assert torch.equal(Scaler.from_dict(scaler.to_dict()).apply(x), scaler.apply(x))
    least = Scaler.fit(x, kind="sequence", how="minmax", rows=rows)
    np.testing.assert_allclose(least.mean.numpy(), MinMaxScaler().fit(columns).data_min_, rtol=1e-6)
    assert torch.equal(Scaler.fit(x, kind="sequence", how="none").apply(x), x)


def test_the_default_network_is_recurrent() -> None:
    spec = resolve_model(None, "sequence")
    assert isinstance(spec, RnnSpec)
    assert build(spec, shape=(7, 3), outputs=2, seed=0)(torch.zeros(5, 7, 3)).shape == (5, 2)


def test_new_sequences_for_a_model(tmp_path: Path) -> None:
    path = saved(tmp_path / "new.npz", x=np.clip(waves(), 0, 1))  # the model's kind settles what they are
    names, x = read_inputs(path, kind="sequence", shape=(7, 3))
    assert names[:2] == ["sample 0", "sample 1"]
    np.testing.assert_array_equal(x.numpy(), np.clip(waves(), 0, 1))
    saved(path, x=waves()[:, :, 0])
    assert read_inputs(path, kind="sequence", shape=(7, 1))[1].shape == (12, 7, 1)
    for shape, said in [((8, 3), "sequences of shape (8, 3)"), ((7, 2), "holds sequences of shape (7, 1)")]:
        with pytest.raises(DataError, match=r"expected sequences of shape") as caught:
            read_inputs(path, kind="sequence", shape=shape)
        assert said in str(caught.value)
    saved(path, x=pixels(12, 6, 5).astype(np.float32))
    assert read_inputs(path, kind="image", shape=(1, 6, 5))[1].dtype == torch.uint8
    saved(path, x=waves())
    with pytest.raises(DataError, match=r"holds sequences of shape \(7, 3\); expected vectors"):
        read_inputs(path, kind="vector", shape=(21,))
    (tmp_path / "a.csv").write_text("a\n1\n")
    with pytest.raises(DataError, match=r"no data for a model of sequences; expected series \(.ts\), a recording"):
        read_inputs(tmp_path / "a.csv", kind="sequence", shape=(7, 3))


def test_the_kind_is_a_field_of_a_recipe() -> None:
    found = validate(Recipe, {"data": {"source": "a.npz", "kind": "sequence"}})
    assert Recipe.model_validate(found.to_dict()) == found
    assert found.data.kind == "sequence"
