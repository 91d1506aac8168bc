"""The arithmetic of ``benchmarks/peers.py``: from what processes answer to the table of goals, without any of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from benchmarks.peer_work.candidates import (
    HELP,
    HOMEWORK,
    LINEAR,
    PLAIN,
    POPULATION,
    RACED,
    RATE,
    STUDY,
    Candidate,
    candidates,
    members_title,
    raced_title,
)
from benchmarks.peer_work.goals import Goal, goals
from benchmarks.peer_work.nets import WIDTHS, net_for
from benchmarks.peer_work.order import Order, write_order
from benchmarks.peer_work.results import Measurement, Results, value
from benchmarks.peer_work.tables import markdown
from benchmarks.peers import read_answer, shortened

from benchmarks import gpu

MIB = 2**20


def measured(of: Mapping[tuple[str, str], Any]) -> Results:
    """Results in which the first form of each named candidate answered this, in rounds of their own."""
    chosen, found = [], []
    for (work, who), answers in of.items():
        form = next(c for c in candidates() if (c.work, c.who) == (work, who))
        chosen.append(form)
        for number, answer in enumerate(answers if isinstance(answers, list) else [answers]):
            found.append(Measurement(form.key, number, 0.25, 0.0, answer))
    return Results(chosen, found)


def row(results: Results, goal: str, work: str = "") -> Goal:
    return next(one for one in goals(results) if one.goal == goal and work in one.work)


def epoch(seconds: float, members: int = 1, samples: int = 60_000, **more: Any) -> dict[str, Any]:
    return {"seconds": seconds, "samples": samples, "members": members, "peak": 1, "anonymous": 1, "start": 2.0, **more}


def test_candidates_have_names_of_their_own() -> None:
    keys = [candidate.key for candidate in candidates()]
    assert len(keys) == len(set(keys))
    folder = Path(__file__).parents[2] / "benchmarks" / "peer_work"
    assert {c.module for c in candidates()} <= {path.stem for path in folder.glob("*.py")}


def test_values_are_scaled_to_an_epoch_and_member() -> None:
    population = Candidate("mlp", POPULATION, "wellfit_fit")
    assert value(population, epoch(12.0, 24, 54_000)) == pytest.approx(12 / 24 / 54_000 * 60_000)
    lstm = Candidate("lstm", "who", "plain")
    assert value(lstm, epoch(4.0, 8, 6_400)) == pytest.approx(4_000 / 8 / 100), "milliseconds of one of 100 steps"


def test_the_study_is_compared_with_the_mean_of_both_loops() -> None:
    results = measured(
        {
            ("mlp", HOMEWORK): [epoch(2.0), epoch(2.4), epoch(9.9)],
            ("mlp augmented", HOMEWORK): epoch(4.6),
            ("mlp", "Keras on JAX"): epoch(0.5),
            ("mlp augmented", "Keras on TensorFlow"): epoch(3.1),
            ("mlp augmented", STUDY): epoch(24 * 0.125, 24, training=24 * 0.1),
        }
    )
    homework, peers = row(results, "25x"), row(results, "6x")
    assert (homework.got, homework.met) == ("28.00x", True), "the mean of the median 2.4 and 4.6, over 0.125"
    assert homework.beside == "training alone 35.00x"
    assert (peers.got, peers.met) == ("14.40x", True)
    assert "Keras on JAX and Keras on TensorFlow" in peers.against


def test_the_fraction_of_the_matrix_rate() -> None:
    results = measured({("mlp", RATE): epoch(24 * 0.12, 24), ("mlp", POPULATION): epoch(24 * 0.16, 24)})
    assert (row(results, "80 %").got, row(results, "80 %").met) == ("75%", False)


def test_memory_is_compared_with_the_sum_of_processes() -> None:
    one = epoch(1.0) | {"peak": 500 * MIB, "anonymous": 200 * MIB}
    own = epoch(1.0, 24) | {"peak": 1_200 * MIB, "anonymous": 960 * MIB}
    found = row(measured({("mlp", PLAIN): one, ("mlp augmented", STUDY): own}), "1/5")
    assert (found.got, found.met) == ("0.100", True)
    assert found.beside == "1200 MiB against 24 x 500; without the pages of files, at the end, 0.200"


def test_racing_must_find_the_same_winners_in_every_study() -> None:
    def found(*answers: tuple[float, bool]) -> Goal:
        told = [{"seconds": 1.0, "part": part, "same": same} for part, same in answers]
        of = {("racing", raced_title(name)): answer for name, answer in zip(RACED, told, strict=True)}
        return row(measured(of), "same winners, 1/4 of the epochs")

    assert (found((0.2, True), (0.25, True)).got, found((0.2, True), (0.25, True)).met) == ("0.20, 0.25", True)
    assert found((0.2, True), (0.26, True)).met is False
    assert found((0.2, True), (0.2, False)).met is False
    assert row(measured({}), "same winners, 1/4 of the epochs").met is None


@pytest.mark.parametrize(("imported", "met"), [(False, True), (True, False)])
def test_help_must_not_import_torch(imported: bool, met: bool) -> None:
    assert row(measured({("start", HELP): {"seconds": 0.2, "torch": imported}}), "0.3 s, torch not imported").met is met


def test_cost_is_linear_where_many_members_cost_no_more_each() -> None:
    of = {("linear", members_title(n)): epoch(n * 0.01 + (1.0 if n == 1 else 0.0), n, 3_200) for n in LINEAR}
    assert row(measured(of), "at most 1.25x", "cost of a member").got == "1.00x"
    of["linear", members_title(256)] = epoch(256 * 0.02, 256, 3_200)
    assert row(measured(of), "at most 1.25x", "cost of a member").met is False


def test_what_was_not_measured_is_no_failure() -> None:
    assert {goal.met for goal in goals(Results([], []))} == {None}


def test_only_clearly_slower_forms_are_left_out() -> None:
    forms = [Candidate("mlp", PLAIN, "plain", how) for how in ("a", "b", "c")]
    seconds = {"a": 1.0, "b": 1.4, "c": 1.6}
    results = Results(forms, [Measurement(f.key, 0, None, 0.0, epoch(seconds[f.how])) for f in forms])
    assert results.slow_forms() == {forms[2].key}
    assert results.median("mlp", PLAIN) == 1.0


def test_every_raw_value_and_every_reason_stands_in_the_markdown() -> None:
    forms = [Candidate("mlp", PLAIN, "plain"), Candidate("mlp", "Lightning", "lightning_fit")]
    answers = [Measurement(forms[0].key, n, 0.25, 0.0, epoch(s)) for n, s in enumerate((1.5, 1.25, 2.0))]
    failed = Measurement(forms[1].key, 0, 0.0, 0.0, {}, "failed with 1: ModuleNotFoundError")
    text = markdown(Results(forms, [*answers, failed]), command="python benchmarks/peers.py", machine="2 cores")
    line = "| plain PyTorch in memory | 1.500 |  | 1.500 (0.2), 1.250 (0.2), 2.000 (0.2) | 2.0 | 0 |"
    assert line in text.splitlines()
    assert "| Lightning |  |  | failed with 1: ModuleNotFoundError |  |  |" in text.splitlines()


def test_an_answer_is_the_last_line_of_json() -> None:
    done = subprocess.CompletedProcess([], 0, 'Epoch 1\n{"seconds": 1}\n{"seconds": 2}\nbye', "")
    assert read_answer(done) == ({"seconds": 2}, "")
    assert read_answer(subprocess.CompletedProcess([], 1, "", "Traceback\nKeyError: 3")) == (
        {},
        "failed with 1: KeyError: 3",
    )


def test_an_order_comes_through_the_command_line() -> None:
    order = Order("mlp", "/tmp", 1.5, 640, 2, {"steps": 10})
    assert Order(**json.loads(write_order(order))) == order
    assert all(candidate.samples <= 640 for candidate in shortened(candidates(), 10))


def test_networks_are_those_of_the_recipes() -> None:
    from benchmarks.peer_work.wellfit_fit import MODELS

    from wellfit.models import build
    from wellfit.recipe import Recipe

    shapes = {**dict.fromkeys((*WIDTHS, "cnn"), (1, 28, 28)), "lstm": (64, 28), "resnet": (3, 32, 32)}
    for work, model in MODELS.items():
        spec = Recipe.model_validate({"data": "digits", "model": model}).model
        assert spec is not None
        own = build(spec, shape=shapes[work], outputs=10, seed=0)
        sizes = [sorted(tuple(p.shape) for p in net.parameters()) for net in (own, net_for(work))]
        assert sizes[0] == sizes[1], work


def test_gpu_says_in_a_line_that_there_is_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(SystemExit) as left:
        gpu.main()
    assert left.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
