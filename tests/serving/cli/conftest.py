"""The command as a person runs it: exit code, what it prints, and nothing else."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from serving.cli.main import main


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def nextbest(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `nextbest --home tmp_path/home ...` in this process."""

    def run(*arguments: object, home: Path | None = None) -> Ended:
        monkeypatch.setattr(sys, "argv", ["nextbest", "--home", str(home or tmp_path / "home"), *(str(a) for a in arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        said = capsys.readouterr()
        return Ended(code if isinstance(code, int) else 0, said.out, said.err)

    return run
