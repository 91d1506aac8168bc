"""Where a training starts: populations that fit into memory."""

from __future__ import annotations

from tests.support import member, replicates, tiny_images
from wellfit.train.start import COPIES, start_modules, within_memory


def test_a_population_is_parted_by_arms_where_memory_is_short() -> None:
    members = [member(arm, seed) for seed in (0, 1) for arm in ("a", "b", "c")]
    seen = replicates(tiny_images(), members)
    (module,) = start_modules(members[:1], seen)
    each = COPIES * sum(value.numel() * 4 for value in module.state_dict().values())

    def arms(limit: int | None) -> list[list[tuple[str, int]]]:
        return [[one.key for one in part] for part in within_memory(members, seen, limit)]

    assert arms(None) == arms(6 * each) == [[one.key for one in members]]
    a, b, c = ([(arm, seed) for seed in (0, 1)] for arm in "abc")
    assert arms(4 * each) == [a + b, c]
    assert arms(3 * each) == [a, b, c]
    assert arms(1) == [a, b, c]  # an arm is never torn apart
