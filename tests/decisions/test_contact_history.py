"""What rules and limits ask about earlier contacts: by hand at the borders, and one customer as many."""

import math
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions import NO_ACTION, Contact
from decisions.catalogue import catalogue_of
from decisions.contact_history import ContactFacts, ContactRows
from decisions.contact_names import ContactFact, contact_facts, contact_names
from decisions.reading import document_of

AT = datetime(2024, 3, 5, 9)
CATALOGUE = catalogue_of(
    document_of(
        """
margin_share: 0.3
groups: {discount: {within: offer}}
actions:
  - {action_id: coupon, channels: [email, sms], group: discount}
  - {action_id: gift, channel: web, group: offer}
  - {action_id: letter, channel: email}
""",
        "catalogue.yaml",
    )
)
FACTS = (
    *contact_facts(("email", "sms", "web")),
    ContactFact("ever"),
    ContactFact("coupons:7", action_ids=frozenset({"coupon"}), days=7),
    ContactFact("since:coupon", kind="days_since", action_ids=frozenset({"coupon"})),
    ContactFact("offers:30", groups=frozenset({"offer"}), days=30),
    ContactFact("rejected:offer", groups=frozenset({"offer"}), days=60, outcome="rejected"),
    ContactFact("unsubscribed:email", channels=frozenset({"email"}), outcome="unsubscribed"),
    ContactFact("rejected_at:email", kind="days_since", channels=frozenset({"email"}), outcome="rejected"),
)
READY = ContactFacts(FACTS, CATALOGUE)
MICROSECOND = timedelta(microseconds=1)


def contact(action_id: str, channel: str, age: timedelta | float, *outcomes: str) -> Contact:
    return Contact("d", action_id, channel, AT - (age if isinstance(age, timedelta) else timedelta(days=age)), outcomes)


def of(*contacts: Contact) -> dict[str, float | None]:
    return READY.of(contacts, AT)


def test_without_contacts_counts_are_nothing_and_days_are_missing() -> None:
    assert of() == {fact.name: 0.0 if fact.kind == "count" else None for fact in FACTS}


@pytest.mark.parametrize(
    ("name", "days"), [("contact_count_7d", 7), ("contact_count_30d", 30), ("email_contact_count_7d", 7), ("offers:30", 30)]
)
def test_an_age_of_the_whole_window_is_out_of_it(name: str, days: int) -> None:
    border = timedelta(days=days)
    assert of(contact("coupon", "email", border))[name] == 0
    assert of(contact("coupon", "email", border - MICROSECOND))[name] == 1


def test_what_comes_at_as_of_or_later_is_not_seen() -> None:
    assert of(contact("coupon", "email", 0.0), contact("coupon", "email", -MICROSECOND), contact("coupon", "email", -9.0)) == of()
    assert of(contact("coupon", "email", MICROSECOND))["ever"] == 1


def test_no_action_is_no_contact() -> None:
    assert of(contact(NO_ACTION, "", 1.0), contact(NO_ACTION, "email", 1.0, "rejected", "unsubscribed")) == of()


def test_each_question_is_about_its_own_contacts() -> None:
    found = of(
        contact("coupon", "sms", 3.0, "viewed", "rejected"),
        contact("gift", "web", 40.0, "rejected"),
        contact("gone", "email", 1.5, "rejected"),
    )
    assert {name: value for name, value in found.items() if value} == {
        "contact_count_7d": 2,
        "contact_count_30d": 2,
        "days_since_contact": 1.5,
        "rejected_count_60d": 3,
        "email_contact_count_7d": 1,
        "email_contact_count_30d": 1,
        "days_since_email_contact": 1.5,
        "sms_contact_count_7d": 1,
        "sms_contact_count_30d": 1,
        "days_since_sms_contact": 3.0,
        "days_since_web_contact": 40.0,
        "ever": 3,
        "coupons:7": 1,
        "since:coupon": 3.0,
        "offers:30": 1,
        "rejected:offer": 2,
        "rejected_at:email": 1.5,
    }, "a group holds the groups within it; an action that the catalogue no longer has is in none"


def test_the_newest_contact_says_how_long_ago() -> None:
    ages = [3.0, 0.25, 9.0]
    assert of(*(contact("coupon", "sms", age) for age in ages))["since:coupon"] == 0.25


def test_names_of_facts_are_words() -> None:
    names = contact_names(["zalo-chat", "email"])
    assert names[-3:] == ("zalo_chat_contact_count_7d", "zalo_chat_contact_count_30d", "days_since_zalo_chat_contact")
    assert len(set(names)) == len(names)


AGES = st.sampled_from([0, 1, 7 * 86_400, 30 * 86_400, 60 * 86_400]).flatmap(
    lambda seconds: st.sampled_from([timedelta(0), MICROSECOND, -MICROSECOND]).map(lambda bit: timedelta(seconds=seconds) + bit)
) | st.floats(-2, 90).map(lambda days: timedelta(days=days))
CONTACTS = st.lists(
    st.builds(
        lambda action_id, channel, age, outcomes: contact(action_id, channel, age, *outcomes),
        st.sampled_from(["coupon", "gift", "letter", "gone", NO_ACTION]),
        st.sampled_from(["email", "sms", "web", "fax"]),
        AGES,
        st.lists(st.sampled_from(["rejected", "unsubscribed", "viewed"]), max_size=2),
    ),
    max_size=7,
)


@settings(max_examples=60)
@given(customers=st.lists(CONTACTS, min_size=2, max_size=5))
def test_many_customers_are_asked_as_one(customers: list[list[Contact]]) -> None:
    many = READY.of_many(ContactRows.of(customers, AT), len(customers))
    for row, theirs in enumerate(customers):
        alone = {name: math.nan if value is None else value for name, value in READY.of(theirs, AT).items()}
        assert np.array_equal([alone[fact.name] for fact in FACTS], [many[fact.name][row] for fact in FACTS], equal_nan=True)


@settings(max_examples=60)
@given(contacts=CONTACTS, action_id=st.sampled_from(["coupon", "gift", "letter"]), channel=st.sampled_from(["email", "sms", "web"]))
def test_after_a_pick_the_answers_are_those_of_counting_again(contacts: list[Contact], action_id: str, channel: str) -> None:
    guessed = READY.after(READY.of(contacts, AT), action_id, channel)
    counted = READY.of([*contacts, contact(action_id, channel, MICROSECOND)], AT)
    assert guessed == {name: value if value is None else pytest.approx(value, abs=1e-9) for name, value in counted.items()}


def test_nobodys_contacts() -> None:
    found = READY.of_many(ContactRows.of([[], []], AT), 2)
    assert found["ever"].tolist() == [0, 0]
    assert np.isnan(found["since:coupon"]).all()
