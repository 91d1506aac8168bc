"""What a run's curves say: features, findings, a verdict, and the remedies that the evidence calls for. No torch."""

from wellfit.diagnose.arm import diagnose_arm
from wellfit.diagnose.chance import class_frequency_loss
from wellfit.diagnose.features import Features, measure, reference_loss
from wellfit.diagnose.findings import Finding, FindingName
from wellfit.diagnose.prescribe import prescribe
from wellfit.diagnose.remedies import Remedy
from wellfit.diagnose.verdict import Confidence, Diagnosis, Verdict, diagnose

__all__ = [
    "Confidence",
    "Diagnosis",
    "Features",
    "Finding",
    "FindingName",
    "Remedy",
    "Verdict",
    "class_frequency_loss",
    "diagnose",
    "diagnose_arm",
    "measure",
    "prescribe",
    "reference_loss",
]
