"""How the networks of a population are computed: by rule, or as a plan says."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import nn

from wellfit.errors import RecipeError
from wellfit.train.convolution import layouts
from wellfit.train.member import Member
from wellfit.train.network import Network
from wellfit.train.one_by_one import OneByOne
from wellfit.train.places import acting_patterns, check_sites
from wellfit.train.plan import How, Plan
from wellfit.train.sites import Sites
from wellfit.train.stacked import Stacked, can_stack
from wellfit.train.stacked_recurrent import remembered
from wellfit.train.vmapped import Vmapped, refusal

WORTH_THREADS = 2**24
"""Products of weights and samples in a step from which several threads are faster for one member of linear layers."""


MOST_REMEMBERED = 64 * 2**20
"""Bytes that recurrent layers may remember of a member; its own, so that the choice does not depend on the others."""


def default_plan(members: Sequence[Member], module: nn.Module, *, shape: Sequence[int], device: torch.device) -> Plan:
    """Return the plan by rule: on a CPU a worker for each core, on one thread each; convolutions with channels last.

    A member alone has all threads if that pays; where it does not, its bits are the same as in a population.
    """
    if device.type != "cpu":
        return Plan()
    threads, last = torch.get_num_threads(), layouts(module, shape)[0]
    if len(members) > 1:
        return Plan(workers=min(threads, len(members)), threads=1, channels_last=last)
    weights = sum(p.numel() for p in module.parameters())
    pays = not can_stack(module) or weights * members[0].recipe.batch_size > WORTH_THREADS
    return Plan(threads=threads if pays else 1, channels_last=last)


def choose_network(
    module: nn.Module,
    members: Sequence[Member],
    *,
    sites: Sites,
    shape: Sequence[int],
    device: torch.device,
    plan: Plan | None = None,
) -> Network:
    """Return the fastest way to compute these members, for samples of ``shape``, on this device.

    Sequences of linear and of recurrent layers are stacked by hand, but for sequences too long to be remembered for all
    members at once. Convolutions go one by one on a CPU, where grouped ones are slower; so does what keeps a state or
    draws by itself. All else goes under ``vmap`` if a small batch of it passes there. A ``plan`` may ask for something
    else.

    Raises
    ------
    RecipeError
        A member changes hidden activations and the network has none that can be reached.

    """
    check_sites(members, module, sites)
    used = {
        site for member in members for patterns in acting_patterns(member).values() for site in sites.matching(patterns)
    }
    own = copy.deepcopy(module).to(device)
    plan = plan or Plan()
    asked, why = choose_way(plan.how, own, members, shape=shape, device=device)
    if asked == "vmap" and plan.precision == "bf16":  # it knows fp32 alone
        asked, why = "one by one", "in bf16"
    if asked == "stacked":
        return Stacked(own, frozenset(used), precision=plan.precision)
    if asked == "vmap":
        return Vmapped(own, used)
    return OneByOne(own, used, why=why or "asked for", channels_last=plan.channels_last, precision=plan.precision)


def choose_way(
    asked: How | None, module: nn.Module, members: Sequence[Member], *, shape: Sequence[int], device: torch.device
) -> tuple[How, str]:
    """Return the way that is ``asked`` for, ``None``: that of the rule; and why not another one, if there is a reason.

    Raises
    ------
    RecipeError
        These members cannot be computed so.

    """
    found, why = ways(module, members, shape=shape, device=device)
    if asked is None or (asked == "vmap" and len(members) == 1):  # the last that is left, or is certified
        return found[0], why
    if asked not in found:
        what = why or "linear layers are stacked"
        raise RecipeError("study.plan.how", f"{asked}: {what}", " or ".join(found))
    return asked, why


def ways(
    module: nn.Module, members: Sequence[Member], *, shape: Sequence[int], device: torch.device
) -> tuple[tuple[How, ...], str]:
    """Return the ways in which these members can be computed, that of the rule first, and why not under ``vmap``."""
    if can_stack(module) and _suits_stack(module, members, shape):
        return ("stacked", "one by one"), ""
    why = "a single member" if len(members) == 1 else _why_not_vmap(module, shape, device)
    return (("one by one",), why) if why else (("vmap", "one by one"), "")


def _suits_stack(module: nn.Module, members: Sequence[Member], shape: Sequence[int]) -> bool:
    """Return whether what recurrent layers, if any, must remember is little enough to be kept for all members."""
    return remembered(module, shape[0], members[0].recipe.batch_size) <= MOST_REMEMBERED


def _why_not_vmap(module: nn.Module, shape: Sequence[int], device: torch.device) -> str:
    kinds = [type(child) for child in module.modules()]
    if device.type == "cpu" and any(issubclass(kind, nn.modules.conv._ConvNd) for kind in kinds):
        return "convolutions on a CPU"
    if any(issubclass(kind, nn.RNNBase) for kind in kinds):
        return "recurrent layers"
    if any(True for _ in module.buffers()):
        return "it keeps buffers"
    return refusal(module, torch.zeros(1, 2, *shape, device=device))
