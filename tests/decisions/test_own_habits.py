"""Habits from a customer's own rows: visits by the clock of their zone, contacts with their answers, visits to a channel."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions.own_habits import NOT_THEIRS, Habits, habits, shop_habits, visits_key
from decisions.situation import Contact
from features.contract import NO_ACTION
from features.history import CustomerHistory

NOW = datetime(2025, 6, 1, 12)


def event(event_type, at, **more):
    return {"event_type": event_type, "occurred_at": at, **more}


def order(at, order_id="1", **more):
    return {"order_id": order_id, "product_id": "p", "ordered_at": at, "quantity": 1.0, "unit_price": 5.0, **more}


def contact(days_ago, *outcomes, channel="email", action_id="letter"):
    at = NOW - timedelta(days=days_ago)
    return Contact(f"{channel}{days_ago}", action_id, channel, at, outcomes)


def of(lines=(), events=(), contacts=(), *, timezone="UTC", shop_timezone=None, as_of=NOW):
    return habits(CustomerHistory.of(lines, events), contacts, as_of, timezone, shop_timezone=shop_timezone)


def hours_of(found):
    return {hour: count for hour, count in enumerate(found.hours) if count}


def test_a_visit_is_an_hour_of_the_local_day_with_anything_done_in_it():
    day = datetime(2025, 5, 20)
    events = [event("page_view", day.replace(hour=13, minute=m)) for m in (1, 2, 59)] + [event("search", day.replace(hour=14))]
    found = of([order(day.replace(hour=13, minute=30))], events, timezone="Asia/Ho_Chi_Minh")
    assert hours_of(found) == {20: 1.0, 21: 1.0}


def test_clocks_that_change_are_read_as_they_stood():
    events = [event("page_view", datetime(2025, 3, 29, 18, 30)), event("page_view", datetime(2025, 3, 30, 18, 30))]
    assert hours_of(of((), events, timezone="Europe/Berlin")) == {19: 1.0, 20: 1.0}


@pytest.mark.parametrize("what", sorted(NOT_THEIRS))
def test_what_the_shop_or_a_program_does_tells_no_hour(what):
    assert hours_of(of((), [event(what, datetime(2025, 5, 20, 3, 1))])) == {}


@pytest.mark.parametrize(
    ("at", "timezone", "shop_timezone"),
    [
        (datetime(2025, 5, 20), "Asia/Ho_Chi_Minh", None),
        (datetime(2025, 5, 19, 17), "Asia/Ho_Chi_Minh", None),
        (datetime(2025, 5, 19, 17), "Europe/Berlin", "Asia/Ho_Chi_Minh"),
    ],
)
def test_a_day_without_a_time_tells_no_hour(at, timezone, shop_timezone):
    assert hours_of(of([order(at)], timezone=timezone, shop_timezone=shop_timezone)) == {}


def test_only_the_last_year_before_the_time_counts():
    ages = (timedelta(0), timedelta(seconds=1), timedelta(days=365), timedelta(days=365, seconds=1))
    known = of([order(NOW - age, str(age)) for age in ages], [event("page_view", NOW - age) for age in ages])
    assert sum(known.hours) == 2
    later_known = event("page_view", NOW - timedelta(days=3), known_at=NOW)
    assert sum(of((), [later_known]).hours) == 0
    assert of(contacts=[contact(-1, "accepted"), contact(0, "accepted"), contact(366, "accepted")]).answers == {}


def test_accepted_and_converted_are_answers_and_a_fresh_contact_is_none_yet():
    contacts = [
        contact(9, "delivered", "viewed"),
        contact(8, "viewed", "accepted"),
        contact(7, "converted"),
        contact(6, "rejected"),
        contact(1, "accepted"),
        contact(5, "accepted", channel="sms"),
        contact(1, channel="sms"),
        contact(5, "accepted", channel="", action_id=NO_ACTION),
        contact(5, "accepted", action_id=NO_ACTION),
    ]
    assert of(contacts=contacts).answers == {"email": (4.0, 2.0), "sms": (1.0, 1.0)}


def test_a_mail_is_counted_once_whether_the_contact_or_the_mail_tool_tells_it():
    at = NOW - timedelta(days=20)
    own = [Contact("1", "letter", "email", at, ()), Contact("2", "letter", "email", at + timedelta(days=5), ("accepted",))]
    events = [
        event("email_sent", at + timedelta(hours=2)),  # the first contact's mail
        event("email_clicked", at + timedelta(hours=3)),
        event("email_clicked", at + timedelta(hours=4)),
        event("email_sent", at + timedelta(days=3)),  # a newsletter
        event("email_clicked", at + timedelta(days=6)),  # the second contact, answered already
    ]
    assert of((), events, own).answers == {"email": (3.0, 2.0)}
    assert of((), events).answers == {"email": (2.0, 2.0)}


def test_a_click_answers_the_newest_mail_before_it_within_two_weeks():
    at = NOW - timedelta(days=60)
    events = [event("email_clicked", at - timedelta(days=1)), event("email_sent", at), event("email_clicked", at + timedelta(days=14))]
    assert of((), events).answers == {"email": (1.0, 0.0)}
    assert of((), [*events, event("email_clicked", at + timedelta(days=13))]).answers == {"email": (1.0, 1.0)}


def test_clicks_without_a_mail_tell_nothing_of_the_channel():
    assert of((), [event("email_clicked", NOW - timedelta(days=5))]).answers == {}


def test_weeks_with_a_visit_come_from_events_and_from_where_orders_were_placed():
    events = [event("app_opened", NOW - timedelta(days=days)) for days in (1, 2, 8, 83, 85)] + [
        event("chat_started", NOW - timedelta(days=90))
    ]
    found = of([order(NOW - timedelta(days=1), channel="store"), order(NOW - timedelta(days=30), "2", channel="fax")], events)
    assert found.answers == {visits_key("app"): (12.0, 3.0), visits_key("store"): (12.0, 1.0)}


@given(
    st.lists(
        st.tuples(
            st.integers(-3 * 24, 400 * 24),
            st.sampled_from(["page_view", "email_sent", "email_clicked", "app_opened", "store_visit", "impression"]),
        ),
        min_size=5,
        max_size=40,
    ),
    st.lists(st.tuples(st.integers(-3 * 24, 400 * 24), st.sampled_from([(), ("accepted",), ("viewed",)])), min_size=2, max_size=12),
)
def test_answers_are_at_most_what_was_sent_and_the_future_changes_nothing(rows, mails):
    events = [event(what, NOW - timedelta(hours=age, minutes=17)) for age, what in rows]
    contacts = [Contact(str(i), "letter", "email", NOW - timedelta(hours=age), got) for i, (age, got) in enumerate(mails)]
    found = of((), events, contacts)
    assert all(0 <= answered <= sent for sent, answered in found.answers.values())
    assert sum(found.hours) <= len(events)
    past = [each for each in events if each["occurred_at"] < NOW], [each for each in contacts if each.decided_at < NOW]
    assert of((), *past) == found


def test_the_shop_is_the_sum_of_its_customers_and_survives_being_written():
    first = of((), [event("page_view", datetime(2025, 5, 20, 20, 5))], [contact(9, "accepted")])
    second = of((), [event("app_opened", datetime(2025, 5, 21, 20, 5))], [contact(9), contact(9, channel="sms")])
    both = shop_habits([first, second])
    assert hours_of(both) == {20: 2.0}
    assert both.answers == {"email": (2.0, 1.0), "sms": (1.0, 0.0), visits_key("app"): (12.0, 1.0)}
    assert shop_habits([second, first]) == both
    assert Habits.from_plain(both.to_plain()) == both
    assert Habits.from_plain(None) == Habits() == of()
