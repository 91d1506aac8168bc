"""When a remedy does harm: a clause for each change. A method's card begins its "Does harm when" with the same one."""

from __future__ import annotations

from collections.abc import Mapping

METHODS: Mapping[str, str] = {
    "brightness": "the brightness itself carries the answer, as in measurements, or images are dark or white already.",
    "clip_norm": "the limit lies below the usual norm of the gradient: every step is cut, and training slows down.",
    "dropout": (
        "the network underfits or is small, and before batch norm, whose running variance is then that of training "
        "(Li et al. 2019)."
    ),
    "early_stopping": (
        "validation is noisy or small, so that the patience ends by chance; or the loss falls again after a plateau or "
        "a second descent (Nakkiran et al. 2020)."
    ),
    "elastic_net": "the network underfits, or many weak inputs count together: its L1 part draws them to zero.",
    "ema": "the training is not much longer than 1 / (1 - decay) steps: the average lags behind the weights.",
    "gaussian_noise": "the noise is as large as the differences that tell the answers apart.",
    "horizontal_flip": "left and right matter: digits, letters, traffic signs, organs; then it makes wrong labels.",
    "l1": (
        "inputs are correlated, of which it keeps one by chance (Zou & Hastie 2005), or all weights matter a little, "
        "as in a network that underfits."
    ),
    "l2": "the network underfits, or few weights have to be large: it shrinks what is needed along with the rest.",
    "label_smoothing": (
        "the network is to be distilled (Müller et al. 2019), or probabilities are needed as they are and the network "
        "is not overconfident."
    ),
    "max_norm": "the limit lies below what units need, as in a network that underfits or whose logits have to grow.",
    "mixup": (
        "what lies between two samples has another class than theirs (Guo et al. 2019), as in small tables; or the "
        "network underfits."
    ),
    "rotation": "the angle carries the answer, as of 6 and 9, of arrows and maps; or it is large for things upright.",
    "spatial_dropout": "the network has few channels, or underfits: whole features are missing.",
    "time_masking": "the answer hangs on one short event, which it may blank out.",
    "time_shift": "the moment itself is the answer, or an event at the edge is pushed out of the sequence.",
    "translation": "the place carries the answer, or things at the border are pushed out of the picture.",
    "weight_decay": "the network underfits; or lr times strength times steps is large: weights fade before they learn.",
    "pretrained": (
        "the weights come from data that have little in common with these: the start is then worse than a random one "
        "(Wang et al. 2019, negative transfer)."
    ),
    "random_erasing": "things are small or decided by a detail that it may cover.",
    "batch_norm": (
        "batches have fewer than 8 samples, or are no random draw: mean and variance are noise there (Wu & He 2018)."
    ),
}
"""Name of a card -> when it does harm."""

CHANGES: Mapping[str | tuple[str, str], str] = {
    "audit": "samples that are only alike are taken for copies: without them the set is biased.",
    "augmentation": (
        "a variation changes the answer: flips and large rotations of digits and letters, shifts where the place "
        "counts; or the network underfits."
    ),
    "batch_size": (
        "the epochs are few: with fewer steps in each, training may not arrive; large batches also generalize a "
        "little worse (Keskar et al. 2017)."
    ),
    "clean": "what is removed was rare but right: small groups and hard cases look like errors to a trained network.",
    "class_weights": (
        "probabilities are needed as they are: they are tilted towards rare classes; wrong labels of a rare class "
        "count many times."
    ),
    "data.scale": "differences of scale between features carry meaning, as of pixels or counts in one unit.",
    "data.split.validation": "data are few: each sample that validates is missing in training.",
    "epochs": "the network overfits: the longer it trains, the more of the noise it learns; and it costs the time.",
    "focal": "labels are wrong: the hard samples it turns to are then the wrong ones; probabilities are tilted.",
    "init": "the draw does not fit the activation: He's is too large for tanh, Xavier's too small for ReLU.",
    "larger_network": "data are few: it can learn them by heart; and it costs time and memory.",
    "model.activation": "learning rate and init stay as they were: both are tuned to the old activation.",
    "model.norm": METHODS["batch_norm"],
    "more_data": "new samples come from elsewhere, or are labelled worse than those at hand.",
    "optimizer": (
        "plain SGD had arrived: adaptive steps can end at weights that generalize worse (Wilson et al. 2017)."
    ),
    ("optimizer.lr", "lower"): "the rate was right: training takes longer, and may not arrive in its epochs.",
    ("optimizer.lr", "raise"): "the rate is near the stable limit: the loss jumps or diverges.",
    (
        "optimizer.lr",
        "change",
    ): "only one run can be paid for: one of the two directions diverges, or learns still less.",
    "optimizer.momentum": "the rate is near the stable limit: momentum 0.9 makes steps ten times as long.",
    ("regularizers", "lower"): "the network overfits as soon as it fits: regularization was what held it.",
    "restore": "validation is small: the best epoch is then the luckiest one.",
    "schedule": "the rate falls before the network has learned, in short trainings or where it was small already.",
    "smaller_network": (
        "the network is not what overfits: a small one can miss the pattern, where a large one with regularization "
        "does better (Nakkiran et al. 2020)."
    ),
    "temperature": "validation is small, or later data differ from it: the temperature is then that of another set.",
    "train_probe": "evaluations take long: each epoch waits for one more; a small probe does.",
    "transfer": METHODS["pretrained"],
}
"""Change, or (change, step), of a remedy that is no method of one name -> when it does harm."""


def harm(change: str, step: str) -> str:
    """Return when a change does harm, as a sentence.

    Raises
    ------
    KeyError
        Nothing is known of it: a gap in the tables.

    """
    if change in METHODS:
        return sentence(METHODS[change])
    return sentence(CHANGES[change if change in CHANGES else (change, step)])


def sentence(clause: str) -> str:
    """Return a clause of the tables as a sentence."""
    return f"Does harm when {clause}"
