"""A trainer's own metrics under our names, by the words in their keys, as logs are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wellfit.callbacks.numbers import as_number
from wellfit.diagnosis.readers.choose import choose
from wellfit.diagnosis.readers.log_run import Format
from wellfit.diagnosis.readers.raw import RawRun
from wellfit.errors import InputError


def matched(metrics: Mapping[str, Any], log_format: Format) -> dict[str, float]:
    """Return our name -> value for the metrics that are a loss, an accuracy or a learning rate; the others are left
    out. A loss or accuracy of which the key names no samples is of the train samples, unless these are named.
    """
    values: dict[str, float] = {}
    for key, value in metrics.items():
        try:
            number = as_number(key, value)
        except InputError:
            continue  # a text, a table
        if number is not None:
            values[key] = number
    run = RawRun("", log_format)
    for key in values:
        run.track(key).add(1.0, 1.0, values[key])
    return {str(name): values[keys[0]] for name, keys in choose(run).keys.items()}
