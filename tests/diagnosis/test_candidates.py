"""Every dose of every line is a valid change of every kind of recipe, and no two candidates contradict."""

from __future__ import annotations

import itertools
import random
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, get_args

import pytest

from tests.diagnosis.curves import CHANCE, drawn
from wellfit.diagnosis import Diagnosis, Finding, diagnose
from wellfit.diagnosis.candidates import Candidate, advice, candidates
from wellfit.diagnosis.doses import DOSES, NO_RECIPE, Case, doses
from wellfit.diagnosis.doses.strengths import STRENGTHS, in_use
from wellfit.diagnosis.finding import FindingName
from wellfit.diagnosis.prescribe import LINES, prescribe
from wellfit.diagnosis.remedy import Remedy
from wellfit.diagnosis.risk import DataFacts
from wellfit.models import build
from wellfit.recipe import Recipe, StudySpec, apply_patch, validate
from wellfit.recipe.loss import SumSpec
from wellfit.regularize.catalogue import CATALOGUE, check
from wellfit.regularize.stages import Augmentation, Mix, TargetRule
from wellfit.study.design import recipe_hash
from wellfit.study.prepare import design
from wellfit.train.losses import suits

FINDINGS: tuple[FindingName, ...] = get_args(FindingName)
FACTS = DataFacts(
    kind="image", task="classification", train=1000, validation=100, classes=3, smallest_class=20, features=144
)
VECTORS = DataFacts(kind="vector", task="classification", train=300, validation=900, classes=2, features=400)
SEQUENCES = DataFacts(kind="sequence", task="classification", train=6000, classes=3, plan="p.yaml", pretrained="w")
NUMBERS = DataFacts(kind="vector", task="regression", train=300, classes=0, label_noise=0.2, plan="plan.yaml")
MASKS = DataFacts(kind="image", task="segmentation", train=40, classes=3, smallest_class=3)
SHAPES = {"image": (1, 12, 12), "vector": (5,), "sequence": (8, 3)}
ALL_ON: dict[str, Any] = {
    name: {} for name in STRENGTHS if name not in ("ema", "l1_late") and CATALOGUE[name].stage != "batch"
}


def recipe(**fields: Any) -> Recipe:
    """A whole recipe: as a study resolves it."""
    plain = {"data": "tiny", "model": {"kind": "mlp"}, "loss": "cross_entropy", "epochs": 30, **fields}
    made = validate(Recipe, plain)
    whole = {name: dict(check(name, given)) for name, given in made.regularizers.items()}
    return made.model_copy(update={"regularizers": whole})


CASES: Mapping[str, tuple[Recipe, DataFacts]] = {
    "mlp": (recipe(model={"kind": "mlp", "hidden": [32, 16]}), VECTORS),
    "mlp of images": (recipe(data={"source": "digits", "scale": "none"}), FACTS),
    "linear": (recipe(model={"kind": "mlp", "hidden": []}), VECTORS),
    "narrow tanh": (recipe(model={"kind": "mlp", "hidden": [4], "activation": "tanh"}, restore="last"), VECTORS),
    "grouped": (recipe(model={"kind": "mlp", "hidden": [32], "norm": {"kind": "group", "groups": 8}}), VECTORS),
    "all on": (recipe(regularizers=ALL_ON, optimizer={"kind": "adamw"}), VECTORS),
    "augmented": (
        recipe(regularizers={"translation": {}, "rotation": {}, "horizontal_flip": {}, "mixup": {}, "dropout": {}}),
        FACTS,
    ),
    "cnn": (recipe(model={"kind": "cnn", "channels": [8, 16]}, batch_size=8), FACTS),
    "cnn of a size": (
        recipe(data={"source": "x", "size": [12, 12]}, model={"kind": "cnn", "channels": [8], "norm": "batch"}),
        FACTS,
    ),
    "rnn": (recipe(model={"kind": "rnn"}, optimizer={"kind": "sgd", "lr": 0.1}), SEQUENCES),
    "normalized rnn": (recipe(model={"kind": "rnn", "norm": "layer"}, optimizer={"kind": "lion"}), SEQUENCES),
    "smoothed": (recipe(loss={"kind": "cross_entropy", "smoothing": 0.1}, measure="cross_entropy"), VECTORS),
    "hinge": (recipe(loss="multiclass_hinge"), VECTORS),
    "focal": (recipe(loss={"kind": "focal", "class_weights": [1.0, 2.0]}), VECTORS),
    "sum": (recipe(loss={"cross_entropy": 0.7, "dice": 0.3}), VECTORS),
    "numbers": (recipe(loss="mse", schedule={"kind": "step"}, data={"source": "x", "clean": "plan.yaml"}), NUMBERS),
    "kept": (recipe(loss="huber", data={"source": "x", "clean": {"plan": "q", "do": "keep"}}), NUMBERS),
    "unet": (recipe(model={"kind": "unet", "channels": [4, 8]}, batch_size=10), MASKS),
    "import": (recipe(model={"import": "torch.nn.LazyLinear", "args": {"out_features": 3}}), VECTORS),
    "pretrained": (recipe(init={"kind": "pretrained", "path": "w"}), SEQUENCES),
    "unknown data": (recipe(), DataFacts()),
}
EVIDENCE: tuple[Mapping[str, float], ...] = ({}, {"gap_share": 0.7, "peak_share": 3.0, "evaluations": 2.0})


def found(*names: FindingName, evidence: Mapping[str, float] | None = None, verdict: Any = "overfit") -> Diagnosis:
    findings = tuple(Finding(name, 5, {}, "words") for name in names)
    return Diagnosis(verdict, 1.0, findings, "words", evidence or {})


def lines() -> Iterator[Remedy]:
    for entry in LINES:
        yield entry.remedy
        if entry.remedy.step == "add":
            yield Remedy(**{**{f: getattr(entry.remedy, f) for f in Remedy.__slots__}, "step": "raise"})


def check_suits(patched: Recipe, facts: DataFacts) -> None:
    """What a study would refuse when it sees the data; the network is built."""
    kind, task = facts.kind or "vector", facts.task or "classification"
    for name, given in patched.regularizers.items():
        method = CATALOGUE[name].model_validate(given)
        if isinstance(method, Augmentation | Mix) and facts.kind is not None:
            assert method.is_off or kind in method.kinds, name
            assert task != "segmentation" or not isinstance(method, Mix), name
        assert not isinstance(method, TargetRule) or task == "classification", name
    assert patched.loss is not None
    outputs = facts.classes or (1 if task == "regression" else 3)
    if not isinstance(patched.loss, SumSpec):
        assert suits(patched.loss, task, outputs) is None
    assert facts.train is None or patched.batch_size <= facts.train
    assert patched.model is not None
    if patched.model.kind != "import":
        build(patched.model, shape=SHAPES[kind], outputs=outputs, seed=0, pixels=task == "segmentation")


@pytest.mark.parametrize("name", CASES)
def test_every_dose_of_every_line_is_a_valid_change(name: str) -> None:
    base, facts = CASES[name]
    named: dict[str, Any] = {}
    arms: dict[str, Any] = {}
    for remedy, evidence in itertools.product(lines(), EVIDENCE):
        for dose in doses(Case(base, facts, evidence), remedy):
            assert dose.fields, dose.name
            if dose.name in named:
                assert named[dose.name] == dose.patch, "one name, one patch"
                continue
            named[dose.name] = dose.patch
            patched = apply_patch(base, dose.patch, where=dose.name)
            if patched != base:
                check_suits(patched, facts)
                arms.setdefault(recipe_hash(patched), {dose.name: dose.patch})
    assert len(arms) > 5
    spec = StudySpec(recipe=base, arms={name: patch for arm in arms.values() for name, patch in arm.items()})
    assert len(design(spec)) == 1 + len(arms)


def test_the_tables_know_every_change() -> None:
    assert {entry.remedy.change for entry in LINES} == set(DOSES) | NO_RECIPE
    for name, strength in STRENGTHS.items():
        assert CATALOGUE[name].model_fields[strength.parameter].default == strength.usual, name
    restrained = {name for name, cls in CATALOGUE.items() if cls.stage in ("batch", "activations", "loss", "weights")}
    from wellfit.diagnosis.doses.strengths import NO_STRENGTH

    assert restrained - set(STRENGTHS) - NO_STRENGTH == {"swa"}


def directions(base: Recipe, changed: Recipe) -> set[tuple[str, str]]:
    """What a change does, read from the two recipes: an oracle that knows nothing of the tables."""
    seen: set[tuple[str, str]] = set()

    def compare(axis: str, before: float, after: float) -> None:
        if after != before:
            seen.add((axis, "more" if after > before else "less"))

    for model in ("hidden", "channels"):
        one, two = (getattr(r.model, model, ()) for r in (base, changed))
        compare("fit", len(one), len(two))
        compare("fit", sum(one), sum(two)) if len(one) == len(two) else None
    compare("fit", base.epochs, changed.epochs)
    for name in {*base.regularizers, *changed.regularizers} - {"clip_norm", "ema", "swa"}:
        one, two = (strength(r, name) for r in (base, changed))
        compare("fit", two, one)
    kinds = (base.optimizer.kind, changed.optimizer.kind)
    if kinds[0] == kinds[1]:
        compare("steps", base.optimizer.lr, changed.optimizer.lr)
        compare("steps", getattr(base.optimizer, "momentum", 0.0), getattr(changed.optimizer, "momentum", 0.0))
    compare("steps", changed.batch_size, base.batch_size)
    return seen


def strength(of: Recipe, name: str) -> float:
    if name not in of.regularizers:
        return 0.0
    method = CATALOGUE[name].model_validate(of.regularizers[name])
    if method.is_off:
        return 0.0
    if name in ("max_norm", "early_stopping"):
        return 1 / float(getattr(method, "limit", 0) or getattr(method, "patience", 1))
    values = [float(getattr(method, field)) for field in method.off if isinstance(getattr(method, field), int | float)]
    return values[0] if values else 1.0


WORSE: Mapping[str, tuple[str, str]] = {
    "overfitting": ("fit", "more"),
    "underfitting": ("fit", "less"),
    "divergence": ("steps", "more"),
    "lr_too_high": ("steps", "more"),
    "exploding_gradients": ("steps", "more"),
    "lr_too_low": ("steps", "less"),
}


def check_agreement(offered: Collection[Candidate], base: Recipe, present: Collection[str]) -> None:
    does = {one.name: directions(base, apply_patch(base, one.patch, where=one.name)) for one in offered}
    for one in offered:
        for finding in present:
            assert WORSE.get(finding) not in does[one.name], (one.name, finding)
    for one, two in itertools.combinations(offered, 2):
        if one.remedy.change == two.remedy.change:
            continue  # a search in both directions
        for axis, way in does[one.name]:
            other = (axis, "less" if way == "more" else "more")
            assert other not in does[two.name], (one.name, two.name, sorted(present))


def some_evidence(draw: random.Random) -> dict[str, float]:
    bounds = sorted({bound.feature for entry in LINES for bound in entry.when} | {"gap_share", "evaluations"})
    values = {name: draw.choice([-0.5, 0.0, 0.015, 0.05, 0.3, 0.6, 0.95, 3.0, 20.0]) for name in bounds}
    return {name: value for name, value in values.items() if draw.random() < 0.8}


BASES = ("mlp", "augmented", "all on", "cnn", "rnn", "numbers", "unet", "narrow tanh")


@pytest.mark.parametrize("name", BASES)
def test_nothing_contradicts_the_evidence_or_another(name: str) -> None:
    base, facts = CASES[name]
    draw = random.Random(name)
    subsets = [tuple(draw.sample(FINDINGS, draw.randint(0, 6))) for _ in range(60)]
    for present in [*itertools.combinations(FINDINGS, 2), *subsets][:: 1 if name == "mlp" else 4]:
        diagnosis = found(*present, evidence=some_evidence(draw), verdict=draw.choice(["overfit", "unclear"]))
        offered = candidates(diagnosis, base, facts, improve=draw.random() < 0.5)
        assert len({one.name for one in offered}) == len(offered)
        check_agreement(offered, base, present)


def test_no_two_remedies_of_any_subset_of_findings_undo_each_other() -> None:
    """Subsets of every size, by the remedies' steps alone."""
    draw = random.Random(0)
    for size in range(len(FINDINGS) + 1):
        every = list(itertools.combinations(FINDINGS, size))
        for present in draw.sample(every, min(len(every), 60)):
            remedies = prescribe(found(*present, evidence=some_evidence(draw)), facts=FACTS)
            steps = [(remedy.change, remedy.step) for remedy in remedies]
            assert len({change for change, _ in steps}) == len(steps)
            assert not {("larger_network", "raise"), ("smaller_network", "lower")} <= set(steps)
            if "overfitting" in present:
                assert not {("larger_network", "raise"), ("regularizers", "lower"), ("epochs", "raise")} & set(steps)
            if "underfitting" in present:
                named = {change for change, _ in steps}
                assert not {"dropout", "l1", "l2", "max_norm", "augmentation", "smaller_network", "mixup"} & named


def test_ranks_are_stable() -> None:
    base, facts = CASES["mlp of images"]
    diagnosis = diagnose(drawn("overfit"), chance_loss=CHANCE)
    first = candidates(diagnosis, base, facts)
    assert first == candidates(diagnosis, base, facts)
    tried = [one.name for one in first[::2]]
    assert [one.name for one in candidates(diagnosis, base, facts, tried=tried)] == [one.name for one in first[1::2]]
    changes = [one.remedy.change for one in first]
    assert [key for key, _ in itertools.groupby(changes)] == list(dict.fromkeys(changes)), "doses are neighbors"


def test_well_fit_calls_for_nothing_unless_it_may_improve() -> None:
    base, facts = CASES["mlp of images"]
    well = found(verdict="well-fit")
    assert candidates(well, base, facts) == ()
    offered = candidates(well, base, facts, improve=True)
    assert offered[0].name == "augment"
    assert {one.remedy.finding for one in offered} <= {"headroom", "few_samples", "few_per_class", "imbalance"}
    assert all("Nothing calls for it; but" in one.remedy.reason for one in offered if one.remedy.finding == "headroom")
    assert {"cosine", "ema=0.9", "label_smoothing=0.1"} <= {one.name for one in offered}
    room = {"gap_share": 0.01, "learned_share": 0.8}
    without_gap = candidates(found(verdict="well-fit", evidence=room), base, facts, improve=True)
    assert [one.name for one in without_gap][:3] == ["cosine", "cosine warmup", "ema=0.9"], "few samples doubt it"
    assert {"wider", "deeper"} <= {one.name for one in without_gap}
    assert not {"augment", "l2=0.0001"} & {one.name for one in without_gap}
    learned = candidates(found(verdict="well-fit", evidence={**room, "learned_share": 0.99}), base, facts, improve=True)
    assert learned[0].name == "augment"
    assert "wider" not in {one.name for one in learned}


@pytest.mark.parametrize(
    ("source", "flips"),
    [("digits", False), ("mnist", False), ("EMNIST-letters", False), ("fashion-mnist", True), ("photos/cats", True)],
)
def test_digits_and_letters_are_not_flipped(source: str, flips: bool) -> None:
    offered = candidates(found("overfitting"), recipe(data=source), FACTS)
    flip = [one for one in offered if "horizontal_flip" in one.patch]
    assert bool(flip) is flips
    assert all("wrong labels" in one.remedy.harm for one in flip)


def test_doses_suit_the_gap_and_the_size_of_the_network() -> None:
    def of(change: str, base: Recipe, train: int = 20_000, **evidence: float) -> list[str]:
        offered = candidates(found("overfitting", evidence=evidence), base, replace(VECTORS, train=train))
        return [one.name for one in offered if one.remedy.change == change]

    wide, narrow = recipe(), recipe(model={"kind": "mlp", "hidden": [16]})
    assert of("dropout", wide, gap_share=0.2) == ["dropout=0.2", "dropout=0.5"]
    assert of("dropout", wide, gap_share=0.8) == ["dropout=0.5", "dropout=0.2"]
    assert of("dropout", wide, 300, gap_share=0.8) == ["dropout=0.2", "dropout=0.5"], "few steps"
    assert of("dropout", narrow, gap_share=0.8) == ["dropout=0.1", "dropout=0.25"]
    assert of("dropout", recipe(regularizers={"dropout": {"rate": 0.2}})) == ["dropout=0.32", "dropout=0.51"]
    assert of("dropout", recipe(regularizers={"dropout": {"rate": 0.0}})) == ["dropout=0.2", "dropout=0.5"]
    assert of("l2", recipe(optimizer={"kind": "adam"})) == ["weight_decay=0.1", "weight_decay=1"]
    assert of("l2", recipe(optimizer={"kind": "adamw", "weight_decay": 0.5})) == ["weight_decay=1"]


def test_the_limit_of_the_gradient_does_not_hang_on_the_gap() -> None:
    broke = found("divergence", evidence={"gap_share": 0.8}, verdict="diverged")
    offered = [one.name for one in candidates(broke, recipe(), VECTORS) if one.remedy.change == "clip_norm"]
    assert offered == ["clip_norm=1", "clip_norm=0.3"]


def test_a_loss_that_jumps_calls_for_smaller_steps_not_for_a_larger_network() -> None:
    evidence = {"learned_share": 0.5, "expected_fall_share": 0.1, "noise_share": 0.15}
    jumps, settles = (
        {one.change for one in prescribe(found("underfitting", evidence={**evidence, "train_noise_share": noise}))}
        for noise in (0.15, 0.01)
    )
    assert not {"larger_network", "epochs"} & jumps
    assert {"larger_network", "epochs"} <= settles


def test_another_loss_leaves_the_curves_comparable() -> None:
    base = recipe(loss={"kind": "cross_entropy", "smoothing": 0.0})
    offered = {one.name: one for one in candidates(found("overfitting"), base, FACTS)}
    for name in ("balanced", "focal"):
        patched = apply_patch(base, offered[name].patch, where=name)
        assert patched.measure == base.loss
        assert patched.loss != base.loss


def test_what_is_at_hand_comes_first_and_what_is_not_is_advice() -> None:
    base, facts = CASES["rnn"]
    assert [one.name for one in candidates(found("overfitting", "label_noise"), base, facts)][:2] == [
        "pretrained",
        "clean",
    ]
    said = [remedy.change for remedy in advice(found("overfitting", "label_noise"), FACTS)]
    assert {"transfer", "clean", "more_data"} <= set(said)
    assert "transfer" not in {remedy.change for remedy in advice(found("overfitting"), facts)}
    assert all(remedy.harm for remedy in advice(found(*FINDINGS), FACTS))


def test_early_stopping_is_last_where_the_best_weights_are_kept_anyway() -> None:
    kept, last = recipe(), recipe(restore="last")
    diagnosis = diagnose(drawn("overfit"), chance_loss=CHANCE)
    assert candidates(diagnosis, kept, FACTS)[-1].name == "early_stopping=6"
    assert candidates(diagnosis, last, DataFacts())[0].name == "restore=best"


def test_nothing_learned_is_searched_in_both_directions_unless_a_finding_says_which() -> None:
    nothing = {"learned_share": 0.02, "noise_share": 0.01}

    def rates(*names: FindingName, **evidence: float) -> list[str]:
        offered = candidates(found(*names, evidence={**nothing, **evidence}), recipe(), VECTORS)
        return [one.name for one in offered if one.remedy.change == "optimizer.lr"]

    assert rates("underfitting") == ["lr x10", "lr x0.1"]
    assert rates("underfitting", peak_share=4.0) == ["lr x0.1", "lr x10"]
    assert rates("underfitting", "exploding_gradients") == ["lr x0.3", "lr x0.1"]
    assert rates("underfitting", "dead_units") == ["lr x0.3", "lr x0.1"]


def test_off_is_not_in_use() -> None:
    off = {"dropout": {"rate": 0.0}, "max_norm": {"limit": float("inf")}, "l2": {}}
    assert in_use(recipe(regularizers=off)) == ("l2",)
