"""Logs of other trainers, found by their content and read into one form.

``read_logs(path)``  every run in a file or folder
``LogRun``           one of them: source, format, curves, the keys that were matched, remarks
``Curves``           its series on one axis
``Remark``           what limits the conclusions
"""

from wellfit.diagnosis.readers.log_run import Curves, Format, LogRun, Remark, RemarkName, SeriesName
from wellfit.diagnosis.readers.read import read_logs

__all__ = ["Curves", "Format", "LogRun", "Remark", "RemarkName", "SeriesName", "read_logs"]
