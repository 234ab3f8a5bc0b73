import numpy as np
import pytest

from training.clv.groups import TIME_SPAN, Groups


def test_customers_who_look_alike_are_counted_once() -> None:
    groups = Groups.of([1, 0, 1, 1], [5, 0, 5, 6], [20, 20, 20, 20])
    assert groups.x.tolist() == [0, 1, 1]
    assert groups.count.tolist() == [1, 2, 1]
    assert groups.T.tolist() == pytest.approx([TIME_SPAN] * 3)
    assert (groups.t_x / groups.scale).tolist() == pytest.approx([0, 5, 6])


def test_thinning_keeps_the_proportions_and_knows_no_order_of_rows() -> None:
    rng = np.random.default_rng(2)
    x = rng.integers(0, 4, 20_000).astype(float)
    t_x = x * rng.integers(1, 100, 20_000)
    T = np.full(20_000, 400.0)
    groups, shuffled = Groups.of(x, t_x, T), rng.permutation(20_000)
    few, again = groups.thinned(200), Groups.of(x[shuffled], t_x[shuffled], T[shuffled]).thinned(200)
    assert few.count.sum() == 200
    assert np.average(few.x, weights=few.count) == pytest.approx(x.mean(), rel=0.02)
    assert np.average(few.t_x, weights=few.count) / few.scale == pytest.approx(t_x.mean(), rel=0.02)
    assert (few.x == again.x).all()
    assert (few.count == again.count).all()
    assert groups.thinned(len(groups.count)) is groups
