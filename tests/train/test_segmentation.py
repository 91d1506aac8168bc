"""Segmentation: losses, counts and moved masks against PyTorch, scikit-learn and pixels moved by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import accuracy_score, jaccard_score
from torch import Tensor

from tests.support import member, replicates, same_bits, tiny_masks, train
from wellfit.data import VOID
from wellfit.recipe.loss import LossSpec, whole_loss
from wellfit.regularize.batch.augment import augment, augment_masks
from wellfit.regularize.catalogue import CATALOGUE
from wellfit.regularize.stages import Augmentation, Displacement, Warp
from wellfit.train.feed import Feed
from wellfit.train.losses import make_loss
from wellfit.train.metrics import Counts

UNET = {"kind": "unet", "channels": [4, 6]}
WEIGHTS = (0.2, 3.0, 1.0)


def spec(value: Any) -> LossSpec:
    return member(loss=whole_loss(value)).recipe.loss  # type: ignore[return-value]


def answers(batch: int = 4, *, members: int = 2, size: int = 5) -> tuple[Tensor, Tensor]:
    """Answers (P, B, 3, H, W) and masks with void pixels; the last image has nothing else."""
    draw = torch.Generator().manual_seed(3)
    z = torch.randn(members, batch, 3, size, size, generator=draw, dtype=torch.float64)
    y = torch.randint(0, 3, (members, batch, size, size), generator=draw).to(torch.uint8)
    y[torch.rand(y.shape, generator=draw) < 0.2] = VOID
    y[:, -1] = VOID
    return z, y


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy_is_pytorchs_of_each_image(weights: tuple[float, ...] | None, smoothing: float) -> None:
    z, y = answers()
    value = {"kind": "cross_entropy", "smoothing": smoothing, "class_weights": weights}
    ours = make_loss(spec(value), pixels=True)(z, y)
    by_class = None if weights is None else torch.tensor(weights, dtype=z.dtype)
    for p in range(2):
        for i in range(3):
            known = F.cross_entropy(
                z[p, i : i + 1], y[p, i : i + 1].long(), by_class, ignore_index=VOID, label_smoothing=smoothing
            )
            assert torch.isclose(ours[p, i], known, rtol=1e-6, atol=0)
    assert torch.equal(ours[:, -1], torch.zeros(2, dtype=z.dtype))  # nothing of it is judged


LOSSES = ["cross_entropy", "focal", "dice", "binary_cross_entropy", "multiclass_hinge"]


@pytest.mark.parametrize(
    "value", [*LOSSES, {"kind": "focal", "class_weights": WEIGHTS}, {"cross_entropy": 0.5, "dice": 0.5}]
)
def test_a_loss_is_that_of_the_judged_pixels_alone(value: Any) -> None:
    z, y = answers()
    ours, plain = make_loss(spec(value), pixels=True)(z, y), make_loss(spec(value))
    for p in range(2):
        for i in range(3):
            judged = y[p, i] != VOID
            known = plain(z[p, i].movedim(0, -1)[judged], y[p, i][judged].long()).mean()
            assert torch.isclose(ours[p, i], known, rtol=1e-6, atol=0)
    assert torch.equal(ours[:, -1], torch.zeros(2, dtype=z.dtype))


def test_an_image_without_judged_pixels_has_no_gradient_that_is_not_finite() -> None:
    z, y = answers()
    for value in [*LOSSES, {"kind": "cross_entropy", "class_weights": WEIGHTS}]:
        inputs = z.clone().requires_grad_()
        make_loss(spec(value), pixels=True)(inputs, y).sum().backward()  # type: ignore[no-untyped-call]
        assert inputs.grad is not None
        assert inputs.grad.isfinite().all()
        assert not inputs.grad[(y == VOID).unsqueeze(2).expand_as(z)].any()


def test_counts_are_scikit_learns() -> None:
    z, y = answers(batch=6, size=7)
    counts = Counts(2, 3, torch.device("cpu"))
    for part in (slice(0, 4), slice(4, 6)):
        counts.add(z[:, part], y[:, part])
    for p in range(2):
        judged = (y[p] != VOID).numpy()
        true, given = y[p].numpy()[judged], z[p].argmax(1).numpy()[judged]
        assert counts.accuracy[p].item() == pytest.approx(accuracy_score(true, given), abs=1e-12)
        assert counts.iou[p].item() == pytest.approx(jaccard_score(true, given, average="macro"), abs=1e-12)


def test_a_class_that_is_nowhere_is_left_out_of_the_mean() -> None:
    z = torch.tensor([3.0, 0, 0, 0]).view(1, 1, 4, 1, 1).expand(1, 1, 4, 2, 2).clone()
    z[0, 0, 1, 0, 0] = 9
    y = torch.tensor([[[[1, 0], [0, 2]]]], dtype=torch.uint8)
    counts = Counts(1, 4, torch.device("cpu"))
    counts.add(z, y)
    assert counts.iou.item() == pytest.approx((2 / 3 + 1 + 0) / 3)  # class 3 is neither true nor given


GEOMETRY = [name for name, method in CATALOGUE.items() if issubclass(method, Warp | Displacement)]


@pytest.mark.parametrize("name", GEOMETRY)
def test_masks_move_with_their_images(name: str) -> None:
    """Pictures of their own masks: after the augmentation each says at most pixels what the other says."""
    x = torch.zeros(6, 1, 24, 24)
    for i in range(6):
        x[i, 0, 4 + i : 14 + i, 6 : 18 - i] = 1
    masks = (x[:, 0] * 3).to(torch.uint8)
    method = CATALOGUE[name]()
    assert isinstance(method, Augmentation)
    steps = [(method, method.draw(6, (1, 24, 24), torch.Generator().manual_seed(1)))]
    moved, found = augment(x, steps), augment_masks(masks, steps, (1, 24, 24), outside=VOID)
    inside = found != VOID
    assert set(found.flatten().tolist()) <= {0, 3, VOID}
    sure = inside & ((moved[:, 0] < 0.25) | (moved[:, 0] > 0.75))  # not on an edge that was blended
    assert sure.float().mean() > 0.5
    agree = (found == 3) == (moved[:, 0] > 0.5)
    assert float(agree[sure].float().mean()) > 0.99


def test_masks_are_mirrored_and_shifted_exactly() -> None:
    masks = torch.from_numpy(np.random.default_rng(0).integers(0, 4, (5, 7, 9)).astype(np.uint8))
    flip = CATALOGUE["horizontal_flip"].model_validate({"probability": 1.0})
    assert isinstance(flip, Augmentation)
    u = flip.draw(5, (3, 7, 9), torch.Generator().manual_seed(0))
    assert torch.equal(augment_masks(masks, [(flip, u)], (3, 7, 9), outside=VOID), masks.flip(2))
    blur = CATALOGUE["blur"]()
    assert isinstance(blur, Augmentation)
    steps = [(flip, u), (blur, blur.draw(5, (3, 7, 9), torch.Generator().manual_seed(0))), (flip, u)]
    assert torch.equal(augment_masks(masks, steps, (3, 7, 9), outside=VOID), masks)


def test_a_small_unet_learns_squares_and_stripes() -> None:
    data = tiny_masks(120)
    one = member("unet", model=UNET, optimizer={"kind": "adam", "lr": 0.02}, epochs=12, batch_size=8, restore="best")
    record = train([one], data)["unet", 0].record
    last = record.curves[-1]
    assert last.value("val_iou") > 0.8
    assert last.value("val_accuracy") > 0.93
    assert record.value("val_iou") > record.curves[0].value("val_iou")


def test_members_of_a_segmentation_do_not_meet() -> None:
    data = tiny_masks()
    members = [
        member("plain", model=UNET, epochs=2),
        member("flip", model=UNET, epochs=2, regularizers={"horizontal_flip": {}, "rotation": {}}),
        member("l2", model=UNET, epochs=2, regularizers={"l2": {"strength": 0.01}}),
    ]
    together = train(members, data)
    for one in members:
        assert same_bits(train([one], data)[one.key].weights, together[one.key].weights)


def test_an_epoch_sees_the_masks_of_its_images() -> None:
    """Bright squares stay where the masks say they are, in every batch that the engine feeds."""
    data = tiny_masks(void=False)
    one = member("flip", model=UNET, regularizers={"horizontal_flip": {}, "vertical_flip": {}})
    feed = Feed([one], replicates(data, [one]), batch_size=8, device=torch.device("cpu"))
    for batch in feed.epoch(1):
        x, y = batch.x[0, :, 0], batch.y[0]
        assert y.dtype == torch.uint8
        assert float(x[y == 2].mean()) < float(x[y == 0].mean()) < float(x[y == 1].mean())
