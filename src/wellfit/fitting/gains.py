"""The sealed test set, read once at the end: what every run came to on each of its samples, and the gains by pairs."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wellfit.atomic import write_atomic
from wellfit.errors import StorageError
from wellfit.record import is_share
from wellfit.stats.crossed import Crossed, crossed_difference
from wellfit.train.evaluate import Score
from wellfit.train.events import Key

FOLDER = "sealed"


@dataclass(frozen=True)
class Sealed:
    """What the runs of a fit came to on the test samples, by files of one run each."""

    folder: Path
    metric: str
    """The study's metric: decides whether losses or right answers are compared."""

    def path(self, key: Key) -> Path:
        """Return the file of a run."""
        return self.folder / FOLDER / key[0] / f"{key[1]}.npy"

    def keep(self, key: Key, score: Score) -> None:
        """Write what each test sample came to, higher is better; nothing where the measure has no number a sample."""
        found = score.right if is_share(self.metric) and score.right is not None else score.losses
        if found is None:
            return
        values = found[0].cpu().double().numpy()
        file = io.BytesIO()
        np.save(file, values if found is score.right else -values, allow_pickle=False)
        write_atomic(self.path(key), file.getvalue())

    def read(self, key: Key) -> NDArray[np.float64] | None:
        """Return what each test sample came to with a run; ``None`` where that was not kept.

        Raises
        ------
        StorageError
            The file is damaged.

        """
        path = self.path(key)
        if not path.exists():
            return None
        try:
            found: NDArray[np.float64] = np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise StorageError(f"{path}: damaged ({error}); --fresh begins anew") from error
        return found

    def gain(self, arm: str, control: str, seeds: Sequence[int], *, simultaneous: int = 1) -> Crossed | None:
        """Return what an arm gains over its control on the test samples, over seeds and samples; positive is better.

        Seeds without both runs are left out; ``None`` where none is left, or nothing was kept.
        """
        rows = []
        for seed in seeds:
            mine, theirs = self.read((arm, seed)), self.read((control, seed))
            if mine is not None and theirs is not None:
                rows.append(mine - theirs)
        if not rows or not np.isfinite(np.stack(rows)).all():
            return None
        return crossed_difference(np.stack(rows), simultaneous=simultaneous)
