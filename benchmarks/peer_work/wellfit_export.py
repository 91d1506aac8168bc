"""Write samples as ``.npy`` files, so that peers read them without wellfit: ``FOLDER fashion=60000 [cifar=1280]``."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from wellfit.data import load

SOURCES = {"fashion": "fashion-mnist", "cifar": "cifar10"}


def main() -> None:
    """Write the first train samples of each set, in a drawn order: an archive has them class by class."""
    folder = Path(sys.argv[1])
    for name, _, count in (text.partition("=") for text in sys.argv[2:]):
        dataset = load(SOURCES[name])
        given = 0 if dataset.given_test is None else len(dataset.given_test)
        rows = np.random.default_rng(0).permutation(len(dataset.y) - given)[: int(count)]
        np.save(folder / f"{name}-x.npy", dataset.x.numpy()[rows])
        np.save(folder / f"{name}-y.npy", dataset.y.numpy()[rows])


if __name__ == "__main__":
    main()
