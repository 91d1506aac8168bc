"""The script ``wellfit`` and ``python -m wellfit``: Ctrl-C is answered in one line from the first moment on."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def _leave(number: int, frame: FrameType | None) -> None:
    os.write(2, b"wellfit: interrupted\n")
    os._exit(130)


def main() -> int:
    """Run the command line and return the exit code; until it takes over, an interrupt just ends the process."""
    signal.signal(signal.SIGINT, _leave)
    from wellfit.cli.app import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
