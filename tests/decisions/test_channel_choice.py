"""How likely a channel is answered: by hand, by laws, and the same alone and among many."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from decisions.channel_choice import answer_rates, channel_remark, counts, shop_counts, shop_rates
from decisions.own_habits import visits_key
from decisions.remarks import in_words

CHANNELS = ("email", "sms", "app")


def test_rates_by_hand():
    shop = np.array([950.0, 0.0]), np.array([119.0, 0.0])
    together = (119 + 1) / (950 + 50)  # 12 %
    email = (119 + 50 * together) / 1000
    np.testing.assert_allclose(shop_rates(*shop), [email, together], rtol=1e-15)
    found = answer_rates(np.array([[8.0, 0.0], [0.0, 90.0]]), np.array([[3.0, 0.0], [0.0, 0.0]]), *shop)
    np.testing.assert_allclose(found, [[(3 + 10 * email) / 18, together], [email, 10 * together / 100]], rtol=1e-15)


def test_a_shop_that_never_contacted_anybody_has_the_first_rate_everywhere():
    found = answer_rates(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros(3), np.zeros(3))
    np.testing.assert_allclose(found, 0.02)


def test_one_customer_has_the_same_rates_to_the_last_bit_as_among_a_hundred_thousand():
    rng = np.random.default_rng(5)
    sent = rng.gamma(2.0, 3.0, (100_000, 11))
    answered = sent * rng.random(sent.shape)
    shop = sent.sum(0), answered.sum(0)
    everybody = answer_rates(sent, answered, *shop)
    for row in (0, 1, 77_777, 99_999):
        assert answer_rates(sent[row : row + 1], answered[row : row + 1], *shop)[0].tobytes() == everybody[row].tobytes()


contacts = hnp.arrays(np.float64, (6, 3), elements=st.integers(0, 40).map(float))


@given(contacts, contacts, contacts)
def test_laws(sent, split, shop_sent):
    answered = np.minimum(sent, split)
    shop = shop_sent.sum(0), (shop_sent / 2).sum(0)
    rates, prior = answer_rates(sent, answered, *shop), shop_rates(*shop)
    assert ((rates > 0) & (rates < 1)).all()
    assert (answer_rates(sent + 1, answered + 1, *shop) > rates).all()
    assert (answer_rates(sent + 1, answered, *shop) < rates).all()
    own = np.divide(answered, sent, out=np.broadcast_to(prior, sent.shape).copy(), where=sent > 0)
    assert ((rates - np.minimum(own, prior) > -1e-12) & (rates - np.maximum(own, prior) < 1e-12)).all()


def test_visits_raise_a_customers_own_rate_as_two_answers_at_most_and_never_the_shops():
    nobody, now_and_then, always = {}, {visits_key("app"): (12.0, 3.0)}, {visits_key("app"): (12.0, 12.0), "email": (4.0, 1.0)}
    sent, answered = counts([nobody, now_and_then, always, {"fax": (3.0, 1.0)}], CHANNELS)
    np.testing.assert_allclose(sent, [[0, 0, 0], [0, 0, 0.5], [4, 0, 2], [0, 0, 0]])
    np.testing.assert_allclose(answered, [[0, 0, 0], [0, 0, 0.5], [1, 0, 2], [0, 0, 0]])
    shop = shop_counts(always, CHANNELS)
    assert [each.tolist() for each in shop] == [[4, 0, 0], [1, 0, 0]]
    app = answer_rates(sent, answered, *shop)[:, 2]
    assert app[0] < app[1] < app[2] < 0.3


@pytest.mark.parametrize(
    ("answers", "channel", "english", "vietnamese"),
    [
        (
            {"email": (8.0, 3.0)},
            "email",
            "answers e-mail 3 of 8 times; the shop's customers 12%",
            "trả lời e-mail 3 trên 8 lần; khách của cửa hàng: 12%",
        ),
        ({}, "fax", "not yet contacted by fax; the shop's customers answer 12% of the time", None),
        (
            {visits_key("app"): (12.0, 9.0)},
            "app",
            "used the app in 9 of the last 12 weeks; the shop's customers answer there 12% of the time",
            "dùng ứng dụng trong 9 trên 12 tuần gần đây; khách của cửa hàng trả lời ở đó 12% số lần",
        ),
        (
            {"app": (2.0, 0.0), visits_key("app"): (12.0, 9.0)},
            "app",
            "answers app 0 of 2 times, and used it in 9 of the last 12 weeks; the shop's customers 12%",
            None,
        ),
    ],
)
def test_the_reason_in_words(answers, channel, english, vietnamese):
    remark = channel_remark(channel, answers, 0.12)
    assert in_words(remark, "en") == english
    assert vietnamese is None or in_words(remark, "vi-VN") == vietnamese
