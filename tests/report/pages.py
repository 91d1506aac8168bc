"""Pages to test: a usual study, and the odd ones."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np

from tests.report.fit_sample import fit_study, remedy, usual_fit
from tests.report.layers import equal, fine, layer, measured, vanishing
from tests.report.sample import arm_names, make_result, make_run, make_study, make_weights, untested
from wellfit.report import render

EVIL = "<img src=x onerror=alert(1)></script><a href='http://evil.example'>x</a> %{x} &lt; $x$ <!-- + '\""


def usual() -> str:
    """Return the report of the factorial of eight arms and five seeds, with activations and advice."""
    result, runs, weights = make_study()
    blocks = {"plain": vanishing(), "l2": equal()}
    for arm in result["arms"]:
        arm["activations"] = blocks.get(arm["name"], fine())
    result["advice"] = [{"words": "l2 does little inside adam", "arms": ["l2", "dropout+l2"]}]
    return render(result, runs, weights)


def odd() -> str:
    """Return a report with diverged, stopped and longer arms, broken weights, and names that try to break out."""
    runs = [make_run(seed=seed) for seed in range(3)]
    longer = ("dropout", "l2")
    runs += [make_run("long", seed, chosen=longer, epochs=60 - 9 * seed, status="stopped") for seed in range(3)]
    runs += [make_run("hot", seed, diverges_at=5 + seed) for seed in range(2)] + [make_run("hot", 2)]
    runs += [make_run("dead", seed, diverges_at=1) for seed in range(3)]
    runs += [make_run(EVIL, seed, chosen=("augmentation",)) for seed in range(3)]
    result = make_result(runs, metric="val_accuracy")
    result["name"], result["best"] = EVIL, None
    result["data"]["classes"] = [EVIL, "b"]
    result["arms"][0]["words"] = EVIL
    broken = [layer(EVIL, kind=EVIL, signal=None, dead=None), layer(signal=1e-30, saturated=0.9)] * 20
    result["arms"][0]["activations"] = measured([layer(signal=1.0 + i) for i in range(4)], [layer()] * 4)
    result["arms"][-1]["activations"] = measured(broken)
    result["advice"] = [{"words": EVIL, "arms": [EVIL, "hot"]}, {"words": "x" * 300, "arms": ["long"]}]
    weights = make_weights(("plain", EVIL, "hot"))
    weights["hot"]["layers.0.weight"][:] = np.nan
    return render(result, runs, weights)


def single_regression() -> str:
    """Return the report of one arm, one seed, without accuracy, interrupted before the test."""
    runs = untested([make_run(accuracy=False)])
    return render(make_result(runs, status="interrupted"), runs, None)


def one_seed() -> str:
    """Return the report of four arms with one seed: no intervals anywhere."""
    runs = [make_run(name, chosen=chosen) for name, chosen in arm_names(("dropout", "l2")).items()]
    return render(make_result(runs), runs, None)


def nothing_yet() -> str:
    """Return the report of a study that was interrupted before its first run ended."""
    arms = [{"name": "plain", "status": [], "val_loss": None}, {"name": "l2", "val_loss": None}]
    result = {"name": "s", "metric": "val_loss", "control": "plain", "status": "interrupted", "arms": arms}
    return render({**result, "seeds": [0, 1]}, [], None)


def fitted() -> str:
    """Return the report of a fit with every outcome, and a remedy whose every text tries to break out."""
    block = usual_fit()
    evil = remedy(EVIL, "INCONCLUSIVE", 0.002, finding=EVIL, reason=EVIL, source=EVIL, harm=EVIL, verdict_after=EVIL)
    evil["left"] = {"look": 1, "why": EVIL}
    block["rounds"][0]["remedies"].append(evil)
    block["rounds"][0] |= {"words": EVIL, "verdict": EVIL, "skipped": [{"name": EVIL, "why": EVIL}]}
    block["rounds"][0]["risks"] = [{"name": EVIL, "words": EVIL}]
    block |= {"words": EVIL, "ended": EVIL, "advice": [{"change": EVIL, "reason": EVIL, "source": EVIL}]}
    result, runs = fit_study(block)
    return render(result, runs, None)


class Elements(HTMLParser):
    """The elements of a page: (tag, attributes), and the text of scripts by their order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[str] = []
        self._in_script = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self._in_script = tag == "script"
        if self._in_script:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts[-1] += data
