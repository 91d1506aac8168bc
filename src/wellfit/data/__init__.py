"""Data: sources to samples in memory, their split, their scaling, their batches."""

from wellfit.data.batches import batches, epoch_order, gather
from wellfit.data.column import Column
from wellfit.data.dataset import VOID, Dataset, Kind, Split, Task
from wellfit.data.encode import Encoder
from wellfit.data.inputs import read_inputs
from wellfit.data.named import NAMES, data_places, if_missing
from wellfit.data.per_image import PerImage
from wellfit.data.preparation import fit_encoder, fit_scaler, scaler_from
from wellfit.data.prepare import Scaler, fit_targets, to_unit
from wellfit.data.sources import load
from wellfit.data.split import split

__all__ = [
    "NAMES",
    "VOID",
    "Column",
    "Dataset",
    "Encoder",
    "Kind",
    "PerImage",
    "Scaler",
    "Split",
    "Task",
    "batches",
    "data_places",
    "epoch_order",
    "fit_encoder",
    "fit_scaler",
    "fit_targets",
    "gather",
    "if_missing",
    "load",
    "read_inputs",
    "scaler_from",
    "split",
    "to_unit",
]
