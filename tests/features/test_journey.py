"""Journey stages: the default rules on worked examples, batch equals single, and errors that name the place."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.definitions import NAMES
from features.errors import InputError
from features.journey import levels, load_stages, stage_of, stages_of

SHOP = {"loyal_order_count": 5.0, "loyal_value": 200.0}
LOYAL = {"order_count": 9, "value_total": 900.0, "overdue_ratio": 0.5, "customer_age_days": 400.0, "days_since_last_order": 20.0}


@pytest.mark.parametrize(
    ("known", "stage"),
    [
        ({}, "awareness"),
        ({"days_since_touch": 2.0}, "awareness"),
        ({"days_since_interest": 2.0}, "consideration"),
        ({"days_since_interest": 30.0}, "awareness"),
        ({"days_since_intent": 13.0}, "decision"),
        ({"days_since_intent": 14.0}, "awareness"),
        ({"days_since_repeat_view": 1.0, "days_since_interest": 1.0}, "decision"),
        ({"order_count": 1, "customer_age_days": 3.0, "days_since_last_order": 3.0}, "purchase"),
        ({"order_count": 1, "customer_age_days": 3.0, "days_since_last_order": 3.0, "days_since_intent": 3.0}, "purchase"),
        ({"order_count": 1, "customer_age_days": 30.0, "days_since_last_order": 30.0}, "retention"),
        ({"order_count": 2, "customer_age_days": 3.0}, "retention"),
        (LOYAL, "advocacy"),
        ({**LOYAL, "overdue_ratio": 1.5}, "retention"),
        ({**LOYAL, "last_survey_score": 3.0}, "retention"),
        ({**LOYAL, "last_survey_score": 9.0}, "advocacy"),
        ({**LOYAL, "days_since_intent": 1.0}, "decision"),
        ({"order_count": 2, "referral_count": 1, "customer_age_days": 99.0}, "advocacy"),
    ],
)
def test_the_default_rules(known, stage):
    assert stage_of(known, SHOP, load_stages()) == stage


def test_a_table_gets_the_stages_of_its_rows():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.integers(0, 40, (300, len(NAMES))).astype(float), columns=list(NAMES))
    frame = frame.mask(rng.random(frame.shape) < 0.3).fillna({"order_count": 0.0})
    frame.insert(0, "as_of", pd.Timestamp("2025-01-01"))
    stages = load_stages()
    shop = levels(frame, stages)
    single = [stage_of(row, shop, stages) for row in frame.drop(columns="as_of").to_dict("records")]
    assert stages_of(frame, stages).tolist() == single
    assert len(set(single)) >= 5


def test_a_shop_without_orders_has_no_advocates():
    frame = pd.DataFrame({"order_count": [0.0], "value_total": [0.0]})
    assert levels(frame, load_stages())["loyal_value"] == np.inf


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stages: [{stage: retenton, when: order_count >= 1}]", "retention"),
        ("stages: [{stage: retention, when: order_cuont >= 1}]", "order_count"),
        ("stages: [{stage: retention, when: 'order_count >='}]", "stage retention"),
        ("stages: [{stage: retention}]", "stages.0.when"),
        ("levels: {a: {feature: valu_total, quantile: 0.5}}\nstages: []", "value_total"),
        ("stages: [", "stages.yaml"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text, said):
    path = tmp_path / "stages.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        load_stages(path)
