from __future__ import annotations

from typing import Any

import pytest

from wellfit.recipe import MlpSpec, ModelSpec, Recipe, RnnSpec, UnetSpec
from wellfit.study.optimizer import suited_optimizer


@pytest.mark.parametrize(
    ("recipe", "model", "kind"),
    [
        ({}, RnnSpec(), "adam"),
        ({}, UnetSpec(), "adam"),
        ({}, MlpSpec(), "sgd"),
        ({"model": {"kind": "rnn"}}, RnnSpec(), "sgd"),
        ({"optimizer": {"kind": "momentum", "lr": 0.01}}, RnnSpec(), "momentum"),
        ({"optimizer": {"kind": "sgd", "lr": 0.1}}, RnnSpec(), "sgd"),
    ],
)
def test_adam_where_network_and_optimizer_are_left_to_the_data(
    recipe: dict[str, Any], model: ModelSpec, kind: str
) -> None:
    assert suited_optimizer(Recipe.model_validate({"data": "digits", **recipe}), model).kind == kind
