import datetime as dt

import numpy as np
import pandas as pd
import pytest

from wellfit.data.date_text import ISO, days, forms_of

START = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


def since(*parts: int) -> float:
    return (dt.datetime(*parts, tzinfo=dt.UTC) - START).total_seconds() / 86400  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("2021-03-04", "year-month-day", since(2021, 3, 4)),
        ("2021-03", "year-month-day", since(2021, 3, 1)),
        ("2021-03-04T05:06", "year-month-day", since(2021, 3, 4, 5, 6)),
        ("2021-03-04 05:06:07.5", "year-month-day", since(2021, 3, 4, 5, 6, 7) + 0.5 / 86400),
        ("2021-03-04T05:06:07Z", "year-month-day", since(2021, 3, 4, 5, 6, 7)),
        ("2021-03-04T05:06:07-0330", "year-month-day", since(2021, 3, 4, 8, 36, 7)),
        ("1899-12-31", "year-month-day", since(1899, 12, 31)),
        ("2021/3/4", "year/month/day", since(2021, 3, 4)),
        ("4.3.2021", "day.month.year", since(2021, 3, 4)),
        ("04.03.2021 7:08", "day.month.year", since(2021, 3, 4, 7, 8)),
        ("3/14/2021", "month/day/year", since(2021, 3, 14)),
        ("14/3/2021", "day/month/year", since(2021, 3, 14)),
    ],
)
def test_forms_against_the_calendar(text: str, form: str, expected: float) -> None:
    column = pd.Series([text, f" {text} ", text])
    assert forms_of(column) == [form]
    np.testing.assert_allclose(days(column, form), expected, rtol=1e-12)


@pytest.mark.parametrize("text", ["2021-02-30", "2021-13-01", "soon", "2021", "20210304", "4.3.21", "", "12:30"])
def test_what_is_no_date(text: str) -> None:
    column = pd.Series(["2021-03-04", text])
    assert np.isfinite(days(column, ISO)).tolist() == [True, False]
    assert forms_of(pd.Series([text] * 3)) == []


def test_typed_dates_and_missing_ones() -> None:
    expected = [since(2021, 3, 4), np.nan]
    for column in (
        pd.Series([dt.date(2021, 3, 4), None]),
        pd.Series([dt.datetime(2021, 3, 4), None], dtype=object),
        pd.Series(pd.to_datetime(pd.Series(["2021-03-04", None]))),
        pd.Series(pd.to_datetime(pd.Series(["2021-03-04 02:00+02:00", None]), utc=True)),
        pd.Series(["2021-03-04", None]),
    ):
        np.testing.assert_array_equal(days(column, ISO), expected)
        assert forms_of(column.dropna()) == [ISO]


def test_day_and_month_are_told_apart_by_the_column_or_not_at_all() -> None:
    assert forms_of(pd.Series(["03/04/2020", "13/04/2020"])) == ["day/month/year"]
    assert forms_of(pd.Series(["03/04/2020", "03/14/2020"])) == ["month/day/year"]
    assert forms_of(pd.Series(["03/04/2020", "12/11/2020"])) == ["month/day/year", "day/month/year"]
    assert forms_of(pd.Series(["03/03/2020", "12/12/2020"])) == ["month/day/year"]  # either way the same


def test_float32_tells_minutes_apart() -> None:
    """The promise of ``Column``: 1.5 minutes, from 1990 to 2040."""
    step = max(np.spacing(np.float32(since(year, 1, 1))) for year in (1990, 2027, 2040))
    assert float(step) * 24 * 60 <= 1.5
