"""Write the samples as ``.npy`` files, so that peers read them without wellfit: ``FOLDER SAMPLES_OF_CIFAR10``."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from wellfit.data import load


def main() -> None:
    """Write ``fashion`` (60,000) and the first samples of ``cifar``."""
    folder, some = Path(sys.argv[1]), int(sys.argv[2])
    for name, source, count in (("fashion", "fashion-mnist", 60_000), ("cifar", "cifar10", some)):
        dataset = load(source)
        rows = np.random.default_rng(0).permutation(50_000)[:count] if count < 50_000 else np.arange(count)
        np.save(folder / f"{name}-x.npy", dataset.x.numpy()[rows])
        np.save(folder / f"{name}-y.npy", dataset.y.numpy()[rows])


if __name__ == "__main__":
    main()
