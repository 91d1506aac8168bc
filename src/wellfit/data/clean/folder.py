"""Clean a folder of images: copies of the files that stay, in the class folders they belong to."""

from __future__ import annotations

import shutil
from pathlib import Path

from wellfit.data.audit.read_folder import file_name, listed
from wellfit.data.clean.changes import Changes, Done, check_names, refuse_columns
from wellfit.data.naming import shown
from wellfit.errors import DataError


def clean_folder(root: Path, changes: Changes, to: Path) -> Done:
    """Copy the files that stay to ``to``; relabeled ones go to the folder of their new class, in the same part.

    Raises
    ------
    DataError
        Names or classes that the folder does not have.

    """
    where = shown(root)
    files, _ = listed(root)
    names = {file_name(path, root): path for path in files}
    check_names(changes, set(names), where)
    refuse_columns(changes, where)
    classes = {path.relative_to(root).parts[-2] for path in files}
    wanted = {shown(one, longest=4096): one for one in classes}
    after = 0
    for name, path in names.items():
        if name in changes.dropped:
            continue
        inside = path.relative_to(root)
        label = changes.relabeled.get(name)
        if label is not None:
            if label not in wanted:
                raise DataError("plan", f"{where} has no class '{shown(label)}'", ", ".join(sorted(wanted)[:16]))
            inside = inside.parent.parent / wanted[label] / inside.name
        goal = to / inside
        while goal.exists():  # the class already has a file of that name
            goal = goal.with_name(f"{goal.stem}_{path.parent.name}{goal.suffix}")
        goal.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, goal)
        after += 1
    if not after:
        raise DataError("plan", "drops every sample", "some that stay")
    return Done(len(names), after, len(set(changes.relabeled) - changes.dropped), 0)
