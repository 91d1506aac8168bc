"""``wellfit --help``: its seconds as a process, the median of five, and whether it imports torch."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from benchmarks.peer_work.order import read_order, say

COMMAND = [sys.executable, "-m", "wellfit", "--help"]


def main() -> None:
    """Measure; which modules are imported is asked in a run that is not timed."""
    read_order()
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run(COMMAND, check=True, capture_output=True)
        seconds.append(time.perf_counter() - began)
    listing = [sys.executable, "-X", "importtime", *COMMAND[1:]]
    lines = subprocess.run(listing, check=True, capture_output=True, text=True).stderr.splitlines()
    names = {line.rpartition("|")[2].strip() for line in lines}
    say(
        seconds=statistics.median(seconds),
        every=seconds,
        torch=any(name.partition(".")[0] == "torch" for name in names),
    )


if __name__ == "__main__":
    main()
