"""What the features room needs to know from outside, read once at a front door and handed down."""

from pathlib import Path
from typing import Literal
from zoneinfo import available_timezones

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class FeatureSettings(BaseSettings):
    """Where data lives and how it is read; environment variables carry the prefix NEXTBEST_."""

    model_config = SettingsConfigDict(env_prefix="NEXTBEST_", extra="ignore")

    home: Path = Field(default=Path("nextbest-home"), description="The folder that holds all state.")
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$", description="The home's one currency, fixed when the home is made.")
    timezone: str = Field(
        default="UTC", description="The time zone of the home's clocks, like Asia/Ho_Chi_Minh, fixed when the home is made."
    )
    engine: Literal["duckdb", "spark"] = Field(default="duckdb", description="What works the tables: duckdb, on this machine, or spark.")
    spark_master: str = Field(
        default="local[*]", min_length=1, description="Where Spark runs: local[*] is this machine, spark://HOST:7077 a cluster."
    )
    threads: int = Field(default=0, ge=0, description="Threads of the feature engine; 0 takes all cores. Spark's master says its own.")
    memory_limit: str = Field(default="", description="Memory limit of the feature engine, e.g. 4GB; empty leaves the engine's own.")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f"{name!r} is no time zone; Asia/Ho_Chi_Minh and UTC are")
        return name
