"""Pair faults: images and masks that do not fit together."""

from __future__ import annotations

from collections.abc import Mapping

from wellfit.data.audit.finding import Finding
from wellfit.data.audit.subject import Subject

ADVICE = {
    "missing_partner": "add what is missing, or drop what stands alone; data.skip_bad leaves them out of a training",
    "size_mismatch": "export them again from the same image, or drop the pair: stretched, a mask may lie beside what it"
    " marks",
    "other_palettes": "save all masks with one palette, or in grey: a value is a class, whatever its color",
    "unknown_values": "correct the mask, or add the value to train (classes.txt names values that are rare)",
}


def find_pair_faults(subject: Subject) -> list[Finding]:
    """Return the files without a partner, masks of another size, and masks with values that are no class."""
    facts = subject.masks
    if facts is None:
        return []
    alone, others, strange = len(facts.unpaired), len(facts.other_sizes), len(facts.strange)
    palettes = len(facts.other_palettes)
    words = {
        "missing_partner": f"{alone:,} of {facts.files:,} images and masks have no partner, or two",
        "size_mismatch": f"{others:,} {'mask is' if others == 1 else 'masks are'} of another size than the image",
        "other_palettes": f"{palettes:,} {'mask shows' if palettes == 1 else 'masks show'} a value in another color"
        " than those before",
        "unknown_values": f"{strange:,} {'mask holds' if strange == 1 else 'masks hold'} a value that no train mask"
        " has, or that has no name",
    }
    kinds: Mapping[str, Mapping[str, str]] = {
        "missing_partner": facts.unpaired,
        "size_mismatch": facts.other_sizes,
        "other_palettes": facts.other_palettes,
        "unknown_values": {name: f"the value {value}" for name, value in facts.strange.items()},
    }
    return [
        Finding(
            kind=kind,
            severity="error",
            words=words[kind],
            advice=ADVICE[kind],
            where=tuple(named),
            count=len(named),
            evidence={"reasons": list(named.values())},
        )
        for kind, named in kinds.items()
        if named
    ]
