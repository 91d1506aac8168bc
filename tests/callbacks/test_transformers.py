"""Against the real library, where it is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from wellfit.diagnosis.readers import read_logs

transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")
from wellfit.callbacks.transformers import WellfitCallback  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
IDS = torch.randint(5, 50, (60, 8), generator=torch.Generator().manual_seed(0))
DATA = [{"input_ids": row, "labels": (row[0] > 25).long()} for row in IDS]


def trained(
    folder: Path, *, probe: bool = False, lr: float = 1e-3, said: list[str] | None = None, **settings: Any
) -> Any:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = transformers.BertConfig(vocab_size=50, max_position_embeddings=8, **sizes)
    quiet = {"report_to": [], "use_cpu": True, "disable_tqdm": True, "save_strategy": "no", "seed": 0}
    usual = {"eval_strategy": "epoch", "logging_steps": 2, "num_train_epochs": 3, "per_device_train_batch_size": 10}
    args = transformers.TrainingArguments(str(folder), learning_rate=lr, **{**quiet, **usual, **settings})
    model = transformers.BertForSequenceClassification(config)
    trainer = transformers.Trainer(model=model, args=args, train_dataset=DATA[:40], eval_dataset=DATA[40:])
    found = [] if said is None else said
    callback = WellfitCallback(trainer.get_eval_dataloader(DATA[:40]) if probe else None, say=found.append)
    trainer.add_callback(callback)
    trainer.train()
    trainer.evaluate()
    return trainer, callback


def test_it_keeps_what_the_reader_of_the_log_finds(tmp_path: Path) -> None:
    said: list[str] = []
    trainer, callback = trained(tmp_path, said=said)
    trainer.state.save_to_json(str(tmp_path / "trainer_state.json"))
    assert len(said) == 1
    curves = callback.watch.curves
    assert curves["epoch"] == [1, 2, 3]
    (run,) = read_logs(tmp_path / "trainer_state.json")
    assert run.curves.val_loss is not None
    assert curves["val_loss"] == pytest.approx(run.curves.val_loss[:3])
    assert run.curves.train_loss is not None
    assert curves["train_loss"] == pytest.approx(run.curves.train_loss[:3])


def test_a_probe_is_comparable_and_changes_nothing(tmp_path: Path) -> None:
    one, callback = trained(tmp_path, probe=True)
    other, _ = trained(tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(one.model.parameters(), other.model.parameters(), strict=True))
    assert callback.watch.measured == "eval"
    last = one.evaluate(DATA[:40])["eval_loss"]
    assert callback.watch.curves["train_loss"][-1] == pytest.approx(last, rel=1e-4)


@pytest.mark.parametrize(
    ("settings", "unit", "places"),
    [
        ({"eval_strategy": "no"}, "step", [2, 4, 6, 8, 10, 12]),
        ({"eval_strategy": "steps", "eval_steps": 4}, "step", [4, 8, 12]),
    ],
)
def test_steps_are_counted_where_it_evaluates_by_step(
    tmp_path: Path, settings: Any, unit: str, places: list[int]
) -> None:
    _, callback = trained(tmp_path, **settings)
    assert callback.watch.curves[unit] == places


def test_it_stops_a_run_that_diverged(tmp_path: Path) -> None:
    said: list[str] = []
    trainer, _ = trained(tmp_path, lr=1e30, said=said)
    assert trainer.state.epoch == 1
    assert said[0].startswith("wellfit: training was stopped: the ")


def test_a_resumed_run_brings_its_curves_and_of_several_data_sets_the_first_counts(tmp_path: Path) -> None:
    one, first = trained(tmp_path, save_strategy="epoch")
    again = WellfitCallback(say=lambda text: None)
    one.args.num_train_epochs = 5
    one.eval_dataset = {"a": DATA[40:], "b": DATA[:20]}
    one.pop_callback(first)
    one.add_callback(again)
    one.train(resume_from_checkpoint=str(tmp_path / "checkpoint-12"))
    assert again.watch.curves["epoch"] == [1, 2, 3, 4, 5]
    assert again.watch.curves["val_loss"][:3] == first.watch.curves["val_loss"]
    assert again.watch.curves["val_loss"][-1] == one.state.log_history[-3]["eval_a_loss"]
