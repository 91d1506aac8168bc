"""``wellfit demo``: a small real study, shipped with the package."""

from __future__ import annotations

from importlib.resources import as_file, files

from wellfit.cli.importing import for_good
from wellfit.cli.options import AsJson, Fresh, Out, Quiet

CERTIFICATES = 2

SHORT = "A small real study: what dropout, L2 and augmentation do."
EXAMPLES = """\b
Examples:
  wellfit demo
  wellfit demo --out /tmp/demo --fresh
"""


def command(out: Out = None, fresh: Fresh = False, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Run a study on scikit-learn's digits: plain against dropout, L2, augmentation and all their combinations.

    8 arms x 5 seeds, trained as one population; two of the 40 runs are trained again alone to show that this changes
    nothing. Takes well under two minutes on two cores.
    """
    from wellfit.recipe_file import read_study

    with as_file(files("wellfit.cli").joinpath("demo.yaml")) as path:
        spec = read_study(path)

    with for_good():
        from wellfit.cli.run import Order, run

    run(spec, Order(out=out, store_url=None, fresh=fresh, certificates=CERTIFICATES, as_json=as_json, quiet=quiet))
