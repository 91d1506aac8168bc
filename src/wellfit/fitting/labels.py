"""Wrong labels: how many there seem to be, and a plan against them, made without the sealed test set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from wellfit.atomic import write_atomic
from wellfit.data.audit import read_subject
from wellfit.data.audit.judge import judge_labels
from wellfit.data.clean import propose
from wellfit.errors import WellfitError
from wellfit.fitting.journal import Decision
from wellfit.fitting.session import Session

PLAN = "plan.yaml"
SHARE = 0.1
"""Part of the budget that the look at the labels may take."""
SECONDS, SQUARED = 3.0, 2e-6
"""What it is taken to need: seconds, and seconds a sample squared (kernel ridge regression; 1,438 images of digits took
4 s on one core)."""
DOUBTED = 0.02
"""Share of wrong labels from which a plan is written."""


def look_at_labels(session: Session) -> Decision:
    """Return the estimated share of wrong labels, ``label_noise``, and the path of a ``plan``; both may be ``None``.

    The labels are judged by models that have not seen the sample (``wellfit data``). The samples of the test set, given
    or drawn, are left out of it. Nothing is done for a regression, for data that is limited or has a plan already, and
    where it would take too much of the budget. The plan changes train samples alone (``data.clean``).
    """
    unknown: Decision = {"label_noise": None, "plan": None}
    spec = session.bench.spec.recipe.data
    dataset = next(iter(session.bench.replicates.values())).dataset
    needed = SECONDS + SQUARED * len(dataset) ** 2
    if dataset.task != "classification" or spec.limit is not None or spec.clean is not None:
        return unknown
    if needed > SHARE * session.clock.budget:
        return unknown
    session.say("looks for wrong labels")
    try:
        subject = read_subject(spec)
        rest = replace(subject, train=np.setdiff1d(subject.train, subject.test), test_is_given=True)
        findings, noise = judge_labels(rest)
        plan = propose(rest, findings)
    except WellfitError:  # what the audit cannot read, training may
        return unknown
    share = None if noise is None else noise.share
    if share is None or share < DOUBTED or not plan.actions:
        return {"label_noise": share, "plan": None}
    path = session.folder.path.resolve() / PLAN  # found from elsewhere too
    write_atomic(path, plan.to_yaml())
    return {"label_noise": share, "plan": str(path)}
