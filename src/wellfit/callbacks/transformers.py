"""Hugging Face: ``Trainer(callbacks=[WellfitCallback()])``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from wellfit.callbacks.divergence import broken_loss
from wellfit.callbacks.ending import Keeper, Say
from wellfit.callbacks.library import library
from wellfit.callbacks.matching import matched
from wellfit.callbacks.probe import check_batches, evaluate
from wellfit.callbacks.watch import Watch

_callback: Any = library("transformers", where="wellfit.callbacks.transformers", package="transformers").TrainerCallback


class WellfitCallback(_callback):  # type: ignore[misc]
    """Keeps what the Trainer logs, prints the verdict at the end of ``train``, and stops a run that diverged.

    A row for each evaluation, the train loss being the mean of those logged since the one before; without evaluation,
    a row for each log. Of several data sets for evaluation the first counts. By default the Trainer hides train losses
    that are NaN (``logging_nan_inf_filter``).

    Parameters
    ----------
    probe
        Batches of train samples with ``labels``: ``trainer.get_eval_dataloader(some_train_samples)``, after which
        ``trainer.add_callback`` takes this callback. Then the train loss is the model's own on them in evaluation
        mode, measured with each evaluation; else what the Trainer logs, in training mode.
    stop_on_divergence
        Whether to stop when a logged loss is not finite, or exploded and did not come back.
    chance_loss, reference, baseline
        As in ``wellfit.diagnose``.
    say
        Called with each text for the user, in the main process.

    Raises
    ------
    InputError
        The probe can be gone through only once.

    """

    def __init__(
        self,
        probe: Iterable[Any] | None = None,
        *,
        stop_on_divergence: bool = True,
        chance_loss: float | None = None,
        reference: float | None = None,
        baseline: float | None = None,
        say: Say = print,
    ) -> None:
        if probe is not None:
            check_batches(probe, "probe")
        self._probe, self._stop, self._say = probe, stop_on_divergence, say
        self._known = {"chance_loss": chance_loss, "reference": reference, "baseline": baseline}
        self._pending: list[Mapping[str, Any]] = []
        self._training = False
        self._keeper = self._new(by_epoch=True)

    @property
    def watch(self) -> Watch:
        """The curves."""
        return self._keeper.watch

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin; a run that is resumed brings its log."""
        self._training, self._pending = True, []
        self._by_epoch = _value(args.logging_strategy if self._alone(args) else args.eval_strategy) == "epoch"
        self._keeper = self._new(by_epoch=self._by_epoch)
        for row in state.log_history:
            self._take(args, row, row.get("step", 0), row.get("epoch", 0.0))

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        """Keep what was logged of the training; evaluations come with ``on_evaluate``."""
        if self._training and not any(key.startswith("eval_") for key in logs or {}):
            stop = self._take(args, logs or {}, state.global_step, state.epoch or 0.0)
            control.should_training_stop = control.should_training_stop or stop

    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> None:
        """Keep an evaluation."""
        if not self._training:
            return
        if self._has(self._place(state.global_step, state.epoch or 0.0)):
            return
        model = kwargs.get("model")
        extra: dict[str, Any] = {}
        if self._probe is not None and model is not None:
            extra["train_loss"], extra["train_accuracy"] = evaluate(model, None, self._probe, "probe")
        stop = self._take(args, metrics or {}, state.global_step, state.epoch or 0.0, extra)
        if extra and args.world_size > 1:  # each process measured its own share of the probe, but all must agree
            stop = self._stop and bool(broken_loss(matched(metrics or {}, "huggingface")))
        control.should_training_stop = control.should_training_stop or stop

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Print the verdict."""
        self._training = False
        if state.is_world_process_zero:
            self._keeper.finish()

    def _take(
        self, args: Any, logs: Mapping[str, Any], step: int, epoch: float, extra: Mapping[str, Any] | None = None
    ) -> bool:
        """Keep a log until there is a row to be made, and return whether to stop."""
        if "train_runtime" in logs:
            return False  # the summary: its train loss is the mean of all epochs
        evaluation = any(key.startswith("eval_") for key in logs)
        if not evaluation:
            self._pending.append(logs)
            if not self._alone(args):
                return False
        elif self._has(self._place(step, epoch)):
            return False
        row = self._row(logs if evaluation else {})
        row.update(extra or {})
        self._pending = []
        return self._keeper.keep(self._place(step, epoch), row, seen=logs)

    def _has(self, place: int) -> bool:
        """Whether there is a row already: of several data sets for evaluation the first counts."""
        return self.watch.last == place

    def _row(self, metrics: Mapping[str, Any]) -> dict[str, Any]:
        found = [matched(logs, "huggingface") for logs in self._pending]
        row: dict[str, Any] = dict(matched(metrics, "huggingface"))
        losses = [each["train_loss"] for each in found if "train_loss" in each]
        if losses and self._probe is None:
            row["train_loss"] = sum(losses) / len(losses)
        rates = [each["lr"] for each in found if "lr" in each]
        norms = [float(logs["grad_norm"]) for logs in self._pending if logs.get("grad_norm") is not None]
        row["lr"] = rates[-1] if rates else None
        row["grad_norm"] = sum(norms) / len(norms) if norms else None
        return row

    def _place(self, step: int, epoch: float) -> int:
        return round(epoch) if self._by_epoch else step

    def _alone(self, args: Any) -> bool:
        """Whether there is no evaluation during training."""
        return bool(_value(args.eval_strategy) == "no")

    def _new(self, *, by_epoch: bool) -> Keeper:
        self._by_epoch = by_epoch
        return Keeper(
            "huggingface", probed=self._probe is not None, stop_on_divergence=self._stop, say=self._say,
            known=self._known, unit="epoch" if by_epoch else "step",
        )  # fmt: skip


def _value(strategy: Any) -> str:
    """Return the text of an enumeration's member."""
    return str(getattr(strategy, "value", strategy))
