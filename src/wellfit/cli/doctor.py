"""``wellfit doctor``: what this machine has for wellfit."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import typer

LIBRARIES = (
    "torch",
    "torchvision",
    "numpy",
    "scikit-learn",
    "pandas",
    "pyarrow",
    "scipy",
    "pydantic",
    "SQLAlchemy",
    "safetensors",
    "typer",
    "rich",
    "plotly",
    "Jinja2",
)
EXTRAS = {"psycopg": "studies in PostgreSQL (wellfit[postgres])"}

SHORT = "Versions, device, memory, data found."
EXAMPLES = """\b
Examples:
  wellfit doctor
  wellfit doctor --json
"""


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, and nothing else.")] = False,
) -> None:
    """Show versions, device, memory, and where each named data set was found."""
    from wellfit.cli.output import only_result, print_json

    with only_result(as_json):
        found = examine()
    if as_json:
        print_json(found)
        return
    for section, lines in _sections(found):
        typer.echo(section)
        width = max(len(name) for name, _ in lines)
        for name, text in lines:
            typer.echo(f"  {name:{width}}  {text}")


def examine() -> dict[str, Any]:
    """Return what was found, as plain values."""
    return {
        "versions": {"wellfit": _version("wellfit"), "python": platform.python_version()}
        | {name: _version(name) for name in LIBRARIES},
        "extras": {name: _version(name) for name in EXTRAS},
        "platform": platform.platform(),
        "compute": _compute(),
        "memory": _memory(),
        "data": (places := _data()),
        "data_missing": _missing([name for name, path in places.items() if path is None]),
        "folders": _folders(),
    }


def _version(name: str) -> str | None:
    if name == "wellfit":
        from wellfit import __version__

        return __version__
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _compute() -> dict[str, Any]:
    import torch

    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    devices = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    return {
        "device": "cuda" if devices else "cpu",
        "gpus": [{"name": one.name, "memory": one.total_memory} for one in devices],
        "cores": os.cpu_count(),
        "cores_available": available,
        "threads": torch.get_num_threads(),
    }


def _memory() -> dict[str, int | None]:
    """Return bytes of memory, in all and free for use; ``None`` where the system does not say."""
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        total: int | None = page * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        total = None
    available = None
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                available = int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return {"total": total, "available": available}


def _data() -> dict[str, str | None]:
    """Return where each named data set is; ``None``: it is not found."""
    from wellfit.data import data_places

    return {name: None if path is None else str(path) for name, path in data_places()}


def _missing(names: Iterable[str]) -> dict[str, str]:
    """Return for each data set that is not found what becomes of it: some are downloaded, some are not."""
    from wellfit.data import if_missing

    return {name: if_missing(name) for name in names}


def _folders() -> dict[str, Any]:
    from wellfit.data.cache import cache_folder
    from wellfit.errors import StorageError

    try:
        cache: dict[str, Any] = _folder(cache_folder())
    except StorageError as error:
        cache = {"path": None, "writable": False, "free": None, "problem": str(error)}
    own = os.environ.get("WELLFIT_DATA") or None
    return {"out": _folder(Path("runs")), "cache": cache, "WELLFIT_DATA": own}


def _folder(path: Path) -> dict[str, Any]:
    """Return whether a folder, which need not exist, can be written, and the bytes that are free there."""
    there = next((one for one in (path.absolute(), *path.absolute().parents) if one.exists()), Path("/"))
    writable = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    return {"path": str(path), "exists": path.is_dir(), "writable": writable, "free": shutil.disk_usage(there).free}


Lines = list[tuple[str, str]]


def _sections(found: Mapping[str, Any]) -> Iterator[tuple[str, Lines]]:
    yield "Versions", [(name, text or "not installed") for name, text in found["versions"].items()]
    yield "Extras", [(name, f"{text or 'not installed'}: {EXTRAS[name]}") for name, text in found["extras"].items()]
    yield "Machine", _machine(found)
    yield "Data sets", [(name, path or found["data_missing"][name]) for name, path in found["data"].items()]
    folders = found["folders"]
    lines = [(name, _folder_text(folders[name])) for name in ("out", "cache")]
    yield "Folders", [*lines, ("WELLFIT_DATA", folders["WELLFIT_DATA"] or "not set")]


def _machine(found: Mapping[str, Any]) -> Lines:
    compute, memory = found["compute"], found["memory"]
    gpus = ", ".join(f"{one['name']} ({_gib(one['memory'])})" for one in compute["gpus"])
    cores = f"{compute['cores']} cores, {compute['cores_available']} of them available; torch uses {compute['threads']}"
    return [
        ("platform", found["platform"]),
        ("device", f"cuda: {gpus}" if gpus else "cpu"),
        ("CPU", cores),
        ("memory", f"{_gib(memory['total'])}, {_gib(memory['available'])} of it available"),
    ]


def _folder_text(folder: Mapping[str, Any]) -> str:
    if folder["path"] is None:
        return str(folder["problem"])
    state = "writable" if folder["writable"] else "CANNOT BE WRITTEN"
    return f"{folder['path']} ({'' if folder['exists'] else 'not made yet, '}{state}, {_gib(folder['free'])} free)"


def _gib(size: int | None) -> str:
    return "unknown" if size is None else f"{size / 2**30:.1f} GiB"
