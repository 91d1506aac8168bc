"""scikit-learn's MLPClassifier: an epoch a ``partial_fit``."""

from __future__ import annotations

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks.peer_work.nets import WIDTHS
from benchmarks.peer_work.order import BATCH, CLASSES, LR, answer, read_order, timed


def main() -> None:
    """Measure."""
    order = read_order()
    pixels, y = order.arrays("fashion")
    x = (pixels.reshape(len(pixels), -1).astype(np.float32) / 255 - 0.286) / 0.353
    hidden = WIDTHS[order.work][1:-1]
    net = MLPClassifier(hidden, solver="sgd", alpha=0.0, batch_size=BATCH, learning_rate_init=LR, momentum=0.0)
    spans = timed(lambda: net.partial_fit(x.astype(np.float32, copy=False), y, classes=np.arange(CLASSES)))
    answer(order, spans, packages="scikit-learn")


if __name__ == "__main__":
    main()
