"""The guide for shopkeepers tells the truth: its example loads, and its tables name every key and every reason."""

import re
from datetime import datetime
from pathlib import Path

from decisions.merchandising import MEANINGS, REASONS, Rules, load_rules
from decisions.merchandising.rules import Only, Pin, Scope
from decisions.merchandising.rules_file import RulesForm

GUIDE = (Path(__file__).parents[3] / "docs" / "merchandising.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading."""
    below = GUIDE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line.strip("|").split("|") for line in below.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line] for line in lines[2:]]


def test_the_example_can_be_loaded(tmp_path: Path):
    (example,) = re.findall(r"```yaml\n(.*?)```", GUIDE, flags=re.DOTALL)
    (tmp_path / "recommendations.yaml").write_text(example)
    found = load_rules(tmp_path / "recommendations.yaml")
    assert found.pins[0] == Pin("85123A", 1, None, Scope(("home",), datetime(2025, 11, 28), datetime(2025, 12, 1)))
    assert [boost.factor for boost in found.boosts] == [1.5, 0.5]
    assert isinstance(found.only[0], Only)


def test_every_key_stands_with_its_default():
    told = {row[0].strip("`"): row[1].strip("`") for row in rows("Keys")}
    assert list(told) == list(RulesForm.model_fields)
    plain = {name: told[name] for name in ("minimum_stock", "diversity", "candidates", "fill")}
    assert plain == {name: f"{float(getattr(Rules(), name)):g}" if name != "fill" else "false" for name in plain}


def test_every_reason_stands_in_its_order():
    assert [(row[0].strip("`"), row[1]) for row in rows("What was left out")] == [(reason, MEANINGS[reason]) for reason in REASONS]
