"""A recording, or all recordings below a folder."""

from __future__ import annotations

from pathlib import Path

from wellfit.data.image_folder import image_files
from wellfit.data.inputs.lengths import to_length
from wellfit.data.inputs.wanted import Inputs, Wanted
from wellfit.data.naming import shown
from wellfit.data.source_forms import sound_of
from wellfit.data.wav_folder import Recording, Sound, decode_recordings, silence
from wellfit.errors import DataError


def read_recordings(path: Path, wanted: Wanted) -> Inputs:
    """Decode recordings as those of the training were, named by their paths below the folder."""
    where = shown(path)
    files = image_files(path) if path.is_dir() else [path]
    if path.is_dir() and not any(file.suffix.lower() == ".wav" for file in files):
        what = "holds no recordings (.wav) and no series (.ts)" if files else "holds no files"
        raise DataError(where, what, wanted.expected)
    sound = Sound() if wanted.spec is None else sound_of(wanted.spec)
    decoded = decode_recordings(
        [Recording(shown(file), file, "") for file in files],
        # what a number of steps cuts off need not be kept until the end
        Sound(wanted.length, sound.rate, sound.features),
        where=where,
        known_rate=wanted.rate,
        skip_bad=wanted.skip_bad,
    )
    root = path if path.is_dir() else path.parent
    names = [shown(files[at].relative_to(root)) for at in decoded.kept]
    if not names:
        raise DataError(where, "not one file can be read", wanted.expected)
    places = [shown(files[at]) for at in decoded.kept]
    found = to_length(decoded.values, names, wanted, where=where, pad=silence(sound), places=places)
    return Inputs(found.names, found.x, (*decoded.skipped, *found.skipped))
