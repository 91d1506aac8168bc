import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from wellfit.data.npz import load_npz
from wellfit.errors import DataError

Array = npt.NDArray[Any]
LABELS = np.array([0, 1] * 6)


def images(*shape: int) -> Array:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def saved(path: Path, **arrays: Array) -> Path:
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def refused(path: Path, *, skip_bad: bool = False) -> str:
    with pytest.raises(DataError) as caught:
        load_npz(path, skip_bad=skip_bad)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((12, 6, 5), None), ((12, 6, 5, 1), (0, 3, 1, 2)), ((12, 6, 5, 3), (0, 3, 1, 2)), ((12, 3, 6, 5), (0, 1, 2, 3))],
)
def test_image_layouts(tmp_path: Path, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> None:
    x = images(*shape)
    data = load_npz(saved(tmp_path / "a.npz", x=x, y=LABELS))
    expected = x[:, None] if axes is None else x.transpose(axes)
    assert (data.kind, data.task, data.name, data.classes) == ("image", "classification", "a", ("0", "1"))
    assert data.x.dtype == torch.uint8
    assert data.x.is_contiguous()
    np.testing.assert_array_equal(data.x.numpy(), expected)


def test_alpha_is_dropped(tmp_path: Path) -> None:
    x = images(12, 6, 5, 4)
    data = load_npz(saved(tmp_path / "a.npz", x=x, y=LABELS))
    np.testing.assert_array_equal(data.x.numpy(), x[..., :3].transpose(0, 3, 1, 2))


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "uint8", "bool", ">f4"])
def test_two_dimensions_are_vectors(tmp_path: Path, dtype: str) -> None:
    x = (images(12, 4) % 2).astype(dtype)
    data = load_npz(saved(tmp_path / "a.npz", x=np.asfortranarray(x), y=LABELS))
    assert (data.kind, data.x.dtype) == ("vector", torch.float32)
    np.testing.assert_array_equal(data.x.numpy(), x.astype(np.float32))


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (np.array(["b", "a"] * 6), ("a", "b")),
        (np.array([b"b", b"a"] * 6), ("a", "b")),
        (np.array([[10], [2]] * 6, dtype=np.uint8), ("2", "10")),
        (np.array([True, False] * 6), ("False", "True")),
    ],
)
def test_targets_that_are_classes(tmp_path: Path, y: Array, classes: tuple[str, ...]) -> None:
    data = load_npz(saved(tmp_path / "a.npz", x=images(12, 4), y=y))
    assert data.classes == classes
    assert data.y.shape == (12,)
    flat = [str(v.decode() if isinstance(v, bytes) else v) for v in y.reshape(-1).tolist()]
    assert [classes[i] for i in data.y] == flat


def test_several_float_targets_are_a_regression(tmp_path: Path) -> None:
    y = np.random.default_rng(0).normal(size=(12, 3))
    data = load_npz(saved(tmp_path / "a.npz", x=images(12, 4), y=y))
    assert (data.task, data.outputs, data.classes) == ("regression", 3, ())
    np.testing.assert_array_equal(data.y.numpy(), y.astype(np.float32))


def test_many_integer_labels_of_images_are_classes_of_vectors_numbers(tmp_path: Path) -> None:
    y = np.repeat(np.arange(100), 3)
    assert load_npz(saved(tmp_path / "i.npz", x=images(300, 2, 2), y=y)).outputs == 100
    assert load_npz(saved(tmp_path / "v.npz", x=images(300, 4), y=y)).task == "regression"


def test_given_test(tmp_path: Path) -> None:
    train, test = images(12, 6, 5), images(4, 6, 5)
    path = saved(tmp_path / "a.npz", x_train=train, y_train=LABELS, x_test=test, y_test=LABELS[:4])
    data = load_npz(path)
    assert data.given_test is not None
    assert data.given_test.tolist() == [12, 13, 14, 15]
    np.testing.assert_array_equal(data.x.numpy()[:, 0], np.concatenate([train, test]))


def test_missing_values(tmp_path: Path) -> None:
    x, y = images(12, 4).astype(np.float32), np.arange(12) / 7
    x[3, 1], y[5] = np.nan, np.inf
    path = saved(tmp_path / "a.npz", x=x, y=y)
    message = refused(path)
    assert message.startswith(f"{path}, x and y, sample 3: a value is missing or infinite")
    data = load_npz(path, skip_bad=True)
    assert len(data) == 10
    assert [text.split(":")[0][-8:] for text in data.skipped] == ["sample 3", "sample 5"]
    assert torch.isfinite(data.x).all()


def test_skip_bad_moves_the_given_test(tmp_path: Path) -> None:
    x = images(12, 4).astype(np.float32)
    x[3, 1] = np.nan
    path = saved(tmp_path / "a.npz", x_train=x, y_train=LABELS, x_test=x, y_test=LABELS)
    data = load_npz(path, skip_bad=True)
    assert data.given_test is not None
    assert data.given_test.tolist() == list(range(11, 22))
    assert len(data.y) == 22


class Bomb:
    """Would leave a trace if it were unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("unpickled",))


@pytest.mark.parametrize("key", ["x", "y"])
def test_objects_are_never_unpickled(tmp_path: Path, key: str) -> None:
    arrays: dict[str, Array] = {"x": images(12, 4), "y": LABELS}
    arrays[key] = np.array([Bomb()] * 12, dtype=object)
    assert f"{key}: holds Python objects" in refused(saved(tmp_path / "a.npz", **arrays), skip_bad=True)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": LABELS}, "holds a; expected arrays x and y"),
        ({"x": images(12, 4)}, "holds x; expected"),
        (
            {"x": images(12, 6, 5).astype(np.float32), "y": LABELS},
            "expected uint8 (0 to 255) for images, or 2-D (N, D)",
        ),
        ({"x": images(12, 6, 5).astype(np.int64), "y": LABELS}, "type int64; expected uint8"),
        ({"x": images(12, 3, 6, 3), "y": LABELS}, "channels may be second or last"),
        ({"x": images(12, 6, 5, 2), "y": LABELS}, "has shape (12, 6, 5, 2)"),
        ({"x": images(12, 2, 6, 5, 1), "y": LABELS}, "has shape (12, 2, 6, 5, 1)"),
        ({"x": images(12), "y": LABELS}, "has shape (12,)"),
        ({"x": images(0, 4), "y": LABELS[:0]}, "has shape (0, 4)"),
        ({"x": np.array([["a"]] * 12), "y": LABELS}, "holds values of type <U1"),
        ({"x": np.full((12, 2), 1e300), "y": LABELS}, "too large for float32"),
        ({"x": images(12, 4), "y": LABELS[:5]}, "one target for each of the 12 samples"),
        ({"x": images(12, 4), "y": LABELS.reshape(2, 6)}, "one target for each of the 12 samples"),
        ({"x": images(12, 4), "y": np.full(12, 1 + 2j)}, "type complex128"),
        ({"x": images(12, 4), "y": np.zeros(12, dtype=int)}, "one class only, '0'"),
        ({"x": images(12, 4), "y": np.array([b"\xff", b"a"] * 6)}, "bytes that are not UTF-8"),
        ({"x": np.full((12, 2), np.nan), "y": LABELS}, "missing or infinite"),
    ],
)
def test_arrays_at_fault(tmp_path: Path, arrays: dict[str, Array], message: str) -> None:
    assert message in refused(saved(tmp_path / "a.npz", **arrays))


def test_train_and_test_must_fit_together(tmp_path: Path) -> None:
    base: dict[str, Array] = {"x_train": images(12, 4), "y_train": LABELS, "x_test": images(12, 4), "y_test": LABELS}
    wrong: list[tuple[dict[str, Array], str]] = [
        ({"x_test": images(12, 5)}, "x_test holds samples of shape (5,)"),
        ({"x_test": images(12, 4, 4)}, "x_test holds samples of shape (1, 4, 4)"),
        ({"y_test": np.array(["u", "v"] * 6)}, "one of y_train and y_test is text"),
        ({"y_test": np.ones((12, 2))}, "y_test has shape (12, 2)"),
    ]
    for change, message in wrong:
        assert message in refused(saved(tmp_path / "a.npz", **(base | change)))


def test_files_at_fault(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    assert "no such file" in refused(path)
    path.write_bytes(b"no archive")
    assert "cannot be read" in refused(path)
    good = saved(tmp_path / "good.npz", x=images(12, 400), y=LABELS).read_bytes()
    path.write_bytes(good[: len(good) // 2])
    assert "cannot be read" in refused(path)
    middle = bytearray(good)
    middle[1000] ^= 0xFF
    path.write_bytes(bytes(middle))
    assert "cannot be read" in refused(path)  # by its checksum


def test_a_header_that_claims_too_much(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": (10**12, 28, 28)})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", buffer.getvalue())
        archive.writestr("y.npy", buffer.getvalue())
    assert "its header claims" in refused(tmp_path / "a.npz")
