"""A real study of 16 arms x 5 seeds, in full and with racing. Option ``study``: a name of ``racing_study.STUDIES``."""

from __future__ import annotations

from benchmarks.peer_work.order import read_order, say
from benchmarks.racing_study import live


def main() -> None:
    """Measure: seconds of training with racing, the part of the epochs, and whether the winners are the same."""
    found = live(read_order().options["study"])
    say(seconds=found.raced.seconds, full=found.full.seconds, part=found.part, same=found.same_winners)


if __name__ == "__main__":
    main()
