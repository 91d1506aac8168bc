"""What all parts of a recipe are made of: frozen values and checked numbers."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# Numbers are strict: else ``true`` would be 1 and "64" 64. A strict float still takes a whole number.
Fraction = Annotated[float, Field(gt=0, lt=1, strict=True)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]
Unit = Annotated[float, Field(ge=0, lt=1, strict=True)]
Count = Annotated[int, Field(ge=1, strict=True)]
Seed = Annotated[int, Field(ge=0, lt=2**63, strict=True)]


class Frozen(BaseModel):
    """A value that cannot change and takes no unknown key."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, protected_namespaces=(), ser_json_inf_nan="constants"
    )
