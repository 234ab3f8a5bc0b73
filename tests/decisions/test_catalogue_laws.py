"""What holds for any catalogue: its own text gives it again, chains of groups end, and nothing that is refused is a defect."""

from itertools import pairwise
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from decisions.actions import Catalogue
from decisions.catalogue import catalogue_of
from decisions.catalogue_form import ActionForm
from decisions.channels import CHANNELS
from decisions.reading import document_of
from features.contract import STAGES
from features.errors import InputError

GROUPS = ("a", "b", "c", "d", "e")
RULES = ("order_count > 1", "not days_since_sms_contact < 3", "stage == 'decision'", "city in ['Hue', 'Hanoi']")


def read(data: dict[str, Any]) -> Catalogue:
    return catalogue_of(document_of(yaml.safe_dump(data, allow_unicode=True), "catalogue.yaml"))


@st.composite
def actions(draw: st.DrawFn, action_id: str) -> dict[str, Any]:
    """One valid action, most of whose keys are given."""
    channels = draw(st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=4, unique=True))
    money = st.floats(0, 1e6)
    given: dict[str, Any] = {
        "action_id": action_id,
        "channels": channels,
        "cost": draw(money | st.fixed_dictionaries(dict.fromkeys(channels, money))),
        "group": draw(st.sampled_from(GROUPS)),
        "stages": draw(st.lists(st.sampled_from(STAGES), unique=True)),
        "placements": draw(st.lists(st.sampled_from(["home", "cart"]), unique=True)),
        "lift_prior": draw(st.floats(-0.9, 2)),
        "cooldown_days": draw(st.floats(0, 400)),
        "treatments": {
            locale: {"subject": draw(st.sampled_from(["", "Hi"])), "body": "Chào {{ customer.name }}"} for locale in ("vi", "en")
        },
    }
    sources = draw(st.lists(st.sampled_from(["affinity", "repeat", "cart", "viewed"]), unique=True))
    if sources:
        whole = {"from": sources, "count": draw(st.integers(1, 20)), "categories": ["A>B"], "most_price": draw(st.floats(0.01, 1e6))}
        given["products"] = draw(st.sampled_from([sources, sources[0], whole]))
        given["offer"] = {"discount_share": 0.2, "on_products": draw(st.booleans())}
    for key in draw(st.lists(st.sampled_from(["eligibility", "when", "suitability"]), unique=True)):
        given[key] = draw(st.sampled_from(RULES))
    if draw(st.booleans()):
        given["moves_to"] = draw(st.sampled_from(STAGES))
    return given


@st.composite
def catalogues(draw: st.DrawFn) -> dict[str, Any]:
    """A valid catalogue: groups stand within later ones only, so that there is no circle."""
    ids = [f"action_{n}" for n in range(draw(st.integers(2, 5)))]
    groups: dict[str, Any] = {}
    for place, name in enumerate(GROUPS):
        above = draw(st.sampled_from((None, *GROUPS[place + 1 :])))
        groups[name] = {"suitability": draw(st.sampled_from(RULES)), **({"within": above} if above else {})}
    return {
        "margin_share": draw(st.floats(0, 1)),
        "groups": groups,
        "series": {"s": {"actions": draw(st.permutations(ids)), "every_days": draw(st.floats(0.1, 60))}},
        "actions": [draw(actions(each)) for each in ids],
    }


@given(catalogues())
def test_its_own_text_gives_the_catalogue_again(data: dict[str, Any]) -> None:
    found = read(data)
    assert catalogue_of(document_of(found.text, "catalogue.yaml"), attributes=found.attributes) == found
    for action, asked in zip(found.actions[1:], data["actions"], strict=True):
        assert list(action.channels) == asked["channels"]
        assert set(action.costs) == set(action.treatments) == set(asked["channels"])
        assert action.groups[0] == asked["group"]


@given(st.lists(st.sampled_from((None, *GROUPS)), min_size=len(GROUPS), max_size=len(GROUPS)))
def test_a_circle_of_groups_is_refused_and_nothing_else(above: list[str | None]) -> None:
    within = dict(zip(GROUPS, above, strict=True))
    data = {
        "margin_share": 0.3,
        "groups": {name: {"within": other} if other else {} for name, other in within.items()},
        "actions": [{"action_id": f"of_{name}", "channel": "web", "group": name} for name in GROUPS],
    }

    def ends(name: str) -> bool:
        for _ in GROUPS:
            name = within[name] or ""
            if not name:
                return True
        return False

    if not all(ends(name) for name in GROUPS):
        with pytest.raises(InputError, match=r"line \d+: groups, [a-e], within: the groups stand in a circle: "):
            read(data)
        return
    found = read(data)
    for action in found.actions[1:]:
        chain = action.groups
        assert len(set(chain)) == len(chain)
        assert all(found.groups[lower].within == upper for lower, upper in pairwise(chain))
        assert found.groups[chain[-1]].within is None


NONSENSE = (
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers(-3, 3)
    | st.sampled_from(["", "x", "email", "vi", "{{ x", "stage =="])
    | st.just([[]])
)


@given(
    st.dictionaries(
        st.sampled_from(list(ActionForm.model_fields)),
        NONSENSE
        | st.lists(NONSENSE, max_size=2)
        | st.dictionaries(st.sampled_from(["en", "email", "from", "count"]), NONSENSE, max_size=2),
        min_size=1,
        max_size=3,
    )
)
def test_nonsense_is_an_input_error_that_says_where(given_: dict[str, Any]) -> None:
    data = {"margin_share": 0.3, "actions": [{"action_id": "a", "channel": "email", **given_}]}
    refused: list[InputError] = []
    try:
        read(data)
    except InputError as error:
        refused.append(error)
    for error in refused:
        assert str(error).startswith("catalogue.yaml, line ")
        assert error.remedy
