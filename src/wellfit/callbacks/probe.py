"""A loss that can be compared: a torch module on fixed samples, in evaluation mode, without a trace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from wellfit.callbacks.undisturbed import undisturbed
from wellfit.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn

Loss = Callable[[Any, Any], "Tensor"]
BATCHES = "a list of batches or a DataLoader; (inputs, targets), or mappings with labels"


def check_batches(batches: object, name: str = "batches") -> None:
    """Refuse what can be gone through only once.

    Raises
    ------
    InputError
        It is a generator, or nothing that can be gone through.

    """
    if not isinstance(batches, Iterable) or isinstance(batches, str | Mapping):
        raise InputError(name, f"received {type(batches).__name__}", BATCHES)
    if isinstance(batches, Iterator):
        raise InputError(name, f"received {type(batches).__name__}, which is used up after one pass", BATCHES)


def evaluate(
    model: nn.Module, loss: Loss | None, batches: Iterable[Any], name: str = "batches"
) -> tuple[float, float | None]:
    """Return mean loss and, for class targets, accuracy of a model over batches, as validation would measure them.

    ``sum_b n_b loss_b / sum_b n_b`` over batches ``b`` of ``n_b`` samples, in evaluation mode and without gradients.
    Modes of all modules and the random numbers of Python, NumPy and torch are put back: training goes on as if nothing
    had been measured.

    Parameters
    ----------
    model
        Called with the inputs of a batch, on the device of its first parameter.
    loss
        ``(output, targets) -> mean loss``. May be ``None`` where batches are mappings and the model returns its loss.
    batches
        ``(inputs, ..., targets)``, or mappings with ``labels``. Gone through once per call.
    name
        What they are called in errors.

    Raises
    ------
    InputError
        No module, no batches, batches of another form, or a loss that sums over the batch.

    """
    import torch
    from torch import nn

    if not isinstance(model, nn.Module):
        raise InputError("model", f"received {type(model).__name__}", "a torch.nn.Module")
    if getattr(loss, "reduction", "mean") == "sum":
        raise InputError("loss", "sums over the batch (reduction='sum')", "the mean, reduction='mean'")
    check_batches(batches, name)
    device = next((each.device for each in model.parameters()), torch.device("cpu"))
    total, samples, right, judged = 0.0, 0, 0, 0
    with undisturbed(device), _evaluating(model), torch.no_grad():
        for batch in batches:
            value, output, target = _of_batch(model, loss, _moved(batch, device), name)
            n = len(target)
            total, samples = total + n * float(value.detach().float().mean()), samples + n
            hits = _hits(output, target)
            if hits is not None:
                right, judged = right + int(hits.sum()), judged + hits.numel()
    if not samples:
        raise InputError(name, "hold no samples", BATCHES)
    return total / samples, right / judged if judged else None


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Hold a model in evaluation mode; every module gets its own mode back."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        yield
    finally:
        for module, training in modes:
            module.training = training


def _of_batch(model: nn.Module, loss: Loss | None, batch: Any, name: str) -> tuple[Tensor, Any, Any]:
    """Return loss, output and targets."""
    if isinstance(batch, Mapping):
        target = batch.get("labels")
        if target is None:
            raise InputError(name, f"a batch with {', '.join(map(repr, batch))}", "one with 'labels'")
        answer = model(**batch)
        output = getattr(answer, "logits", answer)
        own = getattr(answer, "loss", None)
        if loss is None and own is None:
            raise InputError("loss", "was not given, and the model returns none", "(output, targets) -> mean loss")
        value: Any = own if loss is None else loss(output, target)
        return value, output, target
    if not isinstance(batch, Sequence) or isinstance(batch, str) or len(batch) < 2:
        raise InputError(name, f"a batch is {type(batch).__name__}", BATCHES)
    if loss is None:
        raise InputError("loss", "was not given", "(output, targets) -> mean loss")
    *inputs, target = batch
    output = model(*inputs)
    return loss(output, target), output, target


def _moved(value: Any, device: Any) -> Any:
    if hasattr(value, "to"):
        return value.to(device)
    if isinstance(value, Mapping):
        return {key: _moved(each, device) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_moved(each, device) for each in value]
    return value


def _hits(output: Any, target: Any) -> Any:
    """Return which classes are right; ``None`` if it is no classification. Targets below 0 are to be ignored."""
    import torch

    if not (isinstance(output, torch.Tensor) and isinstance(target, torch.Tensor)):
        return None
    if target.is_floating_point() or target.is_complex() or output.ndim != target.ndim + 1 or output.ndim < 2:
        return None
    if output.shape[:1] + output.shape[2:] != target.shape or (output.ndim > 2 and output.shape[1] == 1):
        return None
    return (output.argmax(1) == target)[target >= 0]
