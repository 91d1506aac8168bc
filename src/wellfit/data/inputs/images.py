"""An image, or all images below a folder."""

from __future__ import annotations

from pathlib import Path

from wellfit.data.decode import decode
from wellfit.data.image_folder import image_files
from wellfit.data.inputs.wanted import Inputs, Wanted
from wellfit.data.mask_pairs import images_beside_masks, is_mask_folder
from wellfit.data.naming import shown
from wellfit.data.picture import Picture
from wellfit.errors import DataError


def image_paths(path: Path) -> dict[str, Path]:
    """Return the file of each name that ``read_images`` gives: the image, or those below a folder."""
    root = path if path.is_dir() else path.parent
    return {shown(file.relative_to(root)): file for file in _files(path)}


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return images_beside_masks(path) if is_mask_folder(path) else image_files(path)


def read_images(path: Path, wanted: Wanted) -> Inputs:
    """Decode images, named by their paths below the folder; of a folder of images and masks the images alone."""
    channels, height, width = wanted.shape
    files = _files(path)
    if not files:
        raise DataError(shown(path), "holds no files", wanted.expected)
    pictures = [Picture(shown(file), file) for file in files]
    like = (channels, height, width)
    found = decode(pictures, where=shown(path), size=wanted.size, like=like, skip_bad=wanted.skip_bad)
    root = path if path.is_dir() else path.parent
    return Inputs([shown(files[i].relative_to(root)) for i in found.kept], found.x, found.skipped)
