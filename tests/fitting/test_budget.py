"""The budget as text, and the clock over sessions."""

from __future__ import annotations

import pytest

from wellfit.errors import InputError
from wellfit.fitting.budget import Clock, parse_budget


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10m", 600), ("90s", 90), ("1h", 3600), ("1h30m", 5400), ("0.5h", 1800), ("2 M", 120), ("1m5.5s", 65.5)],
)
def test_hours_minutes_seconds(text: str, seconds: float) -> None:
    assert parse_budget(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "10", "ten", "-5m", "5m1h", "0s", "0.5s", "99999999h", "1e3s", "5 d", "nan", "٣m" * 9]
)
def test_all_else_is_one_line(text: str) -> None:
    with pytest.raises(InputError, match=r"^--budget: received .*; expected a time such as 90s"):
        parse_budget(text)


def test_the_clock_counts_all_sessions() -> None:
    times = iter([100.0, 104.0, 130.0])
    clock = Clock(60, before=20, now=lambda: next(times))
    assert clock.spent == 24
    assert clock.left == pytest.approx(10)
