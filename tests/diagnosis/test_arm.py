import json
from dataclasses import asdict

import pytest

from tests.diagnosis.curves import CHANCE, drawn, rows
from wellfit.diagnosis import diagnose_arm
from wellfit.diagnosis import judge as diagnose
from wellfit.errors import InputError


def test_seeds_that_agree_give_a_clear_verdict() -> None:
    arm = [drawn("overfit", key=key) for key in range(3)]
    found = diagnose_arm(arm, reference=0.35, chance_loss=CHANCE)
    assert (found.verdict, found.is_clear) == ("overfit", True)
    (finding,) = found.findings
    assert finding.evidence["seeds"] == 3
    rises = sorted(seed.evidence["rise_share"] for seed in found.seeds)
    assert finding.evidence["rise_share"] == rises[1]
    assert found.evidence["rise_share"] == rises[1]
    assert found.words.startswith("3 of 3 seeds; for one: Validation loss turned")
    assert [seed.verdict for seed in found.seeds] == ["overfit"] * 3


def test_the_majority_decides_and_doubt_is_kept() -> None:
    arm = [drawn("overfit"), drawn("overfit", key=1), drawn("well-fit")]
    found = diagnose_arm(arm, reference=0.35, chance_loss=CHANCE)
    assert (found.verdict, found.is_clear) == ("overfit", False)
    assert found.findings[0].evidence["seeds"] == 2


def test_no_majority_is_unclear() -> None:
    arm = [drawn("overfit"), drawn("well-fit")]
    found = diagnose_arm(arm, reference=0.35, chance_loss=CHANCE)
    assert (found.verdict, found.findings) == ("unclear", ())
    assert "do not agree (1 overfit, 1 well-fit)" in found.words


def test_one_seed_is_judged_as_a_run() -> None:
    run = drawn("underfit")
    found = diagnose_arm([run], chance_loss=CHANCE)
    alone = diagnose(run, chance_loss=CHANCE)
    assert (found.verdict, found.findings, found.seeds) == (alone.verdict, alone.findings, (alone,))


def test_context_can_differ_between_seeds() -> None:
    """A seed with a lucky validation set must not make the others look bad."""
    x = [i / 30 for i in range(30)]
    lucky, unlucky = (
        rows(list(curve), list(curve))
        for curve in ([0.3 + 2 / (1 + 99 * v) for v in x], [0.6 + 2 / (1 + 99 * v) for v in x])
    )
    shared = diagnose_arm([lucky, unlucky], reference=0.3, chance_loss=CHANCE)
    own = diagnose_arm([lucky, unlucky], reference=[0.3, 0.6], chance_loss=[CHANCE, CHANCE])
    assert [seed.verdict for seed in shared.seeds] == ["well-fit", "underfit"]
    assert [seed.verdict for seed in own.seeds] == ["well-fit", "well-fit"]


def test_diverged_seeds_count() -> None:
    arm = [drawn("well-fit", key=key) for key in range(3)]
    found = diagnose_arm(arm, reference=0.35, chance_loss=CHANCE, diverged=[True, False, True])
    assert found.verdict == "diverged"
    json.dumps(asdict(found), allow_nan=False)


def test_errors_say_what_is_missing() -> None:
    arm = [drawn("well-fit")] * 2
    with pytest.raises(InputError, match="no run"):
        diagnose_arm([])
    with pytest.raises(InputError, match="reference: 1 values"):
        diagnose_arm(arm, reference=[0.3])
    with pytest.raises(InputError, match="diverged: 3 values"):
        diagnose_arm(arm, diverged=[False] * 3)
