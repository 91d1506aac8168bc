"""The bench: the arms that a fit has so far, whole, checked against the data, ready to be trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain, count

from wellfit.fitting.patches import patch_between
from wellfit.models import build
from wellfit.recipe import Recipe, StudySpec
from wellfit.study.design import PLAIN, recipe_hash
from wellfit.study.prepare import Prepared, design, prepare
from wellfit.train.member import Member
from wellfit.train.replicate import Replicate

LONGEST = 150
"""Characters of an arm's name: beyond, it is called by its round."""


class Bench:
    """Arms over one data set and the same seeds."""

    def __init__(self, spec: StudySpec, *, memory: int | None = None) -> None:
        self._memory = memory
        prepared = prepare(spec, design(spec), memory=memory)
        whole = spec.model_copy(update={"recipe": prepared.arms[0].recipe})
        self.prepared: Prepared = replace(prepared, spec=whole)
        self._parameters: dict[str, int] = {}

    @property
    def spec(self) -> StudySpec:
        """The study: the base recipe, whole, and the arms so far as patches over it."""
        return self.prepared.spec

    @property
    def seeds(self) -> tuple[int, ...]:
        """All seeds, in their order."""
        return self.spec.seeds

    @property
    def replicates(self) -> Mapping[int, Replicate]:
        """The data as each seed sees it in the base recipe."""
        return self.prepared.replicates[self.spec.recipe.data]

    def recipe(self, arm: str) -> Recipe:
        """Return an arm's whole recipe."""
        return next(each.recipe for each in self.prepared.arms if each.name == arm)

    def members(self, arm: str, seeds: Sequence[int]) -> list[Member]:
        """Return an arm's runs with these seeds."""
        recipe = self.recipe(arm)
        return [Member(arm, seed, recipe) for seed in seeds]

    def known(self, recipe: Recipe) -> str | None:
        """Return the arm that has this whole recipe, if there is one."""
        mark = recipe_hash(recipe)
        return next((arm.name for arm in self.prepared.arms if recipe_hash(arm.recipe) == mark), None)

    def add(self, name: str, recipe: Recipe) -> str:
        """Enter an arm and return its name; where the recipe is there already, that arm's.

        Raises
        ------
        InputError
            The recipe cannot be trained on this data.

        """
        known = self.known(recipe)
        if known is not None:
            return known
        taken = {arm.name.casefold() for arm in self.prepared.arms}
        name = next(one for one in chain([name], (f"{name} - {n}" for n in count(2))) if one.casefold() not in taken)
        patch = patch_between(self.spec.recipe, recipe)
        alone = self.spec.model_copy(update={"arms": {name: patch}})
        made = prepare(alone, design(alone)[-1:], memory=self._memory, like=self.prepared)
        known = self.known(made.arms[0].recipe)  # now that the methods' defaults are filled in
        if known is not None:
            return known
        before = self.prepared
        spec = before.spec.model_copy(update={"arms": {**before.spec.arms, name: patch}})
        lines = {**before.advice, **made.advice}
        advice = {line: [*before.advice.get(line, ()), *made.advice.get(line, ())] for line in lines}
        self.prepared = Prepared(
            spec,
            (*before.arms, *made.arms),
            (*before.members, *made.members),
            {**before.replicates, **made.replicates},
            advice,
        )
        return name

    def drop(self, name: str) -> None:
        """Take an arm away that was entered and is not to be trained."""
        before = self.prepared
        spec = before.spec.model_copy(update={"arms": {k: v for k, v in before.spec.arms.items() if k != name}})
        advice = {line: left for line, arms in before.advice.items() if (left := [arm for arm in arms if arm != name])}
        arms = tuple(arm for arm in before.arms if arm.name != name)
        members = tuple(member for member in before.members if member.arm != name)
        self.prepared = Prepared(spec, arms, members, before.replicates, advice)

    def parameters(self, member: Member) -> int:
        """Return how many trainable numbers the member's network has."""
        if member.structure not in self._parameters:
            replicate, spec = self.prepared.replicates_of(member)[member.seed], member.recipe.model
            assert spec is not None
            module = build(
                spec, shape=replicate.shape, outputs=replicate.dataset.outputs, seed=0, pixels=replicate.pixels
            )
            self._parameters[member.structure] = sum(p.numel() for p in module.parameters() if p.requires_grad)
        return self._parameters[member.structure]


def arm_name(control: str, name: str, number: int) -> str:
    """Return what the arm of a remedy over a control is called in round ``number``: safe as a folder's name."""
    whole = name if control == PLAIN else f"{control} + {name}"
    return whole if len(whole) <= LONGEST else f"round {number} + {name}"[:LONGEST].rstrip(" .")
