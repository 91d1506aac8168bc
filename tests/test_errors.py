from __future__ import annotations

import pytest

from wellfit import errors
from wellfit.errors import DataError, InputError, RecipeError, StorageError, WellfitError, nearest


def test_the_message_says_where_what_and_what_was_expected() -> None:
    error = RecipeError("optimizer.lr", "received -1", "more than 0")
    assert str(error) == "optimizer.lr: received -1; expected more than 0"
    assert (error.where, error.what, error.expected) == ("optimizer.lr", "received -1", "more than 0")
    assert str(DataError("data.csv, row 17", "is empty")) == "data.csv, row 17: is empty"


def test_the_message_is_one_line_whatever_the_value_was() -> None:
    assert str(InputError("a\nb", "c\r\nd", "e")) == "a\\nb: c\\r\\nd; expected e"


def test_the_tree_is_the_one_in_the_docstring() -> None:
    assert errors.__doc__ is not None
    found = {
        name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)
    }
    drawn = [line for line in errors.__doc__.splitlines() if "Error" in line]
    assert {word for line in drawn for word in line.split() if word.endswith("Error")} == set(found)
    for line in drawn:
        kind = found[next(word for word in line.split() if word in found)]
        parent = InputError if line.startswith("    |   ") else WellfitError
        assert kind is WellfitError or kind.__bases__ == (parent,)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (WellfitError, 1),
        (StorageError, 1),
        (errors.InterruptedStudyError, 130),
        (InputError, 2),
        (RecipeError, 2),
        (DataError, 2),
        (errors.ModelError, 2),
        (errors.MissingExtraError, 2),
    ],
)
def test_exit_codes(kind: type[WellfitError], code: int) -> None:
    assert kind.exit_code == code


def test_nearest_names_the_one_that_is_meant_and_lists_all() -> None:
    assert nearest("dropuot", ["l2", "dropout"]) == "'dropout' (nearest), one of dropout, l2"
    assert nearest("xyz", ["l2", "dropout"]) == "one of dropout, l2"
    many = nearest("dropuot", ["dropout", *(f"name{i}" for i in range(40))])
    assert many.startswith("'dropout' (nearest), one of dropout, name")
    assert many.endswith(" and 25 more")
    assert nearest("l2", iter(["l1", "l2"])) == "'l2' (nearest), one of l1, l2"
