import pytest
from hypothesis import given
from hypothesis import strategies as st

from wellfit.data import memory
from wellfit.data.memory import check_memory
from wellfit.data.naming import nearest_column, shown
from wellfit.errors import DataError
from wellfit.machine import physical_memory


@given(st.text(st.characters(exclude_categories=[]), max_size=300))
def test_any_name_is_shown_on_one_printable_line(name: str) -> None:
    text = shown(name)
    assert text.isprintable()
    assert len(text) <= 120
    text.encode("utf-8")
    if name.isprintable() and len(name) <= 120:
        assert text == name


def test_the_nearest_column_comes_first() -> None:
    assert nearest_column("Tmep", ["wind", "temp"]) == "'temp' (nearest), one of wind, temp"
    assert nearest_column("zzz", ["wind", "temp"]) == "one of wind, temp"
    assert nearest_column("x", [f"c{i}" for i in range(20)], listed=3).endswith("one of c0, c1, c2 and 17 more")


def test_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    there = physical_memory()
    assert there is None or there > 2**20
    monkeypatch.setattr(memory, "physical_memory", lambda: 2**30)
    check_memory("here", 2**30, expected="less")
    with pytest.raises(DataError, match=r"here: needs 3\.0 GiB of memory, this machine has 1\.0; expected less"):
        check_memory("here", 3 * 2**30, expected="less")
    monkeypatch.setattr(memory, "physical_memory", lambda: None)
    check_memory("here", 2**80, expected="less")
