"""What serving needs to know from outside, read once at a front door and handed down."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict

from decisions.policy import HOLDOUT_SHARE, RANDOM_SHARE
from features.errors import InputError
from features.settings import FeatureSettings
from serving.fields import naive_utc


class ServingSettings(FeatureSettings):
    """Where the state is, where to listen, and what to bound; environment variables carry the prefix NEXTBEST_."""

    model_config = SettingsConfigDict(env_prefix="NEXTBEST_", extra="ignore", hide_input_in_errors=True)

    database_url: SecretStr = Field(default=SecretStr(""), description="The state database; empty is SQLite in the home.")
    host: str = Field(default="127.0.0.1", min_length=1, description="Address to listen on; any but this machine's own asks for a key.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    as_of: Literal["", "latest"] | Annotated[datetime, AfterValidator(naive_utc)] = Field(
        default="", description="Pins the clock: a time, or latest (just after the newest published row); empty is now."
    )
    seed: int = Field(default=0, ge=0, description="Seed of every draw: with it a decision can be replayed.")
    holdout_share: float = Field(
        default=HOLDOUT_SHARE, ge=0, le=1, description="Share of customers without actions, to measure what actions bring."
    )
    random_share: float = Field(
        default=RANDOM_SHARE,
        ge=0,
        le=1,
        description="Share of customers with any allowed action at random, to measure what the policy brings.",
    )
    catalogue: Path | None = Field(default=None, description="Another catalogue than config/catalogue.yaml in the home.")
    max_body_bytes: int = Field(default=5_000_000, ge=1_000, description="Largest request body.")
    max_batch_rows: int = Field(default=5_000, ge=1, description="Most rows of one batch of events, orders or outcomes.")
    max_waiting_writes: int = Field(
        default=1_000, ge=1, description="Most writes that wait for the database; others are told to come again."
    )


def load_settings(**given: Any) -> ServingSettings:
    """Settings from the environment, `given` ones first. InputError names every setting that cannot be used, without its value."""
    try:
        return ServingSettings(**given)
    except ValidationError as error:
        wrong = [f"NEXTBEST_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors(include_input=False)]
        raise InputError("; ".join(dict.fromkeys(wrong)) + ".", remedy="Correct the settings named, or leave them out.") from error
