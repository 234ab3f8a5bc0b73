"""What the training room needs to know from outside, read once at a front door and handed down."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class TrainingSettings(BaseSettings):
    """Where models are tracked; environment variables carry the prefix NEXTBEST_."""

    model_config = SettingsConfigDict(env_prefix="NEXTBEST_", extra="ignore")

    tracking_uri: str | None = Field(default=None, description="Address of the MLflow store; by default the SQLite store in the home.")
