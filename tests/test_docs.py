"""The documents tell the truth: everything that can be called, set or mapped stands in them, and what stands in them exists."""

import importlib
import pkgutil
import re
import shlex
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer.main
import yaml
from fastapi.routing import APIRoute

import serving.api
from decisions.catalogue import load_catalogue
from features import contract
from features.contract import NO_ACTION, TABLES
from features.definitions import FEATURES
from features.home import open_home
from features.ingest.mapping import OrdersMapping, TableMapping, load_mapping, presets
from features.ingest.run import ingest
from features.journey import load_stages
from features.settings import FeatureSettings
from serving.cli.main import app
from serving.settings import ServingSettings
from training.settings import TrainingSettings

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "mlflow" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS_DOC, DATA_DOC, FEATURES_DOC, JOURNEY_DOC, HTTP_DOC = (
    (ROOT / "docs" / f"{name}.md").read_text() for name in ("commands", "data", "features", "journey", "http")
)
FAMILIES = list(dict.fromkeys(f.family for f in FEATURES))
IN_FUTURE = datetime(2100, 1, 1)


def leaves(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """(words, command) of every command that does something."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from leaves(command, (*path, name))
        else:
            yield (*path, name), command


ENTRANCE = typer.main.get_command(app)
LEAVES = dict(leaves(ENTRANCE))


def options(command: Any) -> dict[str, Any]:
    """--name -> its declaration, without --help."""
    return {p.opts[0]: p for p in command.params if p.param_type_name == "option" and p.name != "help"}


def section(document: str, heading: str) -> str:
    """What stands under a heading, up to the next one of its level or above."""
    marks, _ = heading.split(" ", 1)
    after = re.split(rf"^{re.escape(heading)}$", document, maxsplit=1, flags=re.MULTILINE)
    assert len(after) == 2, f"there is no heading {heading!r}"
    return re.split(rf"^#{{1,{len(marks)}}} ", after[1], maxsplit=1, flags=re.MULTILINE)[0]


def blocks(document: str, language: str) -> list[str]:
    """The fenced blocks of one language, without their indentation."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", document, flags=re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


def rows(text: str) -> list[list[str]]:
    """The rows of all tables in a text, without their heads."""
    lines = [line.strip().strip("|").split("|") for line in text.splitlines() if line.strip().startswith("|")]
    ruler = [i for i, cells in enumerate(lines) if all(re.fullmatch(r"-+", cell.strip()) for cell in cells)]
    return [[cell.strip() for cell in cells] for i, cells in enumerate(lines) if i not in ruler and i + 1 not in ruler]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_every_command_stands_with_its_options_and_no_others(words: tuple[str, ...]) -> None:
    told = section(COMMANDS_DOC, f"### `nextbest {' '.join(words)}`")
    real = options(LEAVES[words])
    assert {name.split()[0] for row in rows(told) for name in quoted(row[0])} == set(real)
    assert real or "no options" in told
    for row in rows(told):
        declared = real[quoted(row[0])[0].split()[0]]
        if declared.required:
            assert row[1] == "required"
        elif declared.default not in (None, False, ()):
            assert str(declared.default) in row


def test_every_command_has_only_its_own_section() -> None:
    told = re.findall(r"^### `nextbest ([^`]+)`$", COMMANDS_DOC, flags=re.MULTILINE)
    assert sorted(told) == sorted(" ".join(words) for words in LEAVES)


def test_options_of_every_command_stand_at_the_top() -> None:
    top = COMMANDS_DOC.split("\n## ")[0]
    assert {name.split()[0] for row in rows(top) for name in quoted(row[0]) if name.startswith("--")} == set(options(ENTRANCE))


def test_every_setting_stands_with_its_default() -> None:
    fields = {**FeatureSettings.model_fields, **TrainingSettings.model_fields, **ServingSettings.model_fields}
    told = {quoted(row[0])[0]: row for row in rows(section(COMMANDS_DOC, "## Settings"))}
    assert set(told) == {f"NEXTBEST_{name.upper()}" for name in fields}
    for name, field in fields.items():
        default = str(
            getattr(field.default, "get_secret_value", lambda value=field.default: value)() or ("0" if field.default == 0 else "")
        )
        assert told[f"NEXTBEST_{name.upper()}"][1].strip("`") == default


def test_every_route_stands_in_the_http_guide_and_no_other() -> None:
    subjects = [importlib.import_module(f"serving.api.{module.name}") for module in pkgutil.iter_modules(serving.api.__path__)]
    routes = [route for subject in subjects if hasattr(subject, "router") for route in subject.router.routes]
    real = {f"{method} {route.path}" for route in routes if isinstance(route, APIRoute) for method in route.methods}
    told = {name for row in rows(section(HTTP_DOC, "## Routes")) for name in quoted(row[0])}
    assert told == real


def test_every_make_target_is_listed() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, flags=re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)
    assert phony is not None
    assert targets == set(phony[1].split())
    assert {quoted(row[0])[0].removeprefix("make ") for row in rows(section(COMMANDS_DOC, "## Make targets"))} == targets


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_table_stands_with_its_columns(table: contract.Table) -> None:
    told = rows(section(DATA_DOC, f"### {table.name}"))
    assert told == [[f"`{c.name}`", c.kind, "yes" if c.required else "", c.meaning] for c in table.columns]


def test_every_event_type_stands_in_the_data_guide() -> None:
    told = re.search(r"^Event types: (.*?)\. ", DATA_DOC, flags=re.MULTILINE | re.DOTALL)
    assert told is not None
    assert tuple(quoted(told[1])) == contract.EVENT_TYPES


def test_every_key_of_a_mapping_stands_with_its_default() -> None:
    general, orders = DATA_DOC.split("## Mapping")[1].split("Under `orders` there are besides:")
    told = {quoted(row[0])[0]: row[1].strip("`") for row in rows(general)}
    assert set(told) == set(TableMapping.model_fields)
    plain = {name: str(field.default).lower() for name, field in TableMapping.model_fields.items() if field.default not in (None, {})}
    assert {name: told[name].lower() for name in plain} == plain
    own = {quoted(row[0])[0].split(":")[0] for row in rows(orders.split("An example")[0])}
    assert own - {"columns"} == set(OrdersMapping.model_fields) - set(TableMapping.model_fields)


def test_every_preset_stands_in_the_data_guide() -> None:
    assert {quoted(row[0])[0] for row in rows(section(DATA_DOC, "### Presets"))} == set(presets())


def test_the_worked_example_gives_what_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (csv,), (mapping,), (report,) = blocks(DATA_DOC, "csv"), blocks(DATA_DOC, "yaml"), blocks(DATA_DOC, "text")
    Path("sales.csv").write_text(csv)
    Path("sales.yaml").write_text(mapping)
    home = open_home(tmp_path / "home")
    found = ingest(home, {"orders": [Path("sales.csv")]}, load_mapping("sales.yaml"), today=IN_FUTURE)
    assert found.lines() == report.splitlines()
    told = rows(section(DATA_DOC, "## Mapping").split("(`Seller`")[1].split("### Presets")[0])
    names = ["customer_id", "order_id", "product_id", "ordered_at", "quantity", "unit_price", "channel", "line_kind"]
    written = pd.read_parquet(home.table("orders"))
    assert written[names].astype("str").to_numpy().tolist() == told
    assert written["Seller"].notna().any()


def test_every_feature_stands_in_the_catalogue_under_its_family() -> None:
    told = {family: [(quoted(row[0])[0], row[1], row[2]) for row in rows(section(FEATURES_DOC, f"### {family}"))] for family in FAMILIES}
    assert told == {family: [(f.name, f.unit, f.description) for f in FEATURES if f.family == family] for family in FAMILIES}
    assert re.findall(r"^### (.+)$", FEATURES_DOC, re.MULTILINE) == FAMILIES


def test_stages_and_their_default_rules_stand_in_the_journey_guide() -> None:
    assert tuple(row[0] for row in rows(JOURNEY_DOC.split("## Rules")[0])) == contract.STAGES
    told = [(row[1], quoted(row[2])[0]) for row in rows(section(JOURNEY_DOC, "## Rules of the stages"))]
    assert told == [(stage, " ".join(rule.text.split())) for stage, rule in load_stages().rules]


def test_every_action_of_the_default_catalogue_stands_under_its_stages() -> None:
    told = {row[0]: re.findall(r"`(\w+)` \(([\w, ]+)\)", row[1]) for row in rows(section(JOURNEY_DOC, "## Actions"))}
    actions = [action for action in load_catalogue(None).actions if action.action_id != NO_ACTION]
    assert told == {stage: [(a.action_id, ", ".join(a.channels)) for a in actions if stage in a.stages] for stage in contract.STAGES}


def test_the_new_action_of_the_journey_guide_can_be_loaded(tmp_path: Path) -> None:
    (example,) = blocks(JOURNEY_DOC, "yaml")
    (tmp_path / "catalogue.yaml").write_text(example)
    assert load_catalogue(tmp_path / "catalogue.yaml").action("birthday_letter") is not None


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\[[^\]]+\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        reached = (document.parent / path).resolve() if path else document
        assert reached.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", reached.read_text(), flags=re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}, target


def command_lines() -> Iterator[tuple[str, str]]:
    """(document, line) of every `nextbest ...` that a document tells to run, in shell blocks and within sentences."""
    for document in DOCUMENTS:
        text = document.read_text()
        within = [code for code in quoted(re.sub(r"```.*?```", "", text, flags=re.DOTALL)) if code.startswith("nextbest ")]
        for line in (*(line for block in blocks(text, "sh") for line in block.splitlines()), *within):
            told = line.strip().removeprefix(".venv/bin/").split(" > ")[0]  # what the shell does with the output is no argument
            if told.startswith("nextbest "):
                yield str(document.relative_to(ROOT)), told


@pytest.mark.parametrize(("document", "line"), sorted(set(command_lines())))
def test_every_command_line_can_be_given(document: str, line: str) -> None:
    words = [re.sub(r"^[A-Z_]+$", "1", word) for word in shlex.split(line, comments=True)[1:]]
    words = [word for word in words if word != "1" or line != "nextbest 1 -h"]
    command: Any = ENTRANCE
    while words:
        if hasattr(command, "commands") and not words[0].startswith("-"):
            if words[0] == "1":  # COMMAND stands for any
                return
            assert words[0] in command.commands, f"{document}: there is no command {words[0]!r}"
            command, words = command.commands[words[0]], words[1:]
        elif hasattr(command, "commands"):
            width = 1 if words[0] in ("--json", "-h") else 2
            assert words[0] in {*options(ENTRANCE), "-h"}, f"{document}: {words[0]}"
            words = words[width:]
        else:
            break
    if hasattr(command, "commands") or "-h" in words:
        return
    bare = len(words) == 0  # named in a sentence, not told to be run so
    if not bare:
        command.make_context("nextbest", words, resilient_parsing=False)


def test_the_mapping_of_the_readme_can_be_read(tmp_path: Path) -> None:
    (example,) = blocks((ROOT / "README.md").read_text(), "yaml")
    (tmp_path / "mapping.yaml").write_text(example)
    assert load_mapping(str(tmp_path / "mapping.yaml")).orders.columns == {
        name: (theirs,) for name, theirs in yaml.safe_load(example)["orders"]["columns"].items()
    }
