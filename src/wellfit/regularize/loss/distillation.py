"""Distillation terms: learn from a teacher's answers beside the targets.

Only what such a term must answer, and the classic one as a pure function; methods with teachers are built on these.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from torch import Tensor

from wellfit.regularize.stages import Method, Numbers, Stage


def soft_target_loss(z: Tensor, teacher: Tensor, temperature: Tensor) -> Tensor:
    """Return how far the student's softened answers are from the teacher's, for each sample, in nats.

    Formula: T^2 KL(softmax(teacher / T) || softmax(z / T)); its gradient by z is T (softmax(z / T) - softmax(teacher /
    T)), and for large T it comes to be (z - teacher) / K, with both logits centered. T^2 keeps the gradient's size
    beside the data loss as T changes.

    Parameters
    ----------
    z, teacher
        Logits of student and teacher (..., B, K).
    temperature
        T > 0: (..., 1), or any shape that broadcasts against (..., B). At 1 the answers are not softened.

    Source: Hinton, Vinyals & Dean 2015, "Distilling the knowledge in a neural network", section 2, equations 1 to 4.

    """
    t = temperature.unsqueeze(-1)  # (..., 1, 1)
    student, goal = (z / t).log_softmax(-1), (teacher / t).log_softmax(-1)
    return temperature.square() * (goal.exp() * (goal - student)).sum(-1)


class TeacherTerm(Method):
    """Stage 3: a term added to the loss that compares the network's answers with a teacher's; autograd finds its
    gradient.
    """

    stage: ClassVar[Stage] = "loss"

    @staticmethod
    @abstractmethod
    def value(z: Tensor, teacher: Tensor, y: Tensor, numbers: Numbers) -> Tensor:
        """Return the term of each sample (..., B).

        ``z`` and ``teacher`` are the answers (..., B, K) to the same batch, the teacher's without gradient; ``y`` the
        targets as the loss gets them; numbers are (..., 1).
        """
