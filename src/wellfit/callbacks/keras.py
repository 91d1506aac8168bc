"""Keras 3: ``model.fit(..., callbacks=[WellfitCallback()])``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wellfit.callbacks.ending import Keeper, Say
from wellfit.callbacks.library import library
from wellfit.callbacks.matching import matched
from wellfit.callbacks.numbers import as_number
from wellfit.callbacks.undisturbed import undisturbed
from wellfit.callbacks.watch import Watch
from wellfit.errors import InputError

_callback: Any = library("keras", where="wellfit.callbacks.keras", package="keras").callbacks.Callback


class WellfitCallback(_callback):  # type: ignore[misc]
    """Keeps the curves of ``fit``, prints the verdict at its end, and stops a run that diverged.

    Parameters
    ----------
    probe
        Train samples without augmentation, ``(x, y)`` or a data set, as ``model.evaluate`` takes them. Then the train
        loss is measured on them after each epoch as validation is; else it is what Keras logs: in training mode, and
        averaged over an epoch in which the network changed.
    stop_on_divergence
        Whether to stop when a loss is not finite, or exploded and did not come back.
    batch_size
        For the probe.
    chance_loss, reference, baseline
        As in ``wellfit.diagnose``.
    say
        Called with each text for the user.

    """

    def __init__(
        self,
        probe: Any = None,
        *,
        stop_on_divergence: bool = True,
        batch_size: int | None = None,
        chance_loss: float | None = None,
        reference: float | None = None,
        baseline: float | None = None,
        say: Say = print,
    ) -> None:
        super().__init__()
        self._probe, self._batch_size = probe, batch_size
        known = {"chance_loss": chance_loss, "reference": reference, "baseline": baseline}
        self._keeper = Keeper(
            "keras-history", probed=probe is not None, stop_on_divergence=stop_on_divergence, say=say, known=known
        )

    @property
    def watch(self) -> Watch:
        """The curves."""
        return self._keeper.watch

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Begin."""
        self._keeper.begin()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Keep the epoch."""
        row: dict[str, Any] = dict(matched(logs or {}, "keras-history"))
        if self._probe is not None:
            for name in ("train_loss", "train_accuracy"):
                row.pop(name, None)
            row.update(matched(self._measured(), "keras-history"))
        row.setdefault("lr", self._rate())
        if self._keeper.keep(epoch + 1, row, seen=logs or {}):
            self.model.stop_training = True

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Print the verdict."""
        self._keeper.finish()

    def _measured(self) -> dict[str, Any]:
        parts = self._probe if isinstance(self._probe, tuple) else (self._probe,)
        with undisturbed():
            found: dict[str, Any] = self.model.evaluate(
                *parts, batch_size=self._batch_size, verbose=0, return_dict=True
            )
        return found

    def _rate(self) -> float | None:
        try:
            return as_number("lr", self.model.optimizer.learning_rate)
        except (AttributeError, InputError):
            return None
