"""``wellfit train fashion-mnist`` until its first training step is done: the command itself, ended there.

Option ``fresh``: with an empty cache, as at the first start on a machine.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.peer_work.order import Order, read_order, say


def end_after_step(order: Order, folder: str) -> None:
    """Make the engine's first step the last thing that this process does."""
    from benchmarks.peer_work.wellfit_fit import engine

    module: Any = engine()
    plain = module.step

    def first(*args: Any, **options: Any) -> None:
        plain(*args, **options)
        seconds = time.time() - order.began
        shutil.rmtree(folder, ignore_errors=True)
        say(seconds=seconds)
        os._exit(0)

    module.step = first


def main() -> None:
    """Run the command."""
    order = read_order()
    folder = tempfile.mkdtemp()
    if order.options.get("fresh"):
        os.environ["WELLFIT_CACHE"] = str(Path(folder) / "cache")
    from wellfit.__main__ import main as wellfit
    from wellfit.cli import fail

    command: Any = fail
    begin = command.begin_work

    def begin_to_end() -> None:
        begin()
        end_after_step(order, folder)

    command.begin_work = begin_to_end  # called when the command has imported all that it works with, in its own order
    sys.argv = ["wellfit", "train", "fashion-mnist", "--quiet", "--set", "model.hidden=[128,128]", "--out"]
    sys.argv.append(str(Path(folder) / "out"))
    sys.exit(wellfit())


if __name__ == "__main__":
    main()
