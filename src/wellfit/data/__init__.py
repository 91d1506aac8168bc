"""Data: sources to samples in memory, their split, their scaling, their batches."""

from wellfit.data.batches import batches, epoch_order, gather
from wellfit.data.dataset import Dataset, Kind, Split, Task
from wellfit.data.inputs import read_inputs
from wellfit.data.named import NAMES, data_places
from wellfit.data.prepare import Scaler, fit_targets, to_unit
from wellfit.data.sources import load
from wellfit.data.split import split

__all__ = [
    "NAMES",
    "Dataset",
    "Kind",
    "Scaler",
    "Split",
    "Task",
    "batches",
    "data_places",
    "epoch_order",
    "fit_targets",
    "gather",
    "load",
    "read_inputs",
    "split",
    "to_unit",
]
