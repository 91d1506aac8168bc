"""A network handed over, by itself: where a method acts in evaluation too, the plain module carries it as a hook."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from wellfit.regularize.stages import Activation
from wellfit.train.active import acting_places, active_methods
from wellfit.train.draws import Draws
from wellfit.train.hidden import HiddenStage
from wellfit.train.member import Member
from wellfit.train.sites import SiteHooks, find_sites, module_of


def scale_in_evaluation(module: nn.Module, member: Member, shape: Sequence[int]) -> None:
    """Make ``module`` in evaluation mode answer as the member's network does: classic dropout scales activations."""
    methods = [m for m in member.methods.values() if isinstance(m, Activation) and m.scales_evaluation and not m.is_off]
    if not methods:
        return
    device = next(module.parameters()).device
    places = acting_places(active_methods([member], device), find_sites(module, shape))
    hidden = HiddenStage(places, Draws([member.seed], torch.zeros(1, dtype=torch.int64), device))

    def change(site: str, h: Tensor) -> Tensor:
        return h if module.training else hidden.evaluate_one(site, h, 0)

    hooks = SiteHooks(module, {module_of(site) for site in hidden.places}, change)
    module.register_forward_pre_hook(lambda *_: hooks.begin())
