"""Models, untrained, on data of every form: what the card of a trained one says of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from wellfit.data import Dataset, load, read_inputs
from wellfit.errors import DataError
from wellfit.models import build
from wellfit.recipe import DataSpec, MlpSpec, Recipe
from wellfit.study.trained import TrainedModel
from wellfit.train.replicate import make_replicate


@dataclass(frozen=True, eq=False)
class Asked:
    """A model and the data that it was made for."""

    dataset: Dataset
    model: TrainedModel

    def read(self, path: Path | str, *, skip_bad: bool = False, skipped: list[str] | None = None) -> Any:
        """Return names and ``x``, as ``wellfit predict`` reads them."""
        model = self.model
        return read_inputs(
            path,
            kind=model.kind,
            shape=model.shape,
            features=model.features,
            spec=model.recipe.data,
            encoder=model.encoder,
            rate=model.rate,
            skip_bad=skip_bad,
            skipped=skipped,
        )

    def names(self, path: Path | str, rows: slice | Tensor = slice(None)) -> list[str]:
        """Return the names of what is read, after checking that the model answers as on these rows of its data."""
        names, x = self.read(path)
        expected = self.dataset.x[rows]
        assert x.dtype == expected.dtype
        assert torch.equal(x.nan_to_num(-7.5), expected.nan_to_num(-7.5))
        assert torch.equal(self.model.predict(x), self.model.predict(expected))
        found: list[str] = names
        return found

    def refused(self, path: Path | str) -> str:
        """Return the one line that refuses it."""
        with pytest.raises(DataError) as caught:
            self.read(path)
        assert len(str(caught.value).splitlines()) == 1
        return str(caught.value)


def model_of(source: Path | str, **fields: Any) -> Asked:
    """Return a model as seed 0 would start it on this source, scaled by its train split."""
    spec = DataSpec(source=str(source), **fields)
    dataset = load(spec)
    replicate = make_replicate(dataset, spec, 0)
    network = MlpSpec(hidden=(4,))
    module = build(network, shape=replicate.shape, outputs=dataset.outputs, seed=0).eval()
    model = TrainedModel(
        module=module,
        recipe=Recipe(data=spec, model=network),
        arm="plain",
        seed=0,
        task=dataset.task,
        kind=dataset.kind,
        shape=replicate.shape,
        outputs=dataset.outputs,
        classes=dataset.classes,
        features=dataset.features,
        targets=dataset.targets,
        scaler=replicate.scaler,
        target_scaler=replicate.target_scaler,
        encoder=replicate.encoder,
        rate=dataset.rate,
    )
    return Asked(dataset, model)
