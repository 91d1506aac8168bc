"""Logs as tables: Keras CSVLogger, Lightning, Ultralytics, timm, W&B exports and plain CSV, TSV or columns."""

from __future__ import annotations

import csv
import io
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from wellfit.diagnosis.readers.keys import is_curve, meaning
from wellfit.diagnosis.readers.log_run import Format
from wellfit.diagnosis.readers.naming import shown
from wellfit.diagnosis.readers.raw import RawRun
from wellfit.diagnosis.readers.rows import MOST_KEYS, MOST_ROWS, Collector
from wellfit.diagnosis.readers.text_file import Lines
from wellfit.errors import DataError

SEPARATORS = (",", "\t", ";", "|", " ")
CHART = re.compile(r"^(?P<run>.+) - (?P<key>.+?)(?P<bound>__MIN|__MAX)?$")
"""A column of a chart that W&B exports: run, metric, and bounds that are not needed."""
SENTENCE = re.compile(r"[:=]\s*[-+]?[0-9.]")
"""What a line of printed progress has (``loss: 0.31``), and no name of a column."""
ULTRALYTICS = ("train/box", "metrics/mAP", "metrics/accuracy_top")
LARGE = 4 << 20
"""Bytes of a table from which on it is worth to import pandas."""
BLOCK = 20_000
"""Records that are read at once."""
MOST_COLUMNS = 5000
SEEK_HEADER = 50
"""Lines within which the names of the columns must stand."""


def read_table(path: Path, source: str) -> list[RawRun]:
    """Return the runs of a table; none if no column of it is a loss or an accuracy.

    Raises
    ------
    DataError
        It cannot be read.

    """
    lines = Lines(path)
    try:
        return _read(lines, source)
    except OSError as error:
        raise DataError(shown(path), f"cannot be read ({shown(str(error))})", "a training log") from None


def _read(lines: Lines, source: str) -> list[RawRun]:
    text = iter(lines)
    for _, line in zip(range(SEEK_HEADER), text, strict=False):
        names, separator = _header(line)
        if any(_is_curve(name) for name in names):
            break
    else:
        return []
    log_format = table_format(names)
    comma = separator == ";"
    charts = [CHART.match(name) for name in names] if log_format == "wandb" else []
    if any(charts):
        return _charts(_records(text, separator), names, source)
    collector = Collector(source, log_format)
    skipped, cut = 0, False
    used = [index for index, name in enumerate(names) if meaning(name) is not None]
    several = any((what := meaning(names[index])) is not None and what.kind == "run" for index in used)
    wide = len(names)
    block: list[list[str]] = []
    if not several and separator != " " and lines.path.stat().st_size > LARGE:
        text = _add_whole_blocks(text, collector, names, used, separator)
    for fields in _records(text, separator):
        if collector.rows + len(block) >= MOST_ROWS:
            break
        if fields is None or len(fields) > wide + 1:
            skipped += 1
        elif len(fields) < wide and lines.cut_off and fields[-1]:
            cut = True  # its last number may be half of one
        elif fields[: used[0] + 1] != names[: used[0] + 1]:  # a header that comes again is no fault
            block.append(fields + [""] * (wide - len(fields)))
        if len(block) == BLOCK:
            _add(block, collector, names, used, several, comma)
            block = []
    _add(block, collector, names, used, several, comma)
    collector.unused.update(name for name in names[:MOST_KEYS] if name and meaning(name) is None)
    return collector.finish(skipped=skipped + lines.skipped, cut_off=cut)


def table_format(names: Iterable[str]) -> Format:
    """Return whose table has these columns."""
    found = set(names)
    if "_step" in found or "_runtime" in found or any(" - " in name for name in found):
        return "wandb"
    if "epoch" in found and any(name.startswith(ULTRALYTICS) for name in found):
        return "ultralytics"
    if {"epoch", "train_loss", "eval_loss"} <= found:
        return "timm"
    if {"epoch", "step"} <= found:
        return "lightning"
    if {"epoch", "loss"} <= found and "train_loss" not in found:
        return "keras-csv"
    return "csv"


def _header(line: str) -> tuple[list[str], str]:
    """Return the names on a line and what separates them: that which gives the most columns."""
    line = line.strip().lstrip("#")
    best: tuple[list[str], str] = ([], ",")
    if len(line) > 1 << 19:
        return best
    for separator in SEPARATORS:
        try:
            fields = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
        except csv.Error:
            continue
        names = [name.strip().strip('"') for name in fields]
        if separator == " " and not _plain_words(names):
            continue
        if max(len(best[0]), 1) < len(names) <= MOST_COLUMNS:
            best = (names, separator)
    if best[0] or not _is_curve(line):
        return best
    return [line.strip('"')], ","


def _plain_words(names: Sequence[str]) -> bool:
    """Whether words between blanks can be names of columns, and not a sentence: nearly all mean something."""
    known = sum(meaning(name) is not None for name in names)
    return 2 * known >= len(names)


def _is_curve(name: str) -> bool:
    chart = CHART.match(name)
    return is_curve(chart["key"] if chart else name) and not SENTENCE.search(name)


def _records(text: Iterator[str], separator: str) -> Iterator[list[str] | None]:
    """Yield the fields of each line; ``None`` for one that cannot be taken apart."""
    reader = csv.reader(text, delimiter=separator, skipinitialspace=True)
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield None
            continue
        if separator == " ":
            fields = [field for field in fields if field]
        if any(fields):
            yield fields


def _add_whole_blocks(
    text: Iterator[str], collector: Collector, names: Sequence[str], used: Sequence[int], separator: str
) -> Iterator[str]:
    """Add blocks of lines by pandas, as far as they hold plain numbers; return the lines that are left."""
    import pandas as pd

    while collector.rows < MOST_ROWS:
        block = list(itertools.islice(text, BLOCK))
        if len(block) < BLOCK or any(line.count(separator) != len(names) - 1 or '"' in line for line in block):
            return itertools.chain(block, text)
        try:
            frame = pd.read_csv(
                io.StringIO("".join(block)),
                sep=separator,
                header=None,
                usecols=list(used),
                na_values=[""],
                keep_default_na=False,  # a NaN that was logged is not a value that was not
                dtype=float,
            )
        except (ValueError, OverflowError):
            return itertools.chain(block, text)
        if len(frame) != len(block):
            return itertools.chain(block, text)
        collector.add_numbers({names[index]: frame[index].to_numpy() for index in used})
    return iter(())


def _add(
    block: Sequence[list[str]],
    collector: Collector,
    names: Sequence[str],
    used: Sequence[int],
    several: bool,
    comma: bool,
) -> None:
    """Add records: by columns, or one by one where a column says which run each belongs to."""
    if several:
        for fields in block:
            collector.add({names[index]: fields[index] for index in used}, comma=comma)
    elif block:
        collector.add_columns({names[index]: [fields[index] for fields in block] for index in used}, comma=comma)


def _charts(records: Iterator[list[str] | None], names: Sequence[str], source: str) -> list[RawRun]:
    """Read a chart that W&B exports: the steps, and columns ``run - metric`` of several runs."""
    collectors: dict[str, Collector] = {}
    columns: list[tuple[int, str, str]] = []
    for index, name in enumerate(names):
        found = CHART.match(name)
        if found and not found["bound"] and meaning(found["key"]) is not None:
            columns.append((index, found["run"], found["key"]))
    axis = next(
        (index for index, name in enumerate(names) if meaning(name) is not None and not CHART.match(name)), None
    )
    for fields in records:
        if fields is None:
            continue
        rows: dict[str, dict[str, object]] = {}
        for index, run, key in columns:
            if index < len(fields) and fields[index].strip():
                rows.setdefault(run, {})[key] = fields[index]
        for run, row in rows.items():
            if axis is not None and axis < len(fields):
                row[names[axis]] = fields[axis]
            collectors.setdefault(run, Collector(f"{source}#{run}", "wandb")).add(row)
    return [run for collector in collectors.values() for run in collector.finish()]


def is_metric_file(head: str) -> bool:
    """Whether a text is one of MLflow's metrics: lines of ``timestamp value step``, the first in milliseconds."""
    for line in head.splitlines()[:3]:
        fields = line.split()
        try:
            numbers = [float(field) for field in fields]
        except ValueError:
            return False
        if len(numbers) not in (2, 3) or not 1e11 < numbers[0] < 1e14 or math.isnan(numbers[0]):
            return False
    return bool(head.strip())
