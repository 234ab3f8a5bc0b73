"""YAML read quickly says what YAML read slowly says."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from features.quick_yaml import QuickLoader, read_yaml

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(path for room in ("features", "training", "decisions") for path in (ROOT / room).rglob("*.yaml"))
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12) | st.sampled_from(
    ["no", "1e3", "~", "a: b", "- a", "#", "'", " x ", "2024-01-31"]
)
VALUES = st.recursive(
    TEXTS | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, min_size=1, max_size=4) | st.dictionaries(TEXTS, inner, min_size=1, max_size=4),
    max_leaves=20,
)


def places(node: yaml.Node) -> list[Any]:
    """Where every part begins, its kind and its tag; empty values, of which nothing is there to stand anywhere, without their column."""
    if isinstance(node, yaml.ScalarNode):
        return [(node.tag, node.value, node.start_mark.line, node.start_mark.column if node.value else None)]
    inner = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
    return [(node.tag, node.start_mark.line), *(place for part in inner for place in places(part))]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_file_of_the_product_says_the_same_in_the_same_lines(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert read_yaml(text) == yaml.safe_load(text)
    quick, slow = QuickLoader(text).get_single_node(), yaml.SafeLoader(text).get_single_node()
    assert quick is not None
    assert slow is not None
    assert places(quick) == places(slow)


@given(value=VALUES, flow=st.booleans())
def test_what_was_written_is_read(value: Any, flow: bool) -> None:
    text = yaml.safe_dump(value, allow_unicode=True, default_flow_style=flow)
    assert QuickLoader(text).get_single_data() == yaml.safe_load(text) == value


@pytest.mark.parametrize(
    "text",
    ["a: [1", "a: 'b", "\ta: 1", "a: b: c", "a: *b", "a: @b", "a: 1\n  b: 2", "a: \x00", "a: \ud800", "a: !!python/name:os.system x"],
)
def test_what_is_not_yaml_is_told_in_the_same_words(text: str) -> None:
    with pytest.raises(yaml.YAMLError) as slow:
        yaml.safe_load(text)
    with pytest.raises(yaml.YAMLError) as quick:
        read_yaml(text)
    assert str(quick.value) == str(slow.value)


@pytest.mark.parametrize("text", ["[", "- ", "{a: "])
def test_a_text_nested_without_end_ends_no_process(text: str) -> None:
    program = f"""
from features.quick_yaml import QuickLoader
try:
    QuickLoader({text!r} * 100_000).get_single_data()
except RecursionError:
    print("refused")
"""
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "refused\n"


def test_it_is_libyaml_that_reads() -> None:
    assert "CParser" in {each.__name__ for each in QuickLoader.__mro__}
