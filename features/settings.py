"""What the features room needs to know from outside, read once at a front door and handed down."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class FeatureSettings(BaseSettings):
    """Where data lives and how it is read; environment variables carry the prefix NEXTBEST_."""

    model_config = SettingsConfigDict(env_prefix="NEXTBEST_", extra="ignore")

    home: Path = Field(default=Path("nextbest-home"), description="The folder that holds all state.")
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$", description="The home's one currency, fixed when the home is made.")
    threads: int = Field(default=0, ge=0, description="Threads of the feature engine; 0 takes all cores.")
    memory_limit: str = Field(default="", description="Memory limit of the feature engine, e.g. 4GB; empty leaves the engine's own.")
