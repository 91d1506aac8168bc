"""What a run's curves say: features, findings, a verdict, and the remedies that the evidence calls for. No torch."""

from wellfit.diagnosis.arm import diagnose_arm
from wellfit.diagnosis.candidates import Candidate, advice, candidates
from wellfit.diagnosis.chance import class_frequency_loss
from wellfit.diagnosis.features import Features, measure, reference_loss
from wellfit.diagnosis.finding import Finding, FindingName
from wellfit.diagnosis.prescribe import prescribe
from wellfit.diagnosis.remedy import Remedy
from wellfit.diagnosis.risk import DataFacts, Risk, risks
from wellfit.diagnosis.verdict import Diagnosis, Verdict, judge
from wellfit.diagnosis.whole import diagnose

__all__ = [
    "Candidate",
    "DataFacts",
    "Diagnosis",
    "Features",
    "Finding",
    "FindingName",
    "Remedy",
    "Risk",
    "Verdict",
    "advice",
    "candidates",
    "class_frequency_loss",
    "diagnose",
    "diagnose_arm",
    "judge",
    "measure",
    "prescribe",
    "reference_loss",
    "risks",
]
