"""The report of a study's folder: what it holds, gathered and written as one HTML file. No torch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from wellfit.errors import InputError
from wellfit.record import RunRecord, better_sign
from wellfit.report.file import write
from wellfit.report.page import render
from wellfit.study.files import StudyFolder
from wellfit.study.store import Store

NEEDED = {"name": str, "metric": str, "arms": list, "seeds": list}
"""What a file must hold, and of which type, to be taken for a study's result."""


def report_study(folder: Path, *, store_url: str | None = None, to: Path | None = None) -> Path:
    """Write the report of the study in ``folder``, from its result, runs and models; return where it is.

    Parameters
    ----------
    folder
        A study's folder; the study may be interrupted.
    store_url
        Where the runs are kept; ``None``: ``results.db`` in the folder.
    to
        The file to write; ``None``: ``report.html`` in the folder.

    Raises
    ------
    InputError
        The folder holds no study, a file of it is damaged, or its runs are kept elsewhere.
    StorageError
        The database fails, or the report cannot be written.

    """
    files = StudyFolder(folder)
    result = read_result(files)
    runs = _runs(files, result, store_url)
    path = to or files.report
    write(path, render(result, runs, _weights(files, runs, str(result["metric"]))))
    return path


def read_result(folder: StudyFolder) -> dict[str, Any]:
    """Return the result that a study wrote.

    Raises
    ------
    InputError
        There is none, or it is damaged.

    """
    path = folder.result
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        what = "no such folder" if not folder.path.exists() else "holds no result.json"
        raise InputError(str(folder.path), what, "the folder of a study") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(str(path), f"cannot be read ({type(error).__name__})", "a study's result") from None
    if not _is_result(found):
        raise InputError(str(path), "is no study's result", f"an object with {', '.join(NEEDED)}")
    whole: dict[str, Any] = found
    return whole


def _is_result(found: Any) -> bool:
    if not isinstance(found, dict) or not all(isinstance(found.get(key), kind) for key, kind in NEEDED.items()):
        return False
    named = all(isinstance(arm, dict) and isinstance(arm.get("name"), str) for arm in found["arms"])
    return named and all(isinstance(seed, int) for seed in found["seeds"])


def _runs(folder: StudyFolder, result: Mapping[str, Any], store_url: str | None) -> list[RunRecord]:
    """Return the records behind the result, in the order of its arms and seeds."""
    if store_url is None and not folder.results.exists():
        raise InputError(str(folder.path), "holds no results.db", "--store with the database that the study was run in")
    with Store.open(store_url or folder.results, str(result["name"]), create=False) as store:
        finished = store.finished()
    keys = [(str(arm["name"]), int(seed)) for arm in result["arms"] for seed in result["seeds"]]
    runs = [finished[key] for key in keys if key in finished]
    if not runs and any(arm.get("status") for arm in result["arms"]):
        where = "--store" if store_url else str(folder.results)  # a URL may hold a password
        raise InputError(where, f"holds no runs of the study '{result['name']}'", "the database that it was run in")
    return runs


def _weights(folder: StudyFolder, runs: Sequence[RunRecord], metric: str) -> dict[str, Mapping[str, NDArray[Any]]]:
    """Return arm -> parameter -> weights of the arm's best seed; arms without a model are left out."""
    sign = better_sign(metric)
    best: dict[str, RunRecord] = {}
    for run in runs:
        value = sign * run.value(metric)
        if math.isfinite(value) and (run.arm not in best or value > sign * best[run.arm].value(metric)):
            best[run.arm] = run
    found: dict[str, Mapping[str, NDArray[Any]]] = {}
    for arm, run in best.items():
        path = folder.weights(arm, run.seed)
        try:
            found[arm] = load_file(path)
        except FileNotFoundError:  # thrown away to save space: the rest of the report stands
            continue
        except (OSError, SafetensorError) as error:
            raise InputError(str(path), f"cannot be read ({error})", "the weights that the study wrote") from None
    return found
