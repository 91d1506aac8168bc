"""``wellfit train --find-lr``: the range test as a table for people, or as JSON."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from wellfit.cli.data_line import data_lines
from wellfit.cli.fail import begin_work
from wellfit.cli.output import only_result, print_json
from wellfit.cli.progress import progress
from wellfit.data.memory import parse_memory
from wellfit.errors import InterruptedStudyError
from wellfit.recipe import StudySpec
from wellfit.study.find_lr import find_lr
from wellfit.study.prepare import design
from wellfit.train.range_test import MARGIN, RangeTest, Trial
from wellfit.views.numbers import value_text

BAR = 30
"""Characters of the bar of the deepest fall."""
STYLES = {"usable": "green", "diverged": "red", "too large": "yellow", "too small": "dim"}


def show(spec: StudySpec, *, as_json: bool, quiet: bool, memory: str | None = None) -> None:
    """Run the test and print what it found on stdout; progress goes to stderr."""
    begin_work()
    limit = None if memory is None else parse_memory(memory, where="--memory")
    plan = f"{spec.name}: learning-rate range test, seed {spec.seeds[0]}, on {spec.recipe.data.source}"
    try:
        with only_result(as_json), progress(plan=plan, metric="train_loss", quiet=quiet) as shown:
            given = design(spec)
            found = find_lr(
                spec, memory=limit, listen=shown.listen, loaded=lambda prepared: shown.add(data_lines(prepared, given))
            )
    except KeyboardInterrupt:
        raise InterruptedStudyError("interrupted; the same command begins anew") from None
    if as_json:
        print_json(found.to_dict())
        return
    console = Console(highlight=False)
    for line in (*_table(found), *_words(found)):
        console.print(line, soft_wrap=True)


def _table(found: RangeTest) -> Iterator[Text]:
    """Yield a line for each learning rate; the bar is how far the loss fell."""
    yield Text(f"{'lr':>8}  {'loss':>9}  {'fall of the loss':{BAR}}  outcome", style="dim")
    deepest = found.start_loss - min(trial.loss for trial in found.trials)
    for trial in found.trials:
        part = (found.start_loss - trial.loss) / deepest if deepest > 0 else 0.0
        bar = "#" * round(BAR * max(part, 0.0))
        marks = ", ".join(_marks(found, trial))
        style = "bold green" if trial.lr == found.suggestion else STYLES[trial.outcome]
        loss = value_text("train_loss", trial.loss)
        yield Text.assemble(
            f"{trial.lr:>8g}  {loss:>9}  {bar:{BAR}}  ", (trial.outcome + (f" ({marks})" if marks else ""), style)
        )


def _marks(found: RangeTest, trial: Trial) -> Iterator[str]:
    if trial.lr == found.suggestion:
        yield "suggested"
    if trial.lr == found.best:
        yield "lowest loss"


def _words(found: RangeTest) -> Iterator[Text]:
    yield Text(
        f"\nloss: the objective of training, mean over the later half of {found.steps} steps of {found.optimizer}; "
        f"{value_text('train_loss', found.start_loss)} where nothing is learned.",
        style="dim",
    )
    if found.suggestion is None or found.best is None or found.usable is None:
        yield Text("No learning rate of the grid makes the loss fall: look at the data, the network and the loss.")
        return
    low, high = found.usable
    yield Text(f"Usable: {low:g} to {high:g}, where the loss falls at least half as far as at {found.best:g}.")
    if found.at_edge:
        yield Text("The lowest loss is at an end of the grid: there may be a lower one beyond.")
    yield Text.assemble(
        (f"Suggested: --set optimizer.lr={found.suggestion:g}", "bold"),
        f" (the largest usable one of at most 1/{MARGIN:g} of {found.best:g})",
    )
