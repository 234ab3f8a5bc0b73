"""What became of posted rows."""

from pydantic import BaseModel, ConfigDict, Field


class Refusal(BaseModel):
    """A row that was not taken: its place in the batch, counted from 0, and why."""

    index: int
    reason: str
    remedy: str


class Receipt(BaseModel):
    """What became of the rows: those accepted are on disk; a duplicate was there already."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"accepted": 2, "duplicate": 1, "refused": 0, "refusals": []}]})

    accepted: int = Field(description="rows that are new and stored")
    duplicate: int = Field(description="rows that were stored before, left as they were")
    refused: int = Field(description="rows that cannot be used, see refusals")
    refusals: list[Refusal]
