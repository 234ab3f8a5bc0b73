"""The guide for whoever keeps the catalogue tells the truth: its tables name every key of every form, and its examples load."""

import re
from pathlib import Path

import pytest

from decisions.actions import Offer
from decisions.catalogue import DEFAULT_CATALOGUE, catalogue_of, load_catalogue
from decisions.catalogue_doubts import doubts
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
from decisions.limits import limits_of, load_limits
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
    return found


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


def test_the_limits_can_be_loaded() -> None:
    limits = limits_of(document_of(block("contacts"), "limits.yaml"), catalogue=load_catalogue())
    assert limits.budgets
    assert limits.quiet_hours


def test_the_new_action_can_be_pasted_at_the_end_of_the_default_file(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.yaml"
    path.write_text(DEFAULT_CATALOGUE.read_text() + block("- action_id"))
    read = load_catalogue(path)
    action = read.actions[-1]
    assert (action.action_id, set(action.treatments)) == ("tea_tasting", {"email", "sms"})
    assert not any("tea_tasting" in sentence for sentence in doubts(read, load_limits(catalogue=read)))


def test_what_more_can_be_wanted_can_be_written_where_it_is_said() -> None:
    """The rows' words go where the table says, in files that hold the pasted action."""
    group, monthly, budget, series, chosen = (re.findall(r"`([^`]+)`", row[2]) for row in table("An action in five minutes"))
    letters = "".join(f"  - {{action_id: {name}_letter, channel: email}}\n" for name in ("first", "second", "third"))
    top = f"margin_share: 0.3\nsenders: {{vi: {{name: Linh}}}}\ngroups:\n  {group[0]}\nseries:\n  {series[0]}\nactions:\n"
    items = "  - action_id: items\n    channel: email\n" + "".join(f"    {line}\n" for line in chosen)
    read = catalogue_of(document_of(top + letters + items + block("- action_id"), "catalogue.yaml"))
    assert read.groups["event"].eligibility is not None
    assert read.series[0].action_ids == ("first_letter", "second_letter", "third_letter")
    own = read.action("items")
    assert own is not None
    assert own.offer == Offer(0.2, code="TEA20", valid_days=7, on_products=True)
    assert own.products.categories == ("Home > Kitchen",)
    limits = limits_of(document_of(f"actions:\n  {monthly[0]}\nbudgets:\n  {budget[0]}\n", "limits.yaml"), catalogue=read)
    assert (limits.actions["tea_tasting"].month, limits.budgets["tea_tasting"].money) == (1, 200)


def test_the_smallest_form_can_be_loaded(tmp_path: Path) -> None:
    (smallest,) = re.findall(r"`(\{margin_share: .*?\]\}\]\})`", GUIDE)
    (tmp_path / "catalogue.yaml").write_text(smallest)
    assert load_catalogue(tmp_path / "catalogue.yaml").action("mens_email") is not None
