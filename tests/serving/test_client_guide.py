"""The client's guide: its programs run as they are written, but for the server's address."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serving.client import Client
from serving.client.connection import HERE

GUIDE = (Path(__file__).parents[2] / "docs" / "client.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"^```python\n(.*?)^```$", GUIDE, flags=re.MULTILINE | re.DOTALL)


def test_every_program_of_the_guide_runs(serve: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert len(PROGRAMS) == 5
    with serve() as http:
        url = str(http.base_url).rstrip("/")
        with Client(url) as client:
            client.put_customer("17850", {"name": "An"})
        for number, program in enumerate(PROGRAMS):
            here = program.replace(HERE, url).replace("Client()", f"Client({url!r})")
            assert url in here
            exec(compile(here, f"docs/client.md, program {number}", "exec"), {"__name__": "guide"})
        said = capsys.readouterr().out
        assert "404 unknown-customer" in said
        assert "refused:" not in said
        with Client(url) as client:
            profile = client.customer("17850")
    assert profile.order_count == 1
    assert len(profile.touchpoints) == 3
