"""The table of remedies for the further findings; ``remedies.py`` has those that a verdict rests on."""

from __future__ import annotations

from wellfit.diagnosis.remedies import FITS, Entry, entry

RECOMMENDATIONS = "Bengio 2012, Practical recommendations, section 3.1.1"
TEXTBOOK = "Goodfellow et al. 2016"

FURTHER: tuple[Entry, ...] = (
    entry(
        "plateau",
        "schedule",
        "change",
        "A learning rate that goes down lets the loss settle below the level where steps of one size keep it.",
        "Loshchilov & Hutter 2017",
    ),
    entry(
        "plateau",
        "init",
        "change",
        "A start at which signals neither fade nor grow leaves the first plateau sooner.",
        "He et al. 2015",
    ),
    entry(
        "lr_too_high",
        "optimizer.lr",
        "lower",
        "Steps that overshoot make the loss jump: try a third, then a tenth.",
        RECOMMENDATIONS,
        against=("lr_too_low",),
    ),
    entry("lr_too_high", "clip_norm", "add", "Caps the rare huge gradient behind a spike.", "Pascanu et al. 2013"),
    entry(
        "lr_too_high",
        "batch_size",
        "raise",
        "Larger batches average the gradient's noise, with much the effect of a smaller rate.",
        "Smith et al. 2018",
    ),
    entry(
        "lr_too_low",
        "optimizer.lr",
        "raise",
        "A smooth, straight curve has room for larger steps: try three times as much, then ten.",
        RECOMMENDATIONS,
        against=("lr_too_high", "divergence"),
    ),
    entry(
        "validation_better",
        "audit",
        "change",
        "Copies of validation samples in the train set make validation too good: search for them (wellfit data audit).",
        "Kaufman et al. 2012",
    ),
    entry(
        "validation_better",
        "train_probe",
        "change",
        "Measure the train loss in evaluation mode on fixed samples: then the two curves compare.",
        f"{TEXTBOOK}, section 5.2",
    ),
    entry(
        "validation_better",
        "data.split.validation",
        "raise",
        "A larger validation set is less easily an easy one.",
        f"{TEXTBOOK}, section 5.3",
    ),
    entry(
        "overconfidence",
        "label_smoothing",
        "add",
        "Targets a little below 1 take away what is won by growing ever surer.",
        "Müller et al. 2019",
        against=("underfitting",),
    ),
    entry(
        "overconfidence",
        "temperature",
        "change",
        "One number, fitted on validation, divides the logits: probabilities become honest, answers stay.",
        "Guo et al. 2017",
    ),
    entry(
        "overconfidence",
        "early_stopping",
        "add",
        "Stopping at the best validation loss gives the weights from before; by accuracy there is nothing to stop for.",
        "Prechelt 1998",
    ),
    entry(
        "missed_early_stopping",
        "early_stopping",
        "add",
        "Keeps the weights of the best epoch and saves the time after it.",
        "Prechelt 1998",
    ),
    entry(
        "label_noise",
        "clean",
        "change",
        "Look at the samples that trained networks contradict, and correct or remove them (wellfit data audit).",
        "Northcutt et al. 2021",
    ),
    entry("label_noise", "early_stopping", "add", "Wrong labels are learned last.", "Arpit et al. 2017"),
    entry(
        "label_noise",
        "label_smoothing",
        "add",
        "Targets that allow for a wrong label pull less towards it.",
        "Lukasik et al. 2020",
        FITS,
        against=("underfitting",),
    ),
    entry("dead_units", "optimizer.lr", "lower", "A step too large pushes units below zero for good.", RECOMMENDATIONS),
    entry(
        "dead_units",
        "model.activation",
        "change",
        "A leaky ReLU, ELU or GELU passes a gradient below zero as well, so that a unit can come back.",
        "Maas et al. 2013",
    ),
    entry("dead_units", "init", "change", "He's initialization keeps the variance through ReLUs.", "He et al. 2015"),
    entry(
        "saturation",
        "init",
        "change",
        "Smaller initial weights keep tanh and sigmoid in the middle of their range.",
        "Glorot & Bengio 2010",
    ),
    entry(
        "saturation",
        "data.scale",
        "change",
        "Inputs of standard deviation 1 do not drive the first layer into its ends.",
        "LeCun et al. 1998, Efficient BackProp, section 4.3",
    ),
    entry("saturation", "model.activation", "change", "A ReLU does not saturate above zero.", "Glorot et al. 2011"),
    entry(
        "vanishing_gradients",
        "model.norm",
        "add",
        "Normalization keeps each layer's signal, and with it the gradient, at one scale.",
        "Ioffe & Szegedy 2015",
    ),
    entry("vanishing_gradients", "init", "change", "An initialization that fits the activation.", "He et al. 2015"),
    entry("exploding_gradients", "clip_norm", "add", "Caps the gradient, keeps its direction.", "Pascanu et al. 2013"),
    entry("exploding_gradients", "optimizer.lr", "lower", "Smaller steps stay off the cliffs.", "Pascanu et al. 2013"),
)
"""By finding, best first."""
