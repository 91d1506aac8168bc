"""Audit: what is wrong with a data set, one kind of fault a file, every finding with its samples and what to do."""

from wellfit.data.audit.finding import Finding, Severity
from wellfit.data.audit.read import read_subject
from wellfit.data.audit.subject import Subject

__all__ = ["Finding", "Severity", "Subject", "read_subject"]
