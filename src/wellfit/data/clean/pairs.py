"""Clean a folder of images and masks: copies of the pairs that stay, where they were."""

from __future__ import annotations

import shutil
from pathlib import Path

from wellfit.data.audit.read_folder import file_name
from wellfit.data.clean.changes import Changes, Done, check_names, done_of, refuse_columns
from wellfit.data.mask_classes import NAMES
from wellfit.data.mask_pairs import find_pairs
from wellfit.data.naming import shown
from wellfit.errors import DataError


def clean_pairs(root: Path, changes: Changes, to: Path) -> Done:
    """Copy to ``to`` what stays, in the same folders. Who drops an image or a mask drops both of the pair.

    Raises
    ------
    DataError
        Names that the folder does not have, a relabel (a mask has no one class), or no pair that is left.

    """
    where = shown(root)
    listed = find_pairs(root)
    pairs = [(pair.image, pair.mask) for pair in listed.pairs]
    names = {file_name(path, root) for path in (*(path for pair in pairs for path in pair), *listed.unpaired)}
    check_names(changes, names, where)
    refuse_columns(changes, where)
    if changes.relabeled:
        what = f"relabels '{shown(next(iter(changes.relabeled)))}', whose mask has no one class"
        raise DataError("plan", what, "drop or deduplicate")
    kept = [pair for pair in pairs if not any(file_name(path, root) in changes.dropped for path in pair)]
    alone = [path for path in listed.unpaired if file_name(path, root) not in changes.dropped]
    done = done_of(changes, len(pairs), len(kept))
    given = [root / NAMES] if (root / NAMES).is_file() else []
    for path in (*(path for pair in kept for path in pair), *alone, *given):
        goal = to / path.relative_to(root)
        goal.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, goal)
    return done
