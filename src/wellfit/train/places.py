"""What would stop an activation method, or make it do nothing, said before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import nn

from wellfit.errors import RecipeError
from wellfit.recipe import CnnSpec, MlpSpec
from wellfit.regularize.stages import Activation, ActivationPenalty, Freezing
from wellfit.train.member import Member
from wellfit.train.sites import Sites, module_of

MOST_NAMES = 8


def acting_patterns(member: Member) -> dict[str, tuple[str, ...]]:
    """Return the member's methods that act on activations, with their patterns."""
    methods = {name: m for name, m in member.methods.items() if not m.is_off}
    return {name: m.at for name, m in methods.items() if isinstance(m, Activation | ActivationPenalty)}


def check_sites(members: Sequence[Member], module: nn.Module, sites: Sites) -> None:
    """Refuse a method that cannot reach the place it is meant for.

    Raises
    ------
    RecipeError
        Its patterns match no module; or the network has layers and no activation module between them: a functional
        activation (``F.relu``) hides the place.

    """
    for member in members:
        for name, patterns in acting_patterns(member).items():
            where = f"arm {member.arm}, regularizers.{name}"
            if patterns and not sites.matching(patterns):
                named = list(dict.fromkeys(map(module_of, sites.shapes)))
                listing = ", ".join(named[:MOST_NAMES]) + (", ..." if len(named) > MOST_NAMES else "")
                raise RecipeError(f"{where}.at", f"no module is named {' or '.join(patterns)}", f"one of {listing}")
            if not patterns and not sites.hidden and hides_activations(member, module):
                raise RecipeError(
                    where,
                    "the network has no hidden activation module to act on (functional activations are not seen)",
                    "a hidden layer followed by a module such as nn.ReLU, or 'at' with the names of modules",
                )


def check_parameters(member: Member, module: nn.Module) -> None:
    """Refuse names of parameters that the network does not have.

    Raises
    ------
    RecipeError
        A pattern of ``on``, or of a freezing plan, matches no trainable parameter.

    """
    names = [name for name, p in module.named_parameters() if p.requires_grad]
    for name, method in member.methods.items():
        plan = method.patterns if isinstance(method, Freezing) else ()
        patterns = [*getattr(method, "on", ()), *plan]
        for pattern in patterns:
            if not any(fnmatchcase(own, pattern) for own in names):
                listing = ", ".join(names[:MOST_NAMES]) + (", ..." if len(names) > MOST_NAMES else "")
                where = f"arm {member.arm}, regularizers.{name}"
                raise RecipeError(where, f"no parameter is named {pattern}", f"one of {listing}")


def hides_activations(member: Member, module: nn.Module) -> bool:
    """Return whether a user's network has layers between which a functional activation may stand."""
    if isinstance(member.recipe.model, MlpSpec | CnnSpec):
        return False
    layers = [m for m in module.modules() if any(p.ndim > 1 for p in m.parameters(recurse=False))]
    return len(layers) > 1


def useless_places(member: Member, sites: Sites) -> dict[str, str]:
    """Return the member's activation methods that reach no place where they do anything, with the reason."""
    found = {}
    for name, patterns in acting_patterns(member).items():
        method = member.methods[name]
        reached = sites.matching(patterns)
        if not reached:
            found[name] = "the network has no hidden activations"
        elif isinstance(method, Activation) and not any(method.suits((1, *sites.shapes[site])) for site in reached):
            found[name] = "no place that it reaches has the axes it acts on"
    return found
