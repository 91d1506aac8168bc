"""Whatever bytes a file holds, it is loaded or refused in one line: never a traceback."""

import io
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.data.pictures import color, folder, grey
from wellfit.data import load
from wellfit.errors import DataError


def damaged(data: bytes, draw: random.Random) -> bytes:
    """Change a few bytes, leave some out, put some in, or cut the end off."""
    found = bytearray(data)
    for _ in range(draw.choice([1, 2, 5, 20])):
        at = draw.randrange(len(found))
        what = draw.randrange(4)
        if what == 0:
            found[at] ^= 1 << draw.randrange(8)
        elif what == 1:
            found[at] = draw.choice([0, 255, 127, 128, 10, 13, 34, 44])
        elif what == 2 and len(found) > 20:
            del found[at : at + draw.randrange(1, 9)]
        else:
            found[at:at] = draw.randbytes(3)
    return bytes(found[: draw.randrange(len(found))] if draw.random() < 0.1 else found)


def encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(color(0, (12, 12))).save(buffer, kind)
    return buffer.getvalue()


def table() -> pd.DataFrame:
    return pd.DataFrame({"a": np.arange(30.0), "b": range(30), "y": ["u", "v"] * 15})


def npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, x=np.stack([grey(i) for i in range(12)]), y=np.array(["a", "b"] * 6))
    return buffer.getvalue()


FILES: dict[str, Callable[[], bytes]] = {
    **{f"9.{kind}": partial(encoded, kind) for kind in ("png", "jpeg", "bmp", "webp", "gif")},
    "a.csv": lambda: table().to_csv(index=False).encode(),
    "a.parquet": lambda: table().to_parquet(),
    "a.npz": npz,
}


@pytest.mark.parametrize("name", list(FILES))
@pytest.mark.parametrize("skip_bad", [True, False])
def test_damaged_files_are_loaded_or_refused(tmp_path: Path, name: str, skip_bad: bool) -> None:
    is_table, is_image = name.endswith((".csv", ".parquet")), name.startswith("9.")
    source = folder(tmp_path / "pets") if is_image else tmp_path / name
    path = source / "dog" / name if is_image else source
    messages: list[str] = []
    draw, good = random.Random(name), FILES[name]()
    for _ in range(25):
        path.write_bytes(damaged(good, draw))
        try:
            data = load(
                str(source), target="y" if is_table else None, size=(4, 4) if is_image else None, skip_bad=skip_bad
            )
        except DataError as error:
            messages.append(str(error))
        else:
            assert len(data) == len(data.y) > 0
    assert all(message.isprintable() for message in messages)
