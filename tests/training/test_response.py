import json
from datetime import datetime

import pandas as pd

from training.response import ResponseModel

AT = datetime(2025, 1, 1)


def test_a_response_model_as_data_answers_alike() -> None:
    table = pd.DataFrame(
        {
            "action_id": ["a"] * 4 + ["b"],
            "stage": ["decision"] * 3 + [None, "retention"],
            "answered": [1.0, 0, 0, 1, 0],
            "unsubscribed": [0.0, 0, 1, 0, 0],
        }
    )
    model = ResponseModel().fit(table, {"a": 0.1, "b": 0.2}, as_of=AT)
    model.version = "3"
    assert [model.evidence("a", "decision"), model.evidence("a", None), model.evidence("b", "retention")] == [3.0, 4.0, 1.0]
    assert model.evidence("b", "decision") == model.evidence("c", None) == 0.0
    again = ResponseModel.from_plain(json.loads(json.dumps(model.to_plain())))
    assert vars(again) == vars(model)
    assert again.probability("a", "decision") == model.probability("a", "decision")
