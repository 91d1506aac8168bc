"""Risk factors by their limits, and what they change of a prescription."""

from __future__ import annotations

import pytest

from wellfit.diagnosis import Diagnosis, Finding, prescribe
from wellfit.diagnosis.risk import DataFacts, risks
from wellfit.diagnosis.risk_remedies import DOUBTS, FAVORS, RISKS

OVERFIT = Diagnosis("overfit", 1.0, (Finding("overfitting", 5, {}, "words"),), "words", {})


def names(**facts: object) -> list[str]:
    return [risk.name for risk in risks(DataFacts(**facts))]  # type: ignore[arg-type]


def test_nothing_known_is_no_risk() -> None:
    assert risks(DataFacts()) == ()


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({"train": 4999}, ["few_samples"]),
        ({"train": 5000}, []),
        ({"train": 9000, "classes": 10, "smallest_class": 49}, ["few_per_class", "imbalance"]),
        ({"train": 9000, "classes": 10, "smallest_class": 300}, []),
        ({"train": 9000, "classes": 10, "smallest_class": 299}, ["imbalance"]),
        ({"train": 400, "classes": 10}, ["few_samples", "few_per_class"]),
        ({"train": 400, "classes": 0}, ["few_samples"]),
        ({"train": 9000, "classes": 3, "smallest_class": 0}, ["few_per_class", "imbalance"]),
        ({"train": 9000, "classes": 3, "smallest_class": 10, "task": "segmentation"}, ["imbalance"]),
        ({"train": 9000, "features": 9000}, []),
        ({"train": 9000, "features": 9001}, ["many_features"]),
        ({"train": 9000, "parameters": 90_001}, ["many_parameters"]),
        ({"validation": 499}, ["small_validation"]),
        ({"validation": 500}, []),
        ({"label_noise": 0.02}, ["label_noise"]),
        ({"label_noise": 0.019}, []),
    ],
)
def test_limits(facts: dict[str, object], found: list[str]) -> None:
    assert names(**facts) == found


def test_words_and_evidence() -> None:
    (small,) = risks(DataFacts(validation=100))
    assert small.evidence == {"validation": 100.0, "standard_error": pytest.approx(0.05)}
    assert "5.0%" in small.words
    (uneven,) = risks(DataFacts(train=10_000, classes=2, smallest_class=500))
    assert uneven.evidence["times_below_even"] == pytest.approx(10.0)


def test_a_risk_moves_what_it_favors_to_the_front_and_what_it_doubts_to_the_end() -> None:
    def changes(facts: DataFacts) -> list[str]:
        return [remedy.change for remedy in prescribe(OVERFIT, facts=facts) if remedy.finding == "overfitting"]

    plain = changes(DataFacts())
    assert plain[0] == "early_stopping"
    many = changes(DataFacts(train=9000, features=9001))
    assert set(many[:2]) == {"l1", "elastic_net"} or many[0] == "gaussian_noise"
    assert sorted(many) == sorted(plain)
    assert changes(DataFacts(validation=50))[-1] == "early_stopping"


def test_a_risk_has_remedies_of_its_own_after_those_for_the_findings() -> None:
    found = prescribe(OVERFIT, facts=DataFacts(train=9000, classes=3, smallest_class=100))
    assert [remedy.change for remedy in found][-2:] == ["class_weights", "focal"]
    assert {remedy.finding for remedy in found} == {"overfitting", "imbalance"}


def test_the_tables_name_remedies_that_exist() -> None:
    from wellfit.diagnosis.prescribe import LINES

    changes = {entry.remedy.change for entry in LINES}
    for table in (FAVORS, DOUBTS):
        assert set().union(*table.values()) <= changes
    for entry in RISKS:
        assert entry.remedy.harm
        assert entry.remedy.reason.endswith(".")
