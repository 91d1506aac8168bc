"""What a plan did, in words."""

from __future__ import annotations

from wellfit.views.cleaning import Cleaning, cleaning, plan_text


def arm(name: str, do: str, **counts: list[int]) -> dict[str, object]:
    whole = {"dropped": [0, 0], "relabeled": [0, 0], "imputed": [0, 0]} | counts
    return {"name": name, "cleaning": {"plan": "p.yaml", "do": do, **whole}}


def test_each_arm_says_what_was_done() -> None:
    arms = [
        arm("plain", "keep", train=[1294, 1294]),
        arm("clean", "clean", train=[1200, 1203], dropped=[94, 91], relabeled=[7, 7]),
        arm("filled", "clean", train=[1294, 1294], imputed=[10, 13]),
        arm("random", "random", train=[1200, 1203], dropped=[94, 91]),
        {"name": "other"},
    ]
    assert cleaning({"arms": arms}) == (
        Cleaning("plain", "all 1,294 train samples kept as they are (mean of 2 seeds)"),
        Cleaning("clean", "92.5 of 1,294 train samples left out, 7 relabeled (mean of 2 seeds)"),
        Cleaning("filled", "0 of 1,294 train samples left out, 0 relabeled, 11.5 cells filled in (mean of 2 seeds)"),
        Cleaning("random", "92.5 of 1,294 train samples left out, drawn at random (mean of 2 seeds)"),
    )
    assert plan_text({"arms": arms}) == "p.yaml"


def test_studies_without_a_plan_say_nothing() -> None:
    assert cleaning({"arms": [{"name": "plain"}]}) == ()
    assert plan_text({"arms": [{"name": "plain"}]}) == ""


def test_one_seed() -> None:
    one = arm("plain", "keep", train=[5], dropped=[0], relabeled=[0], imputed=[0])
    assert cleaning({"arms": [one]})[0].words == "all 5 train samples kept as they are (one seed)"
