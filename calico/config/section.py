"""What all sections of the configuration are made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

PositiveInt = Annotated[int, Field(gt=0)]
Channels = Annotated[int, Field(gt=0, le=4096)]
"""Of a layer. The limits here and below keep a slip of the hand, or a card of somebody else's model, from asking for more
memory than there is."""
Pixels = Annotated[int, Field(gt=0, le=8192)]
PositiveFloat = Annotated[float, Field(gt=0)]
Range = tuple[float, float]


class Section(BaseModel):
    """Base of all sections."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)
