"""Lightning: ``Trainer(callbacks=[WellfitCallback()])``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from wellfit.callbacks.ending import Keeper, Say
from wellfit.callbacks.library import library
from wellfit.callbacks.matching import matched
from wellfit.callbacks.probe import Loss, check_batches, evaluate
from wellfit.callbacks.watch import Watch
from wellfit.errors import InputError

WHERE = "wellfit.callbacks.lightning"
_older = "pytorch_lightning" in sys.modules and "lightning.pytorch" not in sys.modules
_module = "pytorch_lightning" if _older else "lightning.pytorch"
_callback: Any = library(_module, where=WHERE, package="lightning").Callback


class WellfitCallback(_callback):  # type: ignore[misc]
    """Keeps the metrics that the module logs, prints the verdict at the end of ``fit``, stops a run that diverged.

    Losses and accuracies are found by the words in their keys (``train_loss``, ``val/acc``), once per train epoch;
    what was logged by the step has its last value there, so log the train loss with ``on_epoch=True``.

    Parameters
    ----------
    probe
        Batches ``(inputs, targets)`` of train samples without augmentation: a list, or a DataLoader of its own. Then
        the train loss is measured on them after each epoch by calling the module in evaluation mode; else it is what
        the module logs, in training mode.
    loss
        For the probe: ``(output, targets) -> mean loss``, the one that ``validation_step`` logs.
    stop_on_divergence
        Whether to stop when a loss is not finite, or exploded and did not come back.
    chance_loss, reference, baseline
        As in ``wellfit.diagnose``.
    say
        Called with each text for the user, in the main process.

    Raises
    ------
    InputError
        A probe without loss, or one that can be gone through only once.

    """

    def __init__(
        self,
        probe: Iterable[Any] | None = None,
        loss: Loss | None = None,
        *,
        stop_on_divergence: bool = True,
        chance_loss: float | None = None,
        reference: float | None = None,
        baseline: float | None = None,
        say: Say = print,
    ) -> None:
        super().__init__()
        if probe is not None:
            check_batches(probe, "probe")
            if loss is None:
                raise InputError("loss", "was not given", "for a probe, (output, targets) -> mean loss")
        self._probe, self._loss = probe, loss
        known = {"chance_loss": chance_loss, "reference": reference, "baseline": baseline}
        self._keeper = Keeper(
            "lightning", probed=probe is not None, stop_on_divergence=stop_on_divergence, say=say, known=known
        )
        self._validated = False

    @property
    def watch(self) -> Watch:
        """The curves."""
        return self._keeper.watch

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin."""
        self._keeper.begin()

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Know that the validation metrics are new."""
        self._validated = self._validated or not trainer.sanity_checking

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Keep the epoch; Lightning validates before."""
        row: dict[str, Any] = dict(matched(trainer.callback_metrics, "lightning"))
        if not self._validated:  # those of an earlier epoch are still there
            row = {name: value for name, value in row.items() if not name.startswith("val_")}
        self._validated = False
        if self._probe is not None:
            row["train_loss"], row["train_accuracy"] = evaluate(pl_module, self._loss, self._probe, "probe")
        if "lr" not in row and trainer.optimizers:
            row["lr"] = trainer.optimizers[0].param_groups[0]["lr"]
        stop = self._keeper.keep(trainer.current_epoch + 1, row, seen=trainer.callback_metrics)
        if trainer.strategy.reduce_boolean_decision(stop, all=False):
            trainer.should_stop = True

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Print the verdict."""
        if trainer.is_global_zero:
            self._keeper.finish()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Print the verdict on what there is."""
        if trainer.is_global_zero and len(self.watch):
            self._keeper.finish()

    def state_dict(self) -> dict[str, Any]:
        """Return the curves, for a checkpoint."""
        return {"curves": self.watch.curves}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the curves from a checkpoint."""
        columns = dict(state_dict["curves"])
        self.watch.rewind(0)
        for i, place in enumerate(columns.pop(self.watch.unit)):
            self._keeper.keep(place, {name: column[i] for name, column in columns.items()})
