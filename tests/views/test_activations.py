"""Hidden activations: what is read, and what is said to stand out."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from tests.report.layers import DEAD, equal, fine, layer, measured, vanishing
from tests.report.sample import make_result, make_run
from wellfit.models.statistics import LayerStatistics
from wellfit.views.activations import activations, remarks


def said(block: dict[str, Any]) -> tuple[str, ...]:
    (arm,) = activations({"arms": [{"name": "a", "activations": block}]})
    return remarks(arm)


def test_the_made_layers_are_what_the_study_writes() -> None:
    assert set(layer()) == {field.name for field in fields(LayerStatistics)}


def test_arms_are_read_and_those_without_are_left_out() -> None:
    assert activations(make_result([make_run()])) == ()  # an older result has no such key
    assert activations({}) == ()
    none = {"name": "none", "activations": None}
    linear = {"name": "linear", "activations": measured([], [])}
    broken = measured([layer(signal=None, saturated=0.25)], seed=3)
    (found,) = activations({"arms": [none, linear, {"name": "a", "activations": broken}]})
    assert (found.arm, found.seed, found.end) == ("a", 3, ())
    (first,) = found.start
    assert (first.index, first.site, first.kind, first.units, first.saturated) == (1, "2", "ReLU", 64, 0.25)
    assert first.signal != first.signal


def test_nothing_stands_out() -> None:
    assert said(fine()) == ()
    half = layer(dead=0.5, saturated=0.5, signal=1e-3)  # the limits themselves are fine
    assert said(measured([half, layer(signal=0.09)], [layer(signal=1e3)])) == ()


def test_equal_weights_never_part() -> None:
    assert said(equal()) == (
        "1 of 64 units is distinct in all 5 hidden layers, at the start and at the end: equal weights never part.",
    )
    alone = measured([layer(distinct=1)])
    assert said(alone) == ("1 of 64 units is distinct in the hidden layer at the start: equal weights never part.",)


def test_equal_weights_that_parted() -> None:
    assert said(measured([layer(distinct=1)], [layer()])) == (
        "1 of 64 units is distinct in the hidden layer at the start.",
    )


def test_sizes_of_equal_layers() -> None:
    block = measured([layer(distinct=1), layer(units=32, distinct=1), layer(units=1, distinct=1)])
    assert said(block) == ("1 of 32 to 64 units is distinct in layers 1 and 2 at the start: equal weights never part.",)


def test_dead_units_are_equal_by_themselves() -> None:
    assert said(measured([layer(), layer(**DEAD)])) == (
        "100 % of the units are dead in layer 2 at the start: nothing passes there.",
    )
    zeros = said(measured([layer(**DEAD, weight_std=0.0)] * 2))
    assert [sentence.split(" in ")[0] for sentence in zeros] == [
        "1 of 64 units is distinct",
        "100 % of the units are dead",
    ]


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ((0.5625, 0.5625), "56 % of the units are dead in layers 1 and 2 at the start."),
        ((0.75, 0.999), "75 % to > 99 % of the units are dead in layers 1 and 2 at the start."),
        ((0.3, 0.51), "51 % of the units are dead in layer 2 at the start."),
    ],
)
def test_dead_units(shares: tuple[float, float], words: str) -> None:
    assert said(measured([layer(dead=share) for share in shares] + [layer()])) == (words,)


def test_signals() -> None:
    assert said(vanishing()) == (
        "The signal vanishes in layers 4 and 5, at the start and at the end: down to 1.0e\N{MINUS SIGN}05.",
    )
    block = measured([layer(signal=20.0**i) for i in range(1, 7)], [layer()] * 6)
    assert said(block) == ("The signal explodes in layers 3 to 6 at the start: up to 6.4e+07.",)
    gone = measured([layer(signal=1e-4), layer(**DEAD)])
    assert said(gone)[-1] == "The signal vanishes in all 2 hidden layers at the start: down to 0."


def test_a_signal_that_changes_much_without_being_small_or_large() -> None:
    grows = measured([layer(signal=2.0), layer(signal=10.0), layer(signal=210.0)])
    assert said(grows) == ("The signal grows 105-fold from layer 1 to layer 3 at the start.",)
    shrinks = measured([layer()] * 2, [layer(signal=1.0), layer(signal=0.002)])
    assert said(shrinks) == ("The signal shrinks 500-fold from layer 1 to layer 2 at the end.",)
    assert len(said(measured([layer(signal=1.0), layer(signal=1e-4)]))) == 1


def test_what_else_stands_out() -> None:
    assert said(measured([layer(kind="Tanh", saturated=0.8)])) == (
        "80 % of the activations are saturated in the hidden layer at the start.",
    )
    assert said(measured([layer(), layer(signal=None), layer(), layer(signal=None)])) == (
        "Activations are not finite in layers 2 and 4 at the start.",
    )
