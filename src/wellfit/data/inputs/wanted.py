"""What a model takes, and what was read for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from wellfit.data.dataset import Kind
from wellfit.data.encode import Encoder
from wellfit.data.naming import shown
from wellfit.data.picture import Size
from wellfit.data.series import Length
from wellfit.errors import DataError
from wellfit.recipe import DataSpec


@dataclass(frozen=True, eq=False)
class Wanted:
    """What a model takes, and by which rules new data is brought into that form."""

    kind: Kind
    shape: tuple[int, ...]
    """Of one sample as it is read: ``(C, H, W)``, ``(D,)`` or ``(T, C)``."""
    features: tuple[str, ...] = ()
    """Names of the columns (tables; of a long table its channels); empty: there are just as many as it takes."""
    size: Size | None = None
    """What images are resized to; ``None``: they must have the model's size."""
    spec: DataSpec | None = None
    """The field ``data`` of the model's recipe."""
    encoder: Encoder | None = None
    """What the columns of a table hold; ``None``: numbers."""
    length: Length | None = None
    """By which rule sequences were brought to T time steps; ``None``: all had them."""
    rate: int | None = None
    """Samples per second of the recordings that the model was trained on; ``None``: not known."""
    skip_bad: bool = False

    def refusal(self, path: Path | str) -> DataError:
        """Return the error for data of another form."""
        return DataError(shown(path), f"no data for a model of {self.kind}s", self.expected)

    @property
    def expected(self) -> str:
        """What may be given, for messages."""
        if self.kind == "image":
            return "an image, a folder of images, or arrays (.npz or .npy) with x"
        if self.kind == "vector":
            tables = ".csv, .tsv, .jsonl, .parquet, .arrow, .feather"
            return f"a table ({tables}) with the model's columns, or arrays (.npz or .npy) with x"
        table = "a long table, " if self.spec is not None and self.spec.id is not None else ""
        return f"{table}series (.ts), a recording or a folder of them (.wav), or arrays (.npz or .npy) with x (N, T, C)"


@dataclass(frozen=True, eq=False)
class Inputs:
    """Samples to predict: their names, and ``x`` as a Dataset holds it, not yet scaled."""

    names: list[str]
    x: Tensor
    skipped: tuple[str, ...] = ()
    """Messages for what was left out."""
