from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from tests.data.pictures import color, folder, grey, save
from wellfit.data import load, read_inputs
from wellfit.data.dataset import Kind
from wellfit.errors import DataError

FEATURES = ("a", "b")


def refused(
    path: Path,
    kind: Kind = "vector",
    shape: tuple[int, ...] = (2,),
    features: tuple[str, ...] = FEATURES,
    *,
    skip_bad: bool = False,
) -> str:
    with pytest.raises(DataError) as caught:
        read_inputs(path, kind=kind, shape=shape, features=features if kind == "vector" else (), skip_bad=skip_bad)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_what_was_trained_on_reads_the_same(tmp_path: Path) -> None:
    root = folder(tmp_path / "pets")
    data = load(str(root))
    names, x = read_inputs(root, kind="image", shape=data.shape)
    assert names == ["cat/0.png", "cat/1.png", "cat/2.png", "dog/0.png", "dog/1.png", "dog/2.png"]
    assert torch.equal(x, data.x)


def test_one_image_and_folders_without_classes(tmp_path: Path) -> None:
    path = save(tmp_path / "new" / "b.png", grey(3))
    assert read_inputs(str(path), kind="image", shape=(1, 4, 5))[0] == ["b.png"]
    save(tmp_path / "new" / "deep" / "er" / "a.png", grey(4))
    save(tmp_path / "new" / ".hidden.png", grey(5))
    names, x = read_inputs(tmp_path / "new", kind="image", shape=(1, 4, 5))
    assert names == ["b.png", "deep/er/a.png"]
    np.testing.assert_array_equal(x[1, 0].numpy(), grey(4))


def test_color_follows_the_model(tmp_path: Path) -> None:
    gray, rgb = save(tmp_path / "g.png", grey(3)), save(tmp_path / "c.png", color(3))
    as_color = read_inputs(gray, kind="image", shape=(3, 4, 5))[1]
    np.testing.assert_array_equal(as_color[0].numpy(), np.stack([grey(3)] * 3))
    as_grey = read_inputs(rgb, kind="image", shape=(1, 4, 5))[1]
    oracle = np.asarray(Image.fromarray(color(3)).convert("L"))
    np.testing.assert_array_equal(as_grey[0, 0].numpy(), oracle)
    np.savez(tmp_path / "a.npz", x=color(3)[None])
    assert torch.equal(read_inputs(tmp_path / "a.npz", kind="image", shape=(1, 4, 5))[1], as_grey)
    np.savez(tmp_path / "a.npz", x=grey(3)[None])
    assert torch.equal(read_inputs(tmp_path / "a.npz", kind="image", shape=(3, 4, 5))[1], as_color)


def test_sizes_are_resized_only_if_the_recipe_says_so(tmp_path: Path) -> None:
    path = save(tmp_path / "b.png", grey(3, (9, 9)))
    message = refused(path, "image", (1, 4, 5))
    assert "an image of 9 x 9, where the model's input has 4 x 5" in message
    x = read_inputs(path, kind="image", shape=(1, 4, 5), size=(4, 5))[1]
    np.savez(tmp_path / "a.npz", x=grey(3, (9, 9))[None])
    assert "images of shape (1, 9, 9)" in refused(tmp_path / "a.npz", "image", (1, 4, 5))
    assert torch.equal(read_inputs(tmp_path / "a.npz", kind="image", shape=(1, 4, 5), size=(4, 5))[1], x)


def test_bad_images(tmp_path: Path) -> None:
    root = folder(tmp_path / "pets")
    (root / "cat" / "1.png").write_bytes(b"no image")
    assert "1.png: not an image" in refused(root, "image", (1, 4, 5))
    skipped: list[str] = []
    names, x = read_inputs(root, kind="image", shape=(1, 4, 5), skip_bad=True, skipped=skipped)
    assert "cat/1.png" not in names
    assert len(names) == len(x) == 5
    assert skipped == [f"{root / 'cat' / '1.png'}: not an image (PNG, JPEG, BMP, WEBP, TIFF, GIF)"]


def test_links_of_a_folder(tmp_path: Path) -> None:
    root = folder(tmp_path / "pets")
    (root / "again").symlink_to(root / "cat", target_is_directory=True)
    (root / "loop").symlink_to(root, target_is_directory=True)
    assert len(read_inputs(root, kind="image", shape=(1, 4, 5))[0]) == 6
    outside = save(tmp_path / "outside.png", grey(1))
    (root / "out.png").symlink_to(outside)
    assert "a link that leaves the folder" in refused(root, "image", (1, 4, 5))


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_tables(tmp_path: Path, suffix: str) -> None:
    frame = pd.DataFrame({"y": ["u", "v"], "b": [1.5, 2.5], "note": ["x", "y"], "a": [1, 2]})
    path = tmp_path / f"new.{suffix}"
    if suffix == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, sep={"csv": ",", "tsv": "\t"}[suffix], index=False)
    names, x = read_inputs(path, kind="vector", shape=(2,), features=FEATURES)
    assert names == (["row 1", "row 2"] if suffix == "parquet" else ["line 2", "line 3"])
    assert x.tolist() == [[1, 1.5], [2, 2.5]]
    assert x.dtype == torch.float32


def test_tables_at_fault(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,c\n1,2\n")
    assert f"{path}: lacks b; expected the 2 columns" in refused(path)
    many = tuple(f"f{i}" for i in range(30))
    assert "lacks f0, f1" in refused(path, features=many)
    assert "and 18 more" in refused(path, features=many)
    assert "has 2 columns; expected the 5" in refused(path, shape=(5,), features=())
    assert read_inputs(path, kind="vector", shape=(2,))[1].tolist() == [[1, 2]]
    path.write_text("a,b\n1,2\n1,x\n3,4\n5,6\n")
    assert f"{path}, line 3: the text 'x'" in refused(path)
    skipped: list[str] = []
    names, x = read_inputs(path, kind="vector", shape=(2,), features=FEATURES, skip_bad=True, skipped=skipped)
    assert (names, x.tolist()) == (["line 2", "line 4", "line 5"], [[1, 2], [3, 4], [5, 6]])
    assert skipped == [f"{path}, line 3: the text 'x' in the column 'b'"]


def test_arrays(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    x = np.arange(6.0).reshape(3, 2)
    np.savez(path, x=x, x_test=x + 1)
    names, found = read_inputs(path, kind="vector", shape=(2,))
    assert names == ["sample 0", "sample 1", "sample 2"]
    np.testing.assert_array_equal(found.numpy(), x + 1)
    np.savez(path, z=x)
    assert "holds z; expected an array x or x_test" in refused(path)
    np.savez(path, x=x[:, :1])
    assert "vectors of shape (1,); expected vectors of shape (2,)" in refused(path)
    assert "expected images of shape (1, 4, 5)" in refused(path, "image", (1, 4, 5))
    x[1, 0] = np.nan
    np.savez(path, x=x)
    assert "sample 1: a value is missing or infinite" in refused(path)
    assert read_inputs(path, kind="vector", shape=(2,), skip_bad=True)[0] == ["sample 0", "sample 2"]


def test_paths_at_fault(tmp_path: Path) -> None:
    assert "no such file or folder; expected a table" in refused(tmp_path / "b.csv")
    (tmp_path / "a.txt").write_text("x")
    assert "no data for a model of vectors" in refused(tmp_path / "a.txt")
    assert "not an image" in refused(tmp_path / "a.txt", "image", (1, 4, 5))
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    assert "no data for a model of images" in refused(tmp_path / "a.csv", "image", (1, 4, 5))
    (tmp_path / "empty").mkdir()
    assert "holds no files" in refused(tmp_path / "empty", "image", (1, 4, 5))
    assert "no data for a model of vectors" in refused(tmp_path / "empty")
    assert refused(tmp_path / "new\nline.csv").isprintable()
