"""Plant every kind of fault at known places, audit, and print precision and recall a kind.

    python benchmarks/planted_faults.py [--json FILE] [--only digits,wine]

What the audit finds in the same data before anything is planted is not counted against it: those may be real faults
(see docs/audit.md), and nobody has labeled them.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image, ImageFilter

from wellfit.data import load
from wellfit.data.audit import Finding
from wellfit.recipe import Recipe
from wellfit.study.audit import audit

IMAGES = {"digits": (1400, 300), "fashion-mnist": (6000, 1000), "cifar10": (5000, 1000)}
"""Data set -> samples of train and test that are used."""
TABLES = ("wine", "breast_cancer", "diabetes")
PERFECT = ("unreadable", "missing", "constant", "exact_duplicates", "exact_leaks")
Pixels = npt.NDArray[np.uint8]
Planted = dict[str, set[tuple[str, ...]]]
"""Kind -> what was planted: names, pairs of copy and original, or row and column."""


@dataclass
class Score:
    planted: int = 0
    found: int = 0
    right: int = 0
    named: int | None = None
    """All that the audit names, also before planting; ``None``: not counted."""

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 1.0

    @property
    def strict(self) -> float:
        """Precision where what is found before planting counts as wrong."""
        return self.right / self.named if self.named else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.planted if self.planted else 1.0


@dataclass
class Folder:
    """Images as files of a folder, before they are written."""

    files: dict[str, bytes] = field(default_factory=dict)
    planted: Planted = field(default_factory=lambda: defaultdict(set))

    def write(self, root: Path) -> None:
        for name, content in self.files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)


def png(pixels: Pixels) -> bytes:
    """Return a picture (C, H, W) as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)).save(file, "png")
    return file.getvalue()


def nearly(pixels: Pixels, how: int, draw: np.random.Generator) -> Pixels:
    """Return a picture that a person would call the same: darker, moved by a pixel, recompressed, or noisy."""
    if how == 0:
        return (pixels * 0.9).astype(np.uint8)
    if how == 1 and min(pixels.shape[1:]) >= 16:
        return np.roll(pixels, 1, axis=2)
    if how == 2 and min(pixels.shape[1:]) >= 16:
        file = io.BytesIO()
        Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)).save(file, "jpeg", quality=50)
        found = np.asarray(Image.open(file))
        found = found[None] if found.ndim == 2 else found.transpose(2, 0, 1)
        if not np.array_equal(found, pixels):
            return found
    noise = draw.normal(0, 4, pixels.shape)
    return np.clip(pixels + noise, 0, 255).round().astype(np.uint8)


def blurred(pixels: Pixels) -> Pixels:
    radius = 1.0 if min(pixels.shape[1:]) < 16 else 2.0
    planes = [np.asarray(Image.fromarray(plane).filter(ImageFilter.GaussianBlur(radius))) for plane in pixels]
    return np.stack(planes)


def shuffled(pixels: Pixels, draw: np.random.Generator) -> Pixels:
    """Return a picture with its pixels in another order: the same brightness, no shape."""
    order = draw.permutation(pixels[0].size)
    return pixels.reshape(len(pixels), -1)[:, order].reshape(pixels.shape)


def stripes(pixels: Pixels, draw: np.random.Generator) -> Pixels:
    """Return a picture with every other column burnt out, as a broken sensor writes it."""
    found = pixels.copy()
    found[:, :, int(draw.integers(2)) :: 2] = 255
    return found


def clean_folder(source: str, train: int, test: int) -> tuple[Folder, dict[str, tuple[Pixels, str]]]:
    """Return a folder of the first samples of a data set, and its pictures with their class."""
    dataset = load(source)
    order = np.random.default_rng(0).permutation(len(dataset) if dataset.given_test is None else train * 4)
    kept = [("train", int(row)) for row in order[:train]]
    if dataset.given_test is None:
        kept += [("test", int(row)) for row in order[train : train + test]]
    else:
        kept += [("test", int(row)) for row in dataset.given_test[:test]]
    folder, pictures = Folder(), {}
    for part, row in kept:
        label = dataset.classes[int(dataset.y[row])].replace("/", "-")
        name = f"{part}/{label}/{row:05}.png"
        pictures[name] = (dataset.x[row].numpy(), label)
        folder.files[name] = png(pictures[name][0])
    return folder, pictures


def plant_in_folder(folder: Folder, pictures: dict[str, tuple[Pixels, str]], *, scale: float = 1.0) -> None:
    """Plant all faults of pictures; no sample has two."""
    draw = np.random.default_rng(1)
    trained = [name for name in pictures if name.startswith("train/")]
    tested = iter(name for name in pictures if name.startswith("test/"))
    rare = pictures[trained[0]][1]
    for name in [name for name in trained if pictures[name][1] == rare]:
        if draw.random() < 0.9:
            del folder.files[name]
    folder.planted["imbalance"].add((rare,))
    free = iter([name for name in trained if pictures[name][1] != rare])
    classes = sorted({label for _, label in pictures.values()} - {rare})

    def some(count: int, source: Iterable[str]) -> list[str]:
        chosen = iter(source)
        return [next(chosen) for _ in range(max(2, round(count * scale)))]

    for count, kind, make in (
        (20, "exact_duplicates", lambda pixels, i: pixels),
        (24, "near_duplicates", lambda pixels, i: nearly(pixels, i % 4, draw)),
        (15, "exact_leaks", lambda pixels, i: pixels),
        (16, "near_leaks", lambda pixels, i: nearly(pixels, i % 4, draw)),
    ):
        leak = kind.endswith("leaks")
        for i, name in enumerate(some(count, tested if leak else free)):
            pixels, label = pictures[name]
            copy = f"train/{label}/{kind}-{i}.png"
            folder.files[copy] = png(make(pixels, i))
            folder.planted[kind].add((copy, name))
    for i, name in enumerate(some(10, free)):
        content = folder.files[name]
        folder.files[name] = content[: len(content) // 2] if i % 2 else b"no picture at all"
        folder.planted["unreadable"].add((name,))
    for kind, count, change in (
        ("dark_pictures", 8, lambda pixels: (pixels * 0.12).astype(np.uint8)),
        ("bright_pictures", 8, lambda pixels: (255 - (255 - pixels) * 0.12).astype(np.uint8)),
        ("blank_pictures", 4, lambda pixels: np.full_like(pixels, draw.integers(256))),
        ("blurred_pictures", 10, blurred),
        ("outliers: noise", 8, lambda pixels: draw.integers(0, 256, pixels.shape).astype(np.uint8)),
        ("outliers: shuffled pixels", 8, lambda pixels: shuffled(pixels, draw)),
        ("outliers: stripes", 8, lambda pixels: stripes(pixels, draw)),
        ("outliers: negatives", 8, lambda pixels: 255 - pixels),
        ("odd_sizes", 6, lambda pixels: np.repeat(np.repeat(pixels, 2, axis=1), 3, axis=2)),
    ):
        for name in some(count, free):
            folder.files[name] = png(change(pictures[name][0]))
            folder.planted[kind].add((name,))
            folder.planted[kind.partition(":")[0]].add((name,))
    for name in some(round(0.02 * len(trained)), free):
        label = pictures[name][1]
        other = classes[(classes.index(label) + int(draw.integers(1, len(classes)))) % len(classes)]
        moved = f"train/{other}/{Path(name).name}"
        folder.files[moved] = folder.files.pop(name)
        folder.planted["label_errors"].add((moved,))


def table(name: str) -> pd.DataFrame:
    """Return one of scikit-learn's tables, its target last."""
    import sklearn.datasets

    found = getattr(sklearn.datasets, f"load_{name}")()
    frame = pd.DataFrame(found.data, columns=[str(column) for column in found.feature_names])
    names = getattr(found, "target_names", None)
    frame["answer"] = found.target if names is None else [str(names[value]) for value in found.target]
    return frame


def plant_in_table(frame: pd.DataFrame) -> tuple[pd.DataFrame, Planted]:
    """Plant all faults of tables; no row has two."""
    draw = np.random.default_rng(2)
    planted: Planted = defaultdict(set)
    classes = sorted(set(frame["answer"])) if frame["answer"].dtype.kind not in "fi" else []
    if classes:
        rare = classes[0]
        gone = frame.index[frame["answer"] == rare][5:]
        frame = frame.drop(index=gone).reset_index(drop=True)
        planted["imbalance"].add((rare,))
        planted["tiny_classes"].add((rare,))
    count = len(frame)
    columns = [column for column in frame.columns if column != "answer" and frame[column].nunique() > 10]
    rest = [row for row in draw.permutation(count) if not classes or frame["answer"][row] != classes[0]]
    free = iter(int(row) for row in rest)
    frame = frame.astype(dict.fromkeys(columns, object))

    def line(row: int) -> str:
        return f"line {row + 2}"

    for _ in range(15):
        row, column = next(free), columns[int(draw.integers(len(columns)))]
        frame.loc[row, column] = None
        planted["missing"].add((line(row), column))
    for _ in range(4):
        row, column = next(free), columns[int(draw.integers(len(columns)))]
        frame.loc[row, column] = "broken"
        planted["unreadable"].add((line(row),))
        planted["missing"].add((line(row), column))
    for _ in range(5):
        row, column = next(free), columns[int(draw.integers(len(columns)))]
        frame.loc[row, column] = frame[column][row] * 1000 + 1000
        planted["outliers"].add((line(row),))
    if classes:
        for _ in range(max(3, round(0.03 * count))):
            row = next(free)
            others = [one for one in classes[1:] if one != frame["answer"][row]] or classes[:1]
            frame.loc[row, "answer"] = others[int(draw.integers(len(others)))]
            planted["label_errors"].add((line(row),))
    copies: list[Any] = []
    for kind, change in (("exact_duplicates", 0.0), ("near_duplicates", 1e-4)):
        for _ in range(8):
            row = next(free)
            copy = frame.loc[row].copy()
            for column in columns:
                copy[column] = copy[column] * (1 + change * draw.normal()) if change else copy[column]
            planted[kind].add((line(count + len(copies)), line(row)))
            copies.append(copy)
    frame = pd.concat([frame, pd.DataFrame(copies)], ignore_index=True)
    source = next(one for one in columns if frame[one].map(lambda value: isinstance(value, float)).all())
    frame.insert(0, "flat", 7)
    frame.insert(1, "nearly", [1] + [0] * (len(frame) - 1))
    frame.insert(2, "again", frame[source].astype(float) * 3 + 2)
    planted["constant"].add(("flat",))
    planted["near_constant"].add(("nearly",))
    planted["collinear"].add(("again", source))
    if not classes:
        frame.insert(3, "disguise", frame["answer"].astype(float) * 2 - 1)
        planted["target_leaks"].add(("disguise",))
    return frame, planted


def told(findings: Sequence[Finding]) -> dict[str, list[tuple[str, ...]]]:
    """Return what the audit names, by kind: a tuple a fault."""
    found: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for one in findings:
        if one.kind == "missing":
            found["missing"] += [(name, str(one.evidence["column"])) for name in one.where]
        elif one.groups:
            found[one.kind] += list(one.groups)
        else:
            found[one.kind] += [(name,) for name in one.where]
    return found


def score(planted: Planted, before: Sequence[Finding], after: Sequence[Finding]) -> dict[str, Score]:
    """Return the score of each kind; what was found before planting counts for nothing.

    A group of n samples says n - 1 times that one is a copy. What has another planted fault (noise has no right label,
    a dark picture is an outlier) is no false alarm.
    """
    known, found, scores = told(before), told(after), {}
    for kind, truth in planted.items():
        made = Score(planted=len(truth))
        single = kind != "missing" and all(len(one) == 1 for one in truth)
        faulty = {name for other, names in planted.items() if other != kind for one in names for name in one}
        if ": " in kind:  # one sort of a kind: only its recall is known
            made.right = made.found = len(truth & set(found[kind.partition(":")[0]]))
            scores[kind] = made
            continue
        found[kind] = (
            [group for group in found[kind] if group in truth or not faulty & set(group)] if single else found[kind]
        )
        made.named = len(found[kind])
        grouped = any(len(one) > 1 for one in truth) and kind != "missing"
        for group in found[kind]:
            if not grouped:
                hits = sum(group == one for one in truth)
                made.right += hits
                made.found += hits or group not in known[kind]
                continue
            hits = sum(set(one) <= set(group) for one in truth)
            natural = any(len(set(group) & set(old)) > 1 for old in known[kind])
            made.right += hits
            made.found += max(hits, 0 if natural and not hits else len(group) - 1 - natural)
        made.right = min(made.right, made.planted)
        scores[kind] = made
    return scores


def run_images(source: str, train: int, test: int, *, scale: float = 1.0) -> dict[str, Score]:
    with tempfile.TemporaryDirectory() as place:
        folder, pictures = clean_folder(source, train, test)
        folder.write(Path(place) / "before")
        plant_in_folder(folder, pictures, scale=scale)
        folder.write(Path(place) / "after")
        runs = [audit(Recipe.model_validate({"data": str(Path(place) / one)})) for one in ("before", "after")]
    return score(folder.planted, runs[0].findings, runs[1].findings)


def run_table(name: str) -> dict[str, Score]:
    with tempfile.TemporaryDirectory() as place:
        frame = table(name)
        faulty, planted = plant_in_table(frame)
        runs = []
        for stem, one in (("before", frame), ("after", faulty)):
            path = Path(place) / f"{stem}.csv"
            one.to_csv(path, index=False)
            runs.append(audit(Recipe.model_validate({"data": {"source": str(path), "target": "answer"}})))
    return score(planted, runs[0].findings, runs[1].findings)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    parser.add_argument("--only", help="data sets, separated by commas")
    options = parser.parse_args()
    wanted = options.only.split(",") if options.only else [*IMAGES, *TABLES]
    results: dict[str, dict[str, Score]] = {}
    for name in wanted:
        results[name] = run_images(name, *IMAGES[name]) if name in IMAGES else run_table(name)
    print("| fault | " + " | ".join(results) + " |")
    print("|---|" + "---|" * len(results))
    for kind in dict.fromkeys(kind for scores in results.values() for kind in scores):
        cells = []
        for scores in results.values():
            one = scores.get(kind)
            precision = "-" if ": " in kind or one is None else f"{one.precision:.2f}"
            cells.append(f"{precision} / {one.recall:.2f} ({one.planted})" if one is not None else "-")
        print(f"| {kind.replace('_', ' ')} | " + " | ".join(cells) + " |")
    for kind in ("label_errors", "outliers"):
        chosen = {name: scores[kind] for name, scores in results.items() if kind in scores}
        cells = [f"{name} {one.strict:.2f} of {one.named}" for name, one in chosen.items()]
        print(f"\n{kind.replace('_', ' ')}, precision of all that is named: {', '.join(cells)}")
    if options.json is not None:
        values: dict[str, Any] = {
            name: {kind: vars(one) for kind, one in scores.items()} for name, scores in results.items()
        }
        options.json.write_text(json.dumps(values, indent=2))


if __name__ == "__main__":
    main()
