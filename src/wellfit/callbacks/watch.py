"""The hook for a plain loop: four lines that keep curves, say when to stop, and tell what they mean."""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from wellfit.atomic import write_atomic
from wellfit.callbacks.divergence import broken_loss, why_stop
from wellfit.callbacks.numbers import as_number
from wellfit.callbacks.probe import Loss, evaluate
from wellfit.diagnosis import Diagnosis, diagnose
from wellfit.diagnosis.curves import Measured
from wellfit.diagnosis.lines import diagnosis_lines, filled
from wellfit.errors import InputError, nearest

if TYPE_CHECKING:
    from torch import nn

NAMES = ("train_loss", "val_loss", "train_accuracy", "val_accuracy", "lr", "grad_norm", "dead", "saturated")
WIDTH = 100


class Watch:
    """Curves of a run as it goes on.

    ::

        watch = wellfit.Watch()
        for epoch in range(100):
            ...
            watch.epoch(train_loss=train_loss, val_loss=val_loss)
            if watch.should_stop:
                break
        print(watch.verdict())

    As a context manager it prints the verdict at the end, also of a loop that was broken off.

    Parameters
    ----------
    measured
        How the train values that are given were measured: ``eval`` as validation is, or ``train`` with dropout,
        augmentation and penalty on. What ``measure`` measures is ``eval``.
    unit
        What is counted.
    chance_loss, reference, baseline
        As in ``wellfit.diagnose``: known, they let it say more.

    """

    def __init__(
        self,
        *,
        measured: Measured | None = None,
        unit: Literal["epoch", "step"] = "epoch",
        chance_loss: float | None = None,
        reference: float | None = None,
        baseline: float | None = None,
        remarks: tuple[str, ...] = (),
    ) -> None:
        self.unit: Literal["epoch", "step"] = unit
        self.remarks = remarks
        self.stop_reason = ""
        """Why ``should_stop`` is true; else empty."""
        self._measured = measured
        self._chance_loss, self._reference, self._baseline = chance_loss, reference, baseline
        self._at: list[int] = []
        self._rows: list[dict[str, float | None]] = []
        self._alike: list[bool] = []

    def __len__(self) -> int:
        return len(self._rows)

    def epoch(
        self,
        number: int | None = None,
        *,
        train_loss: Any = None,
        val_loss: Any = None,
        train_accuracy: Any = None,
        val_accuracy: Any = None,
        lr: Any = None,
        grad_norm: Any = None,
        dead: Any = None,
        saturated: Any = None,
    ) -> bool:
        """Keep the values of an epoch, and return whether to go on.

        Parameters
        ----------
        number
            Counted from 1, increasing; the next one if it is not given.
        train_loss, val_loss, train_accuracy, val_accuracy, lr, grad_norm, dead, saturated
            Python, NumPy or torch numbers; ``None`` for what was not measured. Losses: lower is better.

        Raises
        ------
        InputError
            A value is no number, none is given, or the epoch does not come after the last one.

        """
        values = (train_loss, val_loss, train_accuracy, val_accuracy, lr, grad_norm, dead, saturated)
        return self.keep(number, dict(zip(NAMES, values, strict=True)))

    def measure(
        self,
        model: nn.Module,
        loss: Loss | None,
        train_batches: Iterable[Any],
        val_batches: Iterable[Any],
        *,
        number: int | None = None,
        lr: Any = None,
        grad_norm: Any = None,
    ) -> bool:
        """Measure a torch module on both kinds of samples alike, keep it as an epoch, and return whether to go on.

        In evaluation mode, without gradients; modes and random numbers are put back. Give the same samples each time,
        without augmentation; a part of the train samples, as many as there are for validation, is enough.

        Raises
        ------
        InputError
            See ``wellfit.callbacks.probe.evaluate``.

        """
        row: dict[str, Any] = {"lr": lr, "grad_norm": grad_norm}
        row["train_loss"], row["train_accuracy"] = evaluate(model, loss, train_batches, "train_batches")
        row["val_loss"], row["val_accuracy"] = evaluate(model, loss, val_batches, "val_batches")
        return self.keep(number, row, alike=True)

    def keep(self, number: int | None, values: Mapping[str, Any], *, alike: bool = False) -> bool:
        """Keep values by name, as ``epoch`` does; ``alike``: train and validation were measured in the same way."""
        unknown = next((name for name in values if name not in NAMES), None)
        if unknown is not None:
            raise InputError(f"watch, {unknown}", "is not known", nearest(unknown, NAMES))
        row = {name: as_number(f"watch, {name}", values.get(name)) for name in NAMES}
        if all(row[name] is None for name in NAMES[:4]):
            raise InputError("watch", "received no loss and no accuracy", "train_loss=..., val_loss=...")
        last = self.last or 0
        at = last + 1 if number is None else number
        if not isinstance(at, int) or isinstance(at, bool) or (self._at and at <= last) or at < 0:
            raise InputError(f"watch, {self.unit}", f"received {at!r} after {last}", "a whole number, increasing")
        self._at.append(at)
        self._rows.append(row)
        self._alike.append(alike)
        self.stop_reason = self.stop_reason or why_stop(self._rows, self.unit, self._at)
        return not self.should_stop

    def rewind(self, number: int) -> None:
        """Forget this epoch and what came after it, as when training goes back to a checkpoint."""
        kept = bisect_left(self._at, number)
        if kept < len(self):
            del self._at[kept:], self._rows[kept:], self._alike[kept:]
            self.stop_reason = ""

    @property
    def should_stop(self) -> bool:
        """Whether the run has diverged: a loss is not finite, or exploded and did not come back."""
        return bool(self.stop_reason)

    @property
    def measured(self) -> Measured | None:
        """How the train values were measured, as far as that is known."""
        return "eval" if self._alike and all(self._alike) else self._measured

    @property
    def last(self) -> int | None:
        """The epoch or step that was kept last."""
        return self._at[-1] if self._at else None

    @property
    def curves(self) -> dict[str, list[Any]]:
        """``epoch`` (or ``step``) and the series that have a value, as ``wellfit.diagnose`` takes them."""
        found: dict[str, list[Any]] = {self.unit: list(self._at)}
        for name in NAMES:
            column = [row[name] for row in self._rows]
            if any(value is not None for value in column):
                found[name] = column
        return found

    def diagnose(self) -> Diagnosis:
        """Return the diagnosis of the curves so far.

        Raises
        ------
        InputError
            Nothing was kept yet.

        """
        curves = self.curves
        broken = broken_loss(self._rows[-1]) if self._rows else ""
        if broken:
            curves[broken][-1] = math.inf  # one NaN may be a hole in a log, but here it was measured
        found = diagnose(
            curves, reference=self._reference, chance_loss=self._chance_loss, baseline=self._baseline,
            measured=self.measured,
        )  # fmt: skip
        return replace(found, remarks=(*found.remarks, *self.remarks))

    def verdict(self) -> str:
        """Return the verdict as text: findings, evidence, what to try; to be printed."""
        if not self._rows:
            return "wellfit\n  unclear: no losses were reported."
        found = self.diagnose()
        notes = [line for remark in found.remarks for line in filled(f"note: {remark}", WIDTH, "  ")]
        return "\n".join([f"wellfit, {len(self)} {self._counted()}", *diagnosis_lines(found, WIDTH), *notes])

    def _counted(self) -> str:
        return (self.unit if self.unit == "epoch" else "row") + "s" * (len(self) != 1)

    def save(self, path: str | Path) -> None:
        """Write the curves as JSON, which ``wellfit diagnose`` reads; values that are not finite as text.

        Raises
        ------
        StorageError
            The disk is full, or the file cannot be written.

        """
        columns: dict[str, Any] = {name: [_plain(each) for each in column] for name, column in self.curves.items()}
        write_atomic(Path(path), json.dumps({"measured": self.measured, **columns}, indent=1) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._rows:
            print(self.verdict())


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
