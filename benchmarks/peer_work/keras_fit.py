"""Keras, on the backend that ``KERAS_BACKEND`` names.

Options: ``augmented``: ``model`` (layers of the model) or ``tf.data`` (layers in its pipeline, on whole batches);
``jit``, ``steps`` (``steps_per_execution``), ``policy`` (``mixed_bfloat16``).
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

from benchmarks.peer_work.nets import CHANNELS, WIDTHS
from benchmarks.peer_work.order import BATCH, CLASSES, LR, Clock, Order, answer, read_order

PACKAGE = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}


def turns() -> list[Any]:
    """Return a rotation by up to 10 degrees and both flips."""
    return [layers.RandomRotation(10 / 360, fill_mode="constant"), layers.RandomFlip("horizontal_and_vertical")]


def net_for(order: Order, turned: list[Any]) -> Any:
    """Return the network for images (28, 28, 1) in [0, 1]."""
    scaled = [keras.Input((28, 28, 1)), *turned, layers.Rescaling(1 / 0.353, -0.286 / 0.353)]
    if order.work == "cnn":
        blocks = [
            layer
            for channels in CHANNELS[1:]
            for layer in (layers.Conv2D(channels, 3, padding="same", activation="relu"), layers.MaxPooling2D(2))
        ]
        return keras.Sequential([*scaled, *blocks, layers.Flatten(), layers.Dense(CLASSES)])
    hidden = [layers.Dense(width, activation="relu") for width in WIDTHS[order.work][1:-1]]
    return keras.Sequential([*scaled, layers.Flatten(), *hidden, layers.Dense(CLASSES)])


def pipeline(x: Any, y: Any, turned: list[Any]) -> Any:
    """Return shuffled batches, turned by other threads ahead of the training."""
    import tensorflow as tf

    def turn(images: Any, labels: Any) -> Any:
        for layer in turned:
            images = layer(images, training=True)
        return images, labels

    batches = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x)).batch(BATCH)
    return batches.map(turn, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


class Watch(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells a clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.clock.begin()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.clock.end()


def main() -> None:
    """Measure."""
    order = read_order()
    backend = keras.backend.backend()
    if backend == "torch":
        import torch

        torch.set_num_threads(order.threads)
    if "policy" in order.options:
        keras.mixed_precision.set_global_policy(order.options["policy"])
    pixels, labels = order.arrays("fashion")
    x, y = pixels.transpose(0, 2, 3, 1).astype(np.float32) / 255, labels.astype(np.int32)
    place = order.options.get("augmented")
    model = net_for(order, turns() if place == "model" else [])
    model.compile(
        optimizer=keras.optimizers.SGD(LR),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=order.options.get("jit", "auto"),
        steps_per_execution=order.options.get("steps", 1),
    )
    clock = Clock()
    given = {"epochs": 2, "verbose": 0, "callbacks": [Watch(clock)]}
    if place == "tf.data":
        model.fit(pipeline(x, y, turns()), **given)
    else:
        model.fit(x, y, batch_size=BATCH, shuffle=True, **given)
    answer(order, clock.spans, packages=f"keras {PACKAGE[backend]}")


if __name__ == "__main__":
    main()
