"""The guide for whoever keeps the catalogue tells the truth: its tables name every key of every form, and its examples load."""

import re
from pathlib import Path

import pytest

from decisions.catalogue import DEFAULT_CATALOGUE, load_catalogue
from decisions.catalogue_form import (
    ActionForm,
    CatalogueForm,
    GroupForm,
    OfferForm,
    ProductsForm,
    SenderForm,
    SeriesForm,
    ShopForm,
    TreatmentForm,
)
from decisions.channels import CHANNELS, HTML_CHANNELS
from decisions.contact_names import contact_names
from decisions.limits import limits_of
from decisions.limits_form import BudgetForm, LimitForm, LimitsForm, QuietHoursForm, SuppressionForm
from decisions.message_check import KNOWN
from decisions.message_words import FIELDS
from decisions.reading import Form, document_of

GUIDE = (Path(__file__).parents[2] / "docs" / "catalogue.md").read_text()
FORMS = {
    "Keys of the file": CatalogueForm,
    "Keys of an action": ActionForm,
    "Keys of `products`": ProductsForm,
    "Keys of `offer`": OfferForm,
    "Keys of `treatments`": TreatmentForm,
    "Keys of a sender": SenderForm,
    "Keys of `shop`": ShopForm,
    "Keys of a group": GroupForm,
    "Keys of a series": SeriesForm,
}


def table(heading: str, number: int = 0) -> list[list[str]]:
    """The cells of one table under a heading."""
    below = GUIDE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"(?:^\|.*\n)+", below + "\n", flags=re.MULTILINE)[number]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found.splitlines()[2:]]


def keys(form: type[Form]) -> set[str]:
    return {part.alias or name for name, part in form.model_fields.items()}


def block(start: str) -> str:
    (found,) = (each for each in re.findall(r"```yaml\n(.*?)```", GUIDE, flags=re.DOTALL) if each.lstrip().startswith(start))
    return re.sub(r"^   ", "", found, flags=re.MULTILINE) if found.startswith("   ") else found


@pytest.mark.parametrize("heading", FORMS)
def test_every_key_stands_in_its_table_with_a_meaning(heading: str) -> None:
    rows = table(heading)
    assert {row[0].strip("`") for row in rows} == keys(FORMS[heading])
    assert len(rows) == len(keys(FORMS[heading]))
    assert all(row[1] for row in rows)
    for name, part in FORMS[heading].model_fields.items():
        told = next(row[1] for row in rows if row[0] == f"`{part.alias or name}`")
        assert told.startswith("required") == part.is_required(), name


def test_every_key_of_the_limits_stands_in_their_table() -> None:
    told = [row[0].split("`")[1] for row in table("Keys of the limits")]
    forms = (LimitsForm, LimitForm, QuietHoursForm, BudgetForm, SuppressionForm)
    assert sorted(told) == sorted(key for form in forms for key in keys(form))


def test_every_word_of_templates_stands_in_its_table() -> None:
    told = {row[0].strip("`"): set(re.findall(r"`(\w+)`", row[1])) for row in table("Keys of `treatments`", 1)}
    assert set(told) == set(FIELDS)
    assert all(told[word] == fields for word, fields in FIELDS.items() if fields)
    assert all(word in KNOWN for word in told)


def test_the_channels_and_names_of_rules_are_those_of_the_program() -> None:
    (own,) = (row[1] for row in table("Keys of the file") if row[0] == "`channels`")
    assert all(channel in own for channel in CHANNELS)
    (body,) = (row[1] for row in table("Keys of `treatments`") if row[0] == "`body`")
    assert all(channel in body for channel in HTML_CHANNELS)
    names = GUIDE.split("## What rules may name")[1].split("## ")[0]
    assert all(f"`{name}`" in names for name in contact_names(["sms"]))


def test_the_new_action_can_be_loaded_and_the_limits_too(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.yaml"
    path.write_text(block("margin_share"))
    read = load_catalogue(path)
    action = read.action("tea_tasting")
    assert action is not None
    assert set(action.treatments) == {"email", "sms"}
    limits = limits_of(document_of(block("contacts"), "limits.yaml"), catalogue=load_catalogue())
    assert limits.budgets
    assert limits.quiet_hours


def test_the_new_action_can_be_added_to_the_default_file(tmp_path: Path) -> None:
    added = block("margin_share").split("actions:\n")[1]
    (tmp_path / "catalogue.yaml").write_text(DEFAULT_CATALOGUE.read_text() + added)
    assert load_catalogue(tmp_path / "catalogue.yaml").actions[-1].action_id == "tea_tasting"


def test_the_smallest_form_can_be_loaded(tmp_path: Path) -> None:
    (smallest,) = re.findall(r"`(\{margin_share: .*?\]\}\]\})`", GUIDE)
    (tmp_path / "catalogue.yaml").write_text(smallest)
    assert load_catalogue(tmp_path / "catalogue.yaml").action("mens_email") is not None
