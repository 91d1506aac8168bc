"""Labelled curves: networks that were really trained, spoilt on purpose, and the truth about each.

    WELLFIT_DATA=/data python -m benchmarks.labelled           # builds curves.json.gz anew and prints what is in it
    WELLFIT_DATA=/data python -m benchmarks.labelled --final   # the same for final.json.gz

What a benchmark of the diagnosis needs, and why it is built this way:

*Runs* (``cases``). A family is a data set with a number of train samples: digits, Fashion-MNIST, MNIST, CIFAR-10,
breast cancer, electricity load (sequences), and two that are made (Hastie's ten-dimensional sphere, Friedman's
regression). On it networks are trained by wellfit's own engine: linear, MLPs that are too small, right and broad, tanh,
deep sigmoids, CNNs, a GRU. Causes are planted: too few samples, too small or too deep a network, learning rates from
1/30 to 40 times the usual, wrong labels (in all parts, or in train alone), 24 validation samples, a validation set half
copied from train, too few epochs, too much weight decay, dropout in the train loss that is shown, units that start dead
or saturated, starts that explode; and as controls what is regularized or ended in time.

*Truth* (``truth``, ``findings``). It never comes from the validation curve that a diagnosis sees, but from up to 1,500
further samples, from training three times as long, and from all other trainings on the same train samples. The rules
are in the docstring of ``truth``; where two of them nearly tie the run stays in the file with ``clear: false``.

*Halves.* Seeds of the ``tuning`` half draw all their samples from one half of the data, those of ``held out`` from the
other; breast cancer and electricity load are too small for that and are in one half alone. No data set, network and
seed is in both.

*The final part* is drawn anew, for rules that were set with both halves in sight: other seeds; of Fashion-MNIST, MNIST
and Friedman's regression samples that no half has. Digits, breast cancer and electricity load have no others: theirs
are parted anew into train, validation and oracle.

*One training, several runs.* The learning rate is constant, so a training that is cut off is the shorter training
itself. A training may be shown cut at two places, at least 20 % of the family's epochs apart: as planned, and, where
there is such a place, where it was best ended (a healthy control). So runs of one seed are not independent of each
other: intervals belong to seeds and data sets, not to runs.

*The file.* ``{"made": {...}, "runs": [...]}``; a run has ``id`` (family/network/arm/seed/epochs/validation set),
``data``, ``network``, ``cause``, ``half``, ``seed``, ``validation`` (the number of samples), ``curves`` (null where a
number was not finite), ``chance_loss`` (of answering the train frequencies, or the mean, on further samples),
``reference`` (the best that the trend of any run of its family and seed reaches on the validation set that is shown),
``measured``, ``regularizers``, ``restored``, ``verdict``, ``clear``, ``findings`` (true or false; absent where the
construction does not decide) and ``oracle`` (what the truth was read from; ``shift``: how far the validation set that
is shown lies off the further samples at the end, as a share of what can be won).

Tiny or leaking validation sets that are off by more than 5 % of what can be won are not ``clear``: their curves
contradict the truth, which no diagnosis of curves can know.
"""
