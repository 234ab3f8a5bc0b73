"""The habits of many at once are the sum of each one's."""

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from decisions.crowd_habits import crowd_habits
from decisions.own_habits import habits, shop_habits
from decisions.situation import Contact
from features.crowds import Crowd
from features.history import CustomerHistory

NOW = datetime(2025, 6, 1, 12)
SHOP = "Europe/Berlin"
EDGES = [timedelta(0), timedelta(days=2), timedelta(days=7), timedelta(weeks=12), timedelta(days=365)]
instants = st.one_of(
    st.datetimes(NOW - timedelta(days=400), NOW + timedelta(days=3)),
    st.builds(lambda edge, shift: NOW - edge + timedelta(microseconds=shift), st.sampled_from(EDGES), st.integers(-1, 1)),
    st.builds(lambda day, hour: datetime(2025, 5, 1, hour) + timedelta(days=day), st.integers(0, 40), st.sampled_from([0, 13, 17, 22])),
)
orders = st.fixed_dictionaries(
    {
        "order_id": st.sampled_from(["1", "2", "3"]),
        "ordered_at": instants,
        "channel": st.sampled_from([None, "app", "store", "web"]),
        "line_kind": st.sampled_from(["sale", "sale", "return"]),
    }
)
touches = st.fixed_dictionaries(
    {
        "event_type": st.sampled_from(["email_sent", "email_clicked", "email_opened", "app_opened", "store_visit", "search", "identify"]),
        "occurred_at": instants,
        "known_at": st.one_of(st.none(), st.just(NOW), st.just(NOW + timedelta(days=1))),
    }
)
contacts = st.builds(
    Contact,
    st.just("d"),
    st.sampled_from(["letter", "no_action"]),
    st.sampled_from(["email", "sms", ""]),
    instants,
    st.sampled_from([(), ("accepted",), ("viewed",)]),
)
customers = st.tuples(
    st.builds(CustomerHistory.of, st.lists(orders, max_size=8), st.lists(touches, max_size=8)),
    st.lists(contacts, max_size=3),
    st.sampled_from([SHOP, SHOP, "Asia/Ho_Chi_Minh", "UTC"]),
)


@settings(max_examples=200)
@given(st.lists(customers, min_size=1, max_size=6))
def test_the_sum_of_many_is_what_each_one_does(drawn: list[tuple[CustomerHistory, list[Contact], str]]) -> None:
    own = [habits(history, told, NOW, zone, shop_timezone=SHOP) for history, told, zone in drawn]
    crowd = Crowd.of([str(place) for place in range(len(drawn))], [history for history, _, _ in drawn])
    told = {place: each for place, (_, each, _) in enumerate(drawn) if each}
    assert crowd_habits(crowd, told, NOW, [zone for *_, zone in drawn], SHOP) == shop_habits(own)
