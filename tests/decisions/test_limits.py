"""The limits: what each key means, the names they must know, and every mistake with its line."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions.actions import Catalogue
from decisions.catalogue import catalogue_of, load_catalogue
from decisions.limits import DEFAULT_LIMITS, Budget, Limit, Limits, QuietHours, Suppression, limits_of, load_limits
from decisions.limits_form import clock_hours
from decisions.reading import document_of
from features.errors import InputError

CATALOGUE: Catalogue = catalogue_of(
    document_of(
        "{margin_share: 0.3, channels: [zalo], groups: {offer: {}, discount: {within: offer}}, actions: [{action_id: card, channel: zalo, group: discount}]}",
        "catalogue.yaml",
    )
)
WHOLE = """
contacts: {every_pushed_channel: {day: 2}, zalo: {week: 1, month: 2}}
groups: {offer: {month: 2}, discount: {}}
actions: {card: {month: 0}}
quiet_hours: {from: "21:30", until: "8:00", channels: [sms, zalo]}
budgets: {card: {per: month, contacts: 500, money: 2000}}
suppression: {rejected_count: 3, within_days: 30}
"""


def limits(text: str, catalogue: Catalogue | None = CATALOGUE) -> Limits:
    return limits_of(document_of(text, "limits.yaml"), catalogue=catalogue)


def test_every_part_is_read() -> None:
    assert limits(WHOLE) == Limits(
        contacts={"every_pushed_channel": Limit(day=2), "zalo": Limit(week=1, month=2)},
        groups={"offer": Limit(month=2), "discount": Limit()},
        actions={"card": Limit(month=0)},
        quiet_hours=QuietHours(21.5, 8.0, frozenset({"sms", "zalo"})),
        budgets={"card": Budget("month", 500, 2000.0)},
        suppression=Suppression(3, 30),
        text=WHOLE,
    )
    assert limits("suppression: {}") == Limits(text="suppression: {}")
    assert Limit(day=0, month=4).windows == ((1, 0), (30, 4))


def test_limits_are_the_same_when_they_are_read_from_their_own_text() -> None:
    for read, catalogue in ((limits(WHOLE), CATALOGUE), (load_limits(catalogue=load_catalogue()), load_catalogue())):
        assert limits(read.text, catalogue) == read


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("contacts:\n  emial: {day: 1}", "line 2: contacts, emial: the channel 'emial' is not known.*'email', or every_pushed_channel"),
        ("contacts: {email: {dya: 1}}", "'dya' is not known; the nearest known is 'day'"),
        ("contacts: {email: {day: -1}}", "contacts, email, day: -1 is less than 0"),
        ("contacts: {email: {day: 1.5}}", "contacts, email, day"),
        ("suppression: {rejected_count: 0}", "0 is less than 1"),
        ("groups:\n  ofer: {month: 1}", "line 2: groups, ofer: the group 'ofer' is not known. The nearest known is 'offer'"),
        ("actions:\n  crad: {month: 1}", "line 2: actions, crad: the action 'crad' is not known. The nearest known is 'card'"),
        ("actions: {no_action: {month: 1}}", "the action 'no_action' is not known"),
        ("budgets:\n  crad: {per: day, contacts: 1}", "line 2: budgets, crad: the action 'crad' is not known"),
        ("budgets: {card: {per: day}}", "budgets, card: it limits nothing"),
        ("budgets: {card: {contacts: 1}}", "budgets, card, per: it is missing"),
        (
            "budgets: {card: {per: year, contacts: 1}}",
            "budgets, card, per: 'year' is not known; it may be 'day', 'week', 'month' or 'ever'",
        ),
        ("budgets: {card: {per: day, money: -1}}", "budgets, card, money: -1 is less than 0"),
        ("quiet_hours: {from: '21:00', until: '24:00', channels: [sms]}", "quiet_hours, until: '24:00' is no time of day"),
        (
            "quiet_hours: {from: late, until: '08:00', channels: [sms]}",
            "quiet_hours, from: 'late' is no time of day; write it as \"21:00\"",
        ),
        (
            "quiet_hours: {from: 21:00, until: '08:00', channels: [sms]}",
            'quiet_hours, from: YAML reads a bare 21:00 as a number; .*"21:00"',
        ),
        ("quiet_hours: {from: 21, until: '08:00', channels: [sms]}", "quiet_hours, from: 21 is no time of day"),
        ("quiet_hours: {from: true, until: '08:00', channels: [sms]}", "quiet_hours, from: True is no time of day"),
        ("quiet_hours: {from: '08:00', until: '8:00', channels: [sms]}", "quiet_hours, until: they begin when they end"),
        ("quiet_hours: {from: '21:00', until: '08:00', channels: []}", "quiet_hours, channels: it names 0, and needs at least 1"),
        (
            "quiet_hours:\n  from: '21:00'\n  until: '08:00'\n  channels:\n  - sms\n  - smss",
            "line 6: quiet_hours, channels: the channel 'smss'",
        ),
        ("quiet_hours: {from: '21:00', channels: [sms]}", "quiet_hours, until: it is missing"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_remedy(text: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        limits(text)
    assert str(caught.value).startswith("limits.yaml, line")
    assert caught.value.remedy


def test_what_came_with_the_default_file_may_stand_beside_another_catalogue() -> None:
    other = catalogue_of(document_of("{margin_share: 0.3, actions: [{action_id: letter, channel: email, group: offers}]}", "c.yaml"))
    read = limits(DEFAULT_LIMITS.read_text(), other)
    assert [warning for warning in read.warnings if "groups: the catalogue has no group 'offer'" in warning]
    edited = DEFAULT_LIMITS.read_text().replace("offer: {week: 1", "offer: {week: 2")
    with pytest.raises(InputError, match=r"the group 'offer' is not known\. The nearest known is 'offers'"):
        limits(edited, other)


def test_without_a_catalogue_groups_and_actions_may_be_called_anything() -> None:
    assert limits("{groups: {any: {day: 1}}, actions: {thing: {day: 1}}}", None).groups == {"any": Limit(day=1)}
    with pytest.raises(InputError, match="the channel 'zalo' is not known"):
        limits("contacts: {zalo: {day: 1}}", None)


def test_the_default_limits_are_silent_at_night_and_count_offers() -> None:
    read = load_limits(catalogue=load_catalogue())
    assert read.contacts["email"] == Limit(day=1, week=3)
    assert read.quiet_hours == QuietHours(21.0, 8.0, frozenset({"sms", "phone", "push"}))
    assert set(read.groups) == {"offer", "feedback"}
    assert (read.budgets, read.warnings) == ({}, ())


def test_what_is_commented_out_in_the_default_file_can_be_taken_in() -> None:
    text = DEFAULT_LIMITS.read_text()
    for line in ("# actions:", "#   winback_offer: {month: 1}", "# budgets:", "#   winback_offer: {per: month"):
        assert f"\n{line}" in text
        text = text.replace(f"\n{line}", f"\n{line.removeprefix('# ')}")
    read = limits(text, load_catalogue())
    assert read.actions == {"winback_offer": Limit(month=1)}
    assert read.budgets == {"winback_offer": Budget("month", 500, 2000.0)}


def test_the_digest_follows_the_content_and_not_its_form() -> None:
    read = limits(WHOLE)
    assert read.digest == limits("# a remark\n" + WHOLE).digest
    changed = [
        replace(read, contacts={}),
        replace(read, groups={}),
        replace(read, actions={}),
        replace(read, quiet_hours=None),
        replace(read, quiet_hours=QuietHours(21.5, 8.0, frozenset({"sms"}))),
        replace(read, budgets={}),
        replace(read, suppression=Suppression()),
    ]
    assert len({read.digest, *(other.digest for other in changed)}) == len(changed) + 1


@given(hour=st.integers(0, 23), minute=st.integers(0, 59), padded=st.booleans())
def test_every_time_of_the_day_is_read(hour: int, minute: int, padded: bool) -> None:
    text = f"{hour:02d}:{minute:02d}" if padded else f"{hour}:{minute:02d}"
    assert clock_hours(text) == pytest.approx(hour + minute / 60)
    read = limits(f'quiet_hours: {{from: "{text}", until: "{(hour + 1) % 24}:00", channels: [sms]}}')
    assert read.quiet_hours is not None
    assert read.quiet_hours.begins == pytest.approx(hour + minute / 60)
