"""Apply a plan to a copy; the source is never written to."""

from __future__ import annotations

import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from wellfit.atomic import TEMPORARY, storage_error
from wellfit.data.audit.read import file_fingerprint
from wellfit.data.audit.read_folder import folder_fingerprint
from wellfit.data.clean.arrays import clean_archive, clean_named
from wellfit.data.clean.changes import Changes, Done, changes_of
from wellfit.data.clean.folder import clean_folder
from wellfit.data.clean.pairs import clean_pairs
from wellfit.data.clean.plan import Plan
from wellfit.data.mask_pairs import is_mask_folder
from wellfit.data.named import NAMES
from wellfit.data.naming import shown
from wellfit.data.npy import is_npy_folder
from wellfit.data.sources import TABLES, load
from wellfit.data.ts_file import is_ts_folder
from wellfit.errors import DataError

CLEANED = "a folder of images or recordings, a table, .npz, or a name (arrays: save them as .npz)"
RECORD = "plan.yaml"
"""The end of the name under which the plan is kept beside what it made."""


def apply_plan(source: str, plan: Plan, out: Path) -> Done:
    """Write the cleaned copy of ``source`` to ``out``, whole or not at all, and the plan beside it.

    A folder of images (and masks) becomes a folder of copies, a table a table of the same kind, an archive or a named
    data set an ``.npz``. The same source and plan give the same bytes.

    Raises
    ------
    DataError
        The plan was made for other data, names samples, columns or classes that are not there, or ``out`` is in use or
        of another kind than the source.
    StorageError
        It cannot be written.

    """
    path = Path(source).expanduser()
    is_named = source in NAMES
    if not is_named and not path.exists():
        raise DataError(shown(source), "no such data set or path", "the data of the plan")
    if not is_named:
        _check_kind(path)
    _check_out(path if not is_named else None, out)
    changes = changes_of(plan)
    dataset = load(source) if is_named else None
    if dataset is not None:
        found = dataset.fingerprint
    else:
        found = folder_fingerprint(path) if path.is_dir() else file_fingerprint(path)
    if found != plan.fingerprint:
        raise DataError(
            shown(source), "is not the data that the plan was made for (other fingerprint)", "a new audit and plan"
        )
    temporary = out.with_name(f".{out.name}.{secrets.token_hex(4)}{TEMPORARY}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        done = _write(path, dataset is not None, source, changes, plan, temporary, out)
        if out.is_dir():
            out.rmdir()  # empty, as was checked
        if temporary.is_dir():
            (temporary / f".{RECORD}").write_text(plan.to_yaml(), encoding="utf-8")
        else:
            out.with_name(f"{out.name}.{RECORD}").write_text(plan.to_yaml(), encoding="utf-8")
        temporary.replace(out)
    except OSError as error:
        raise storage_error(out, error) from error
    finally:
        with suppress(OSError):
            shutil.rmtree(temporary) if temporary.is_dir() else temporary.unlink(missing_ok=True)
    return done


def _write(path: Path, is_named: bool, source: str, changes: Changes, plan: Plan, to: Path, out: Path) -> Done:
    if is_named:
        return clean_named(source, changes, to)
    if path.is_dir():
        return (clean_pairs if is_mask_folder(path) else clean_folder)(path, changes, to)
    if path.suffix.lower() == ".npz":
        return clean_archive(path, changes, to)
    # pandas takes half a second to import
    from wellfit.data.clean.table import clean_table

    return clean_table(path, changes, target=plan.target, to=to)


def can_clean(source: str) -> bool:
    """Whether a source is of a kind that ``apply_plan`` takes: others have no copy that could be written, or samples
    that are more than a file.
    """
    path = Path(source).expanduser()
    if source in NAMES:
        return True
    if path.is_dir():
        return not (is_npy_folder(path) or is_ts_folder(path))
    return path.suffix.lower() in (*TABLES, ".npz")


def _check_kind(path: Path) -> None:
    if not can_clean(str(path)):
        raise DataError(shown(path), "is of a kind that is not cleaned", CLEANED)


def _check_out(path: Path | None, out: Path) -> None:
    """Refuse what is in use, lies inside of the source or is of another kind than the source."""
    if out.is_dir() and not any(out.iterdir()):
        in_use = path is None or not path.is_dir()
    else:
        in_use = out.exists() or out.is_symlink()
    if in_use:
        raise DataError("-o", f"'{shown(out)}' is already there", "a new path: nothing is overwritten")
    if path is not None and path.is_dir():
        if out.resolve().is_relative_to(path.resolve()):
            raise DataError("-o", f"'{shown(out)}' lies inside of the source", "a path outside of it")
        return
    suffix = ".npz" if path is None else path.suffix.lower()
    if out.suffix.lower() != suffix:
        raise DataError("-o", f"received '{shown(out)}'", f"a path that ends in {suffix}, as the source does")
