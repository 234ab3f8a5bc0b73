"""Typical mistakes in YAML files are told in plain words, at their line, with what to write instead."""

from pathlib import Path

import pytest

from decisions.catalogue import DEFAULT_CATALOGUE, catalogue_of
from decisions.reading import document_of, read_document
from features.errors import InputError

WELL = """margin_share: 0.3
groups:
  event: {eligibility: order_count > 1}
actions:
  - action_id: letter
    channels: [email, push]
    stages: [retention]
    treatments:
      en:
        subject: Hi
        body: It is us
"""


@pytest.mark.parametrize(
    ("right", "wrong", "line", "problem", "remedy"),
    [
        ("    stages", "   stages", 7, "not indented as what it belongs to", "Indent it with spaces"),
        ("    stages", "     stages", 7, "not indented as what it belongs to", "Indent it with spaces"),
        ("  - action_id", "- action_id: a\n  - action_id", 6, "not indented as what it belongs to", "Indent it with spaces"),
        ("    stages", "\tstages", 7, "indented with a tab", "Replace the tab by spaces"),
        ("subject: Hi", "subject: {{ customer.given_name }}, hi", 10, "must stand in quotes as a whole", "double quotes"),
        ("subject: Hi", 'subject: "{{ customer.given_name }}", hi', 10, "must stand in quotes as a whole", "double quotes"),
        ("subject: Hi", "subject: Tea: a cup", 10, "must stand in quotes as a whole", "double quotes"),
        ("subject: Hi", "subject: %code% for you", 10, "begins with % must stand in quotes", "double quotes"),
        ("subject: Hi", "subject: *Tea*", 10, "begins with \\* or & must stand in quotes", "double quotes"),
        ("subject: Hi", "subject: *tea", 10, "begins with \\* or & must stand in quotes", "double quotes"),
        ("subject: Hi", "subject: & more", 10, "begins with \\* or & must stand in quotes", "double quotes"),
        ("subject: Hi", "subject: 'Tea", 12, "begins in line 10 with a quote and does not end", "Add the quote"),
        ("order_count > 1", "city in ['Huế']", 3, "text between brackets has one of", "Put the text in quotes"),
        ("[email, push]", "[email, push", 7, "a bracket is not closed", "Put the text in quotes"),
        ("    channels", "    action_id: note\n    channels", 6, "'action_id' stands there twice", "begin a new item with a dash"),
    ],
)
def test_what_is_not_yaml_is_told_in_plain_words(right: str, wrong: str, line: int, problem: str, remedy: str) -> None:
    text = WELL.replace(right, wrong, 1)
    assert text != WELL
    with pytest.raises(InputError, match=problem) as caught:
        document_of(text, "catalogue.yaml")
    assert str(caught.value).startswith(f"catalogue.yaml, line {line}: ")
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("cost", "problem", "remedy"),
    [
        ("20%", "'20%' is no number", "Write it as a share of 1: 0.2."),
        ("2,5 %", "'2,5 %' is no number", "Write it as a share of 1: 0.025."),
        ("0,15", "'0,15' is no number", "Write it with a point: 0.15."),
        ("15", "15 is more than 1, the most it may be", "Write a share of 1: 15 % is 0.15."),
        ("1" + 400 * "0", "is more than 1|is no number|finite", ""),
        ("-0.1", "-0.1 is less than 0, the least it may be", "Correct it there."),
    ],
)
def test_a_share_that_is_none_is_told_how_to_be_written(cost: str, problem: str, remedy: str) -> None:
    text = WELL.replace("margin_share: 0.3", f"margin_share: {cost}")
    with pytest.raises(InputError, match=problem) as caught:
        catalogue_of(document_of(text, "catalogue.yaml"))
    assert str(caught.value).startswith("catalogue.yaml, line 1: margin_share: ")
    assert remedy in caught.value.remedy


def test_a_mistake_in_a_template_is_told_at_the_line_of_the_text() -> None:
    for right, wrong, line in (
        ("subject: Hi", "subject: Hi {{ customer.nmae }}", 10),
        ("body: It", "body: It {{ city }}", 11),
        ("body: It", "body: It {{ products[0].name }}", 11),
    ):
        with pytest.raises(InputError) as caught:
            catalogue_of(document_of(WELL.replace(right, wrong), "catalogue.yaml"))
        assert str(caught.value).startswith(f"catalogue.yaml, line {line}: action 'letter', treatments: "), wrong
    by_channel = WELL.replace(
        "      en:\n        subject: Hi\n        body: It is us\n",
        "      email: {en: {subject: Hi, body: Hi}}\n      push:\n        en:\n          body: '{{ nmae }}'\n",
    )
    with pytest.raises(InputError, match=r"line 12: action 'letter', treatments: push, en, body: .*'nmae'"):
        catalogue_of(document_of(by_channel, "catalogue.yaml"))


@pytest.mark.parametrize(
    ("body", "remedy"),
    [
        ("{{ signature }}", "Say who speaks in en, at the top of the file: senders: {en: {name: "),
        ("{{ sender.name }}", "Say who speaks in en"),
        ("{{ products[0].name }}", "Say of which products the action speaks: products: [cart, viewed]"),
    ],
)
def test_what_a_text_lacks_is_named(body: str, remedy: str) -> None:
    with pytest.raises(InputError) as caught:
        catalogue_of(document_of(WELL.replace("It is us", f'"{body}"'), "catalogue.yaml"))
    assert caught.value.remedy.startswith(remedy)


def test_curly_quotes_in_a_template_are_recognised() -> None:
    with pytest.raises(InputError, match="Write straight quotes"):
        catalogue_of(document_of(WELL.replace("Hi\n", '"{{ customer.given_name or ‘you’ }}"\n'), "catalogue.yaml"))


def test_another_encoding_is_told_with_the_line_of_its_first_letter(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.yaml"
    path.write_bytes(WELL.replace("Hi", "Trà").encode("latin-1"))
    with pytest.raises(InputError, match=r"catalogue.yaml, line 10: it is not UTF-8 text. Save it as UTF-8"):
        read_document(path)
    path.write_text("\ufeff" + DEFAULT_CATALOGUE.read_text())
    assert catalogue_of(read_document(path)).actions


@pytest.mark.parametrize(
    ("rule", "hint"),
    [
        ("order_count = 2", "Equality is written ==."),
        ("order_count > 2 AND order_count < 5", "with small letters"),
        ("order_count > 2 && order_count < 5", "Write and, or."),
        ("churn_probability > 30% and order_count > 1", "30 % is 0.3"),
        ("order_count between 2 and 5", "2 <= order_count <= 5"),
        ("city == ‘Huế’", "Write straight quotes"),
        ("order_count <> 2", "Unequal is written !="),
        ("churn_probability > 0,5 0", "with a point"),
    ],
)
def test_what_other_languages_write_is_recognised_in_rules(rule: str, hint: str) -> None:
    with pytest.raises(InputError, match="line 3: groups, event, eligibility: ") as caught:
        catalogue_of(document_of(WELL.replace("{eligibility: order_count > 1}", f'{{eligibility: "{rule}"}}'), "catalogue.yaml"))
    assert hint in caught.value.remedy
    quoted = "city == 'A AND B = 5% | ‘’' and"
    with pytest.raises(InputError) as unknown:
        catalogue_of(document_of(WELL.replace("{eligibility: order_count > 1}", f'{{eligibility: "{quoted}"}}'), "catalogue.yaml"))
    assert unknown.value.remedy.startswith("Rules know: ")  # what stands in quotes is no hint
