"""Every run in a file or folder."""

from __future__ import annotations

from pathlib import Path

from wellfit.diagnose.readers.log_run import LogRun


def read_logs(path: str | Path) -> list[LogRun]:
    """Return every run found in a log file, or in a folder and the folders in it; at least one.

    Raises
    ------
    DataError
        One line, if there is none, or the file that was named cannot be read as a log.

    """
    raise NotImplementedError(path)
