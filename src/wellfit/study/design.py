"""The arms of a study: the base recipe, the full factorial over its factors, and the arms that it names.

A factor is a regularizer's name with its parameters (``dropout: {rate: 0.4}``), or a free name with a patch
(``augmentation: {rotation: {degrees: 10}, horizontal_flip: {}}``). A list where the regularizer takes one value gives a
factor of several levels: ``dropout: {rate: [0.2, 0.4]}``. Off is what the base recipe says.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wellfit.errors import RecipeError, nearest
from wellfit.recipe import FACTOR_FIELDS, Patch, Recipe, StudySpec, apply_patch

Check = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""(regularizer, its parameters) -> the parameters with all defaults; raises RecipeError. ``catalogue.check`` is one."""

PLAIN = "plain"
OFF, ON = "off", "on"
MOST_ARMS = 1_000

_FOLDER_NAME = re.compile(r"[A-Za-z0-9_+=-]([A-Za-z0-9._+= -]{0,198}[A-Za-z0-9_+=-])?")


@dataclass(frozen=True)
class Arm:
    """One variant of the base recipe. Its regularizers are whole: validated, with their defaults filled in."""

    name: str
    """Safe as a folder's name."""
    recipe: Recipe
    levels: Mapping[str, str] | None
    """Factor -> level (``off``, ``on``, ``rate=0.2``): the cell of the factorial; ``None`` for an arm of its own."""


@dataclass(frozen=True)
class _Level:
    """A factor at one of its levels, other than off."""

    factor: str
    name: str
    patch: Patch
    where: str

    @property
    def part(self) -> str:
        """What stands in the arm's name: ``dropout``, or ``dropout=0.2`` where the factor has several levels."""
        return self.factor if self.name == ON else f"{self.factor}={self.name.partition('=')[2]}"


@dataclass(frozen=True)
class _Rules:
    """What is known about regularizers."""

    names: Collection[str]
    check: Check

    def patched(self, recipe: Recipe, patch: Patch, where: str) -> Recipe:
        """Return the recipe with the patch, its regularizers whole."""
        return self.whole(apply_patch(recipe, patch, where=where), where)

    def whole(self, recipe: Recipe, where: str = "") -> Recipe:
        """Return the recipe with the parameters of its regularizers validated and their defaults filled in."""
        prefix = f"{where}." if where else ""
        whole: dict[str, dict[str, Any]] = {}
        for name, parameters in recipe.regularizers.items():
            if name not in self.names:
                raise RecipeError(f"{prefix}regularizers.{name}", "unknown regularizer", nearest(name, self.names))
            try:
                whole[name] = dict(self.check(name, parameters))
            except RecipeError as error:
                place = error.where.removeprefix("regularizers.") if where else error.where
                raise RecipeError(prefix + place, error.what, error.expected) from None
        return recipe.model_copy(update={"regularizers": whole})

    def accepts(self, name: str, parameters: Mapping[str, Any]) -> bool:
        """Return whether the parameters of a regularizer are right."""
        try:
            self.check(name, parameters)
        except RecipeError:
            return False
        return True


def expand(spec: StudySpec, *, regularizers: Collection[str], check: Check) -> tuple[Arm, ...]:
    """Return the arms of a study: ``plain``, then the factorial by the number of factors that are on, then the named.

    Combinations are named ``dropout+l2``, in the order of the factors; ``plain`` is the cell with all factors off. With
    ``plain: false`` that cell is left out, and the factorial is not full.

    Parameters
    ----------
    spec
        The base recipe, factors and named arms.
    regularizers
        The names that are regularizers.
    check
        Validates the parameters of a regularizer and fills in its defaults.

    Raises
    ------
    RecipeError
        An unknown key, regularizer or parameter (with the nearest known one), a name that no folder can have or that
        two arms have, two arms with the same recipe, no arm at all, more than ``MOST_ARMS``, or an unknown control.

    """
    rules = _Rules(regularizers, check)
    base = rules.whole(spec.recipe)
    factors = [_levels(name, value, base, rules) for name, value in spec.factors.items()]
    count = math.prod(len(levels) + 1 for levels in factors) + len(spec.arms)
    if count > MOST_ARMS:
        raise RecipeError("study.factors", f"{count} arms", f"at most {MOST_ARMS}")
    arms = [Arm(PLAIN, base, dict.fromkeys(spec.factors, OFF))] if spec.plain else []
    for cell in _cells(factors):
        recipe = base
        for level in cell:
            recipe = rules.patched(recipe, level.patch, level.where)
        levels = dict.fromkeys(spec.factors, OFF) | {level.factor: level.name for level in cell}
        arms.append(Arm("+".join(level.part for level in cell), recipe, levels))
    for name, patch in spec.arms.items():
        where = f"study.arms.{name}"
        _check_keys(patch, base, rules, where)
        arms.append(Arm(name, rules.patched(base, patch, where), None))
    _check_distinct(arms)
    control_of(spec, arms)
    return tuple(arms)


def control_of(spec: StudySpec, arms: Sequence[Arm]) -> str:
    """Return the name of the arm that the others are compared with: as the study says, else ``plain``, else the first.

    Raises
    ------
    RecipeError
        The study names an arm that does not exist.

    """
    names = [arm.name for arm in arms]
    if spec.control is None:
        return PLAIN if PLAIN in names else names[0]
    if spec.control not in names:
        raise RecipeError("study.control", f"there is no arm {spec.control!r}", nearest(spec.control, names))
    return spec.control


def recipe_hash(recipe: Recipe) -> str:
    """Return the SHA-256 of the recipe as JSON with sorted keys: equal for equal recipes, on every machine."""
    text = json.dumps(recipe.to_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _cells(factors: Sequence[Sequence[_Level]]) -> Iterator[tuple[_Level, ...]]:
    """Yield the cells of the full factorial but the one with all off: one factor on, then two, and so on."""
    for size in range(1, len(factors) + 1):
        for chosen in itertools.combinations(factors, size):
            yield from itertools.product(*chosen)


def _levels(name: str, value: Mapping[str, Any], base: Recipe, rules: _Rules) -> list[_Level]:
    """Return the levels of a factor, without off."""
    where = f"study.factors.{name}"
    if name not in rules.names:
        _check_free_factor(name, value, rules)
        _check_keys(value, base, rules, where)
        return [_Level(name, ON, value, where)]
    varied = _varied_parameter(name, value, rules)
    if varied is None:
        return [_Level(name, ON, {name: value}, "study.factors")]
    choices = value[varied]
    if not choices or not all(isinstance(choice, str | int | float) for choice in choices):
        raise RecipeError(f"{where}.{varied}", f"received {choices!r}", "a list of one or more values")
    names = [f"{varied}={_written(choice)}" for choice in choices]
    if len(set(names)) < len(names):
        raise RecipeError(f"{where}.{varied}", f"received {choices!r}", "each level once")
    patches = [{name: {**value, varied: choice}} for choice in choices]
    return [_Level(name, level, patch, "study.factors") for level, patch in zip(names, patches, strict=True)]


def _written(choice: str | float) -> str:
    """Return a level's value as it stands in names: exact, so that different values have different names."""
    return str(choice).lower() if isinstance(choice, bool) else str(choice)


def _varied_parameter(name: str, value: Mapping[str, Any], rules: _Rules) -> str | None:
    """Return the parameter whose list means levels; a list that the regularizer itself takes does not."""
    lists = [key for key, given in value.items() if isinstance(given, list | tuple)]
    if not lists or rules.accepts(name, value):
        return None
    if len(lists) > 1:
        lists = [key for key in lists if value[key] and rules.accepts(name, {**value, key: value[key][0]})]
    if len(lists) != 1:
        raise RecipeError(f"study.factors.{name}", "several parameters are lists", "one list per factor")
    return lists[0]


def _check_free_factor(name: str, patch: Patch, rules: _Rules) -> None:
    """Check a factor that is no regularizer; one without any known key is taken for a slip of a regularizer's name."""
    where = f"study.factors.{name}"
    if name in FACTOR_FIELDS:
        raise RecipeError(where, "is a recipe field", f"a name of your own over it: other_{name}: {{{name}: ...}}")
    if not {*FACTOR_FIELDS, *rules.names}.intersection(patch):
        raise RecipeError(where, "neither a regularizer nor a patch of recipe fields", nearest(name, rules.names))


def _check_keys(patch: Patch, base: Recipe, rules: _Rules, where: str) -> None:
    for key, value in patch.items():
        if key not in FACTOR_FIELDS and key not in rules.names:
            expected = nearest(str(key), {*FACTOR_FIELDS, *rules.names})
            raise RecipeError(f"{where}.{key}", "neither a recipe field nor a regularizer", expected)
        if value is None and key not in FACTOR_FIELDS and key not in base.regularizers:
            # Nothing after the colon: elsewhere that is "with its defaults", in a patch it removes.
            raise RecipeError(f"{where}.{key}", "removes what the base recipe does not have", "{} for its defaults")


def _check_distinct(arms: Sequence[Arm]) -> None:
    """Check that there are arms, that their names can be folders of one folder, and that no recipe stands twice."""
    if not arms:
        raise RecipeError("study", "no arms", "plain: true, factors or arms")
    names: dict[str, str] = {}
    recipes: dict[str, str] = {}
    for arm in arms:
        if not _FOLDER_NAME.fullmatch(arm.name):
            rule = "at most 200 letters, digits, '.', '_', '+', '=', '-' and inner spaces, no '.' at either end"
            raise RecipeError("study", f"the arm {arm.name!r} cannot name a folder", rule)
        folded = arm.name.casefold()  # some file systems do not tell 'L2' from 'l2'
        if folded in names:
            raise RecipeError("study", f"two arms are named {names[folded]!r} and {arm.name!r}", "names that differ")
        names[folded] = arm.name
        twin = recipes.setdefault(recipe_hash(arm.recipe), arm.name)
        if twin != arm.name:
            raise RecipeError("study", f"arms {twin!r} and {arm.name!r} have the same recipe", "arms that differ")
