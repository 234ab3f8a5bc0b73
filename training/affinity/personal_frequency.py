"""Personal frequency: what somebody bought often and lately they will buy again. The baseline that embarrasses most models."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from training.affinity.history import UNKNOWN, Ints, PurchaseDays, customer_days


def personal_frequency(days: PurchaseDays, half_life_days: float) -> csr_matrix:
    """The share of a customer's purchase days on which they bought the product, older days counting less: (customers, products), 0 to 1.

    A day counts 2 ** -(days before the customer's last one / half-life), so that the moment of asking changes nothing. Products outside
    the range add to a customer's days and have no column.
    """
    last = np.zeros(days.customers, np.int64)
    np.maximum.at(last, days.customer, days.day)
    buyers, bought_on = customer_days(days)
    total = np.bincount(buyers, _decayed(last[buyers] - bought_on, half_life_days), days.customers)
    known = days.product != UNKNOWN
    customer, product = days.customer[known], days.product[known]
    weight = _decayed(last[customer] - days.day[known], half_life_days) / total[customer]
    return csr_matrix((weight, (customer, product)), shape=(days.customers, days.products))


def _decayed(age_days: Ints, half_life_days: float) -> NDArray[np.float64]:
    return np.asarray(np.exp2(-age_days / half_life_days), float)
