"""Gates that count and wait, at their borders: rest, limits in their windows, quiet hours, budgets."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from decisions import NO_ACTION, Ask, Contact, Limits, ShopHabits, Situation, Softmax, decide, default_policy
from decisions.catalogue import catalogue_of
from decisions.limits import limits_of
from decisions.reading import document_of

AT = datetime(2024, 3, 5, 9)
CATALOGUE = catalogue_of(
    document_of(
        """
margin_share: 0.3
groups: {offer: {}, discount: {within: offer}}
actions:
  - {action_id: letter, channel: email, group: care, cooldown_days: 7}
  - {action_id: note, channel: sms, group: care}
  - {action_id: banner, channel: web}
  - {action_id: coupon, channels: [email, sms], cost: {email: 0.25, sms: 0.5}, group: discount}
  - {action_id: free, channel: web, group: offer}
""",
        "catalogue.yaml",
    )
)
SITUATION = Situation("c", AT, "retention")


def read(text: str) -> Limits:
    return limits_of(document_of(text, "limits.yaml"), catalogue=CATALOGUE)


def codes(action_id: str, situation: Situation = SITUATION, ask: Ask = Ask(), limits: str = "{}") -> list[str]:
    """What forbids the action; nothing where it is allowed."""
    policy = default_policy(CATALOGUE, read(limits), exploration=Softmax(0.0, floor=0.0), holdout_share=0.0, random_share=0.0)
    found = next(each for each in decide(situation, ask, policy).candidates if each.action_id == action_id)
    return [] if found.allowed else [each.code for each in found.reasons]


def contacted(*contacts: tuple[str, str, float]) -> Situation:
    """After contacts, each an action, its channel, and its age in days."""
    return replace(SITUATION, contacts=[Contact("d", who, by, AT - timedelta(days=age)) for who, by, age in contacts])


def test_an_action_rests_until_its_cooldown_is_over() -> None:
    assert codes("letter", contacted(("letter", "email", 6.999))) == ["cooldown"]
    assert codes("letter", contacted(("letter", "email", 7))) == []
    assert codes("letter", contacted(("letter", "email", 9), ("letter", "email", 1))) == ["cooldown"], "the newest counts"
    assert codes("letter", contacted(("letter", "email", -1), ("letter", "email", 0))) == [], "what comes at as_of or later is not known"


WINDOWS = {"day": 1.0, "week": 7.0, "month": 30.0}


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize(
    ("limit", "counted", "not_counted"),
    [
        ("contacts: {email: {WINDOW: 2}}", ("x", "email"), ("x", "sms")),
        ("contacts: {every_pushed_channel: {WINDOW: 2}}", ("x", "sms"), ("x", "web")),
        ("groups: {discount: {WINDOW: 2}}", ("coupon", "sms"), ("free", "email")),
        ("groups: {offer: {WINDOW: 2}}", ("free", "web"), ("letter", "email")),
        ("actions: {coupon: {WINDOW: 2}}", ("coupon", "sms"), ("free", "email")),
    ],
)
def test_limits_count_within_their_window(window: str, limit: str, counted: tuple[str, str], not_counted: tuple[str, str]) -> None:
    limits, days = limit.replace("WINDOW", window), WINDOWS[window]
    by_email = Ask(channels=frozenset({"email"}))

    def after(*contacts: tuple[str, str, float]) -> list[str]:
        return [code for code in codes("coupon", contacted(*contacts), by_email, limits) if code != "other_channel"]

    assert after((*counted, 0.001), (*counted, days - 0.001)) == ["contact_limit"]
    assert after((*counted, 0.001), (*counted, days)) == []
    assert after((*counted, 0.001), (NO_ACTION, counted[1], 0.001), *[(*not_counted, 0.001)] * 5) == []


def test_a_limit_of_nothing_forbids_always_and_other_channels_stay_open() -> None:
    assert codes("letter", limits="contacts: {email: {day: 0}}") == ["contact_limit"]
    assert codes("note", limits="contacts: {email: {day: 0}}") == []
    assert codes("banner", limits="contacts: {every_pushed_channel: {day: 0}}") == []


QUIET = 'quiet_hours: {from: "21:30", until: "08:00", channels: [sms]}'


@pytest.mark.parametrize(
    ("clock", "timezone", "silent"),
    [
        ((21, 29, 59), "UTC", False),
        ((21, 30, 0), "UTC", True),
        ((0, 0, 0), "UTC", True),
        ((7, 59, 59), "UTC", True),
        ((8, 0, 0), "UTC", False),
        ((14, 30, 0), "Asia/Ho_Chi_Minh", True),
        ((14, 29, 59), "Asia/Ho_Chi_Minh", False),
        ((1, 0, 0), "Asia/Ho_Chi_Minh", False),
        ((8, 0, 0), "America/New_York", True),
    ],
)
def test_quiet_hours_go_over_midnight_on_the_customers_clock(clock: tuple[int, int, int], timezone: str, silent: bool) -> None:
    night = replace(SITUATION, as_of=datetime(2024, 3, 5, *clock), timezone=timezone)
    assert codes("note", night, limits=QUIET) == (["quiet_hours"] if silent else [])
    assert codes("letter", night, limits=QUIET) == [], "e-mail is not silent"
    assert codes("note", night, Ask(deferred=True), QUIET) == [], "it is made later"
    theirs = replace(night, timezone="", shop=ShopHabits(timezone=timezone))
    assert codes("note", theirs, limits=QUIET) == codes("note", night, limits=QUIET), "the shop's clock where the customer's is not known"


def test_quiet_hours_within_a_day() -> None:
    noon = 'quiet_hours: {from: "12:00", until: "13:00", channels: [sms]}'
    at = {hour: codes("note", replace(SITUATION, as_of=datetime(2024, 3, 5, hour)), limits=noon) for hour in (11, 12, 13)}
    assert at == {11: [], 12: ["quiet_hours"], 13: []}


@pytest.mark.parametrize(
    ("left", "open_channels"),
    [
        ((None, None), {"email", "sms"}),
        ((1.0, None), {"email", "sms"}),
        ((0.0, None), set()),
        ((0.0, 99.0), set()),
        ((9.0, 0.5), {"email", "sms"}),
        ((9.0, 0.49), {"email"}),
        ((None, 0.25), {"email"}),
        ((None, 0.24), set()),
    ],
)
def test_a_budget_lasts_for_whole_contacts_and_for_what_each_channel_costs(
    left: tuple[float | None, float | None], open_channels: set[str]
) -> None:
    rich = replace(SITUATION, budgets_left={"coupon": left})
    limits = "budgets: {coupon: {per: month, contacts: 9, money: 9}}"
    for channel in ("email", "sms"):
        by_it = Ask(channels=frozenset({channel}))
        assert ("budget" in codes("coupon", rich, by_it, limits)) is (channel not in open_channels)
    assert codes("coupon", rich) == [], "without a budget nothing is used up"
    assert codes("coupon", limits=limits) == [], "what is left is not told"
