"""What the callbacks of all trainers share: a watch, when to stop, what to print."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from wellfit.callbacks.watch import Watch
from wellfit.diagnosis.readers.about import TRAIN_MODE
from wellfit.diagnosis.readers.log_run import Format

Say = Callable[[str], object]
MOST_KEYS = 8
"""Keys of a trainer that are named."""


class Keeper:
    """Keeps a trainer's metrics in a watch.

    Parameters
    ----------
    log_format
        Of the trainer; tells how it measures the train loss that it logs.
    probed
        Whether the train values are measured as validation is.
    stop_on_divergence
        Whether a diverged run is to be stopped.
    say
        Called with each text for the user.
    known
        ``chance_loss``, ``reference``, ``baseline``.

    """

    def __init__(
        self,
        log_format: Format,
        *,
        probed: bool,
        stop_on_divergence: bool,
        say: Say,
        known: Mapping[str, float | None],
        unit: Literal["epoch", "step"] = "epoch",
    ) -> None:
        self._stop, self._say, self._probed = stop_on_divergence, say, probed
        words = f"The train loss is measured {TRAIN_MODE[log_format]}: give probe=... for one that can be compared."
        self.watch = Watch(
            measured=None if probed else "train", unit=unit, remarks=() if probed else (words,), **known
        )  # fmt: skip
        self._said = False
        self._seen: set[str] = set()

    def keep(self, place: int, values: Mapping[str, Any], *, seen: Iterable[str] = ()) -> bool:
        """Keep a row, and return whether the trainer is to be stopped. A row that comes again replaces the old one.

        ``seen``: the trainer's own keys, for the case that none of them is a loss.
        """
        self._seen.update(seen)
        self.watch.rewind(place)
        if any(values.get(name) is not None for name in ("train_loss", "val_loss", "train_accuracy", "val_accuracy")):
            self.watch.keep(place, values, alike=self._probed)
        return self._stop and self.watch.should_stop

    def finish(self) -> None:
        """Print the verdict, once."""
        if self._said:
            return
        self._said = True
        if not len(self.watch):
            keys = ", ".join(map(repr, sorted(self._seen)[:MOST_KEYS])) or "nothing"
            self._say(f"wellfit: no loss or accuracy was logged, only {keys}; log train_loss and val_loss.")
            return
        if self._stop and self.watch.should_stop:
            self._say(f"wellfit: training was stopped: {self.watch.stop_reason}.")
        self._say(self.watch.verdict())

    def begin(self) -> None:
        """Training begins, or goes on."""
        self._said = False
