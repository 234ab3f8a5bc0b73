"""The choice in words, in both languages, and what would have won."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from decisions import NO_ACTION, Ask, Decision, Limits, Situation, Softmax, decide, default_policy
from decisions.catalogue import catalogue_of
from decisions.reading import document_of

AT = datetime(2024, 3, 5, 9)
CATALOGUE = catalogue_of(
    document_of(
        """
margin_share: 0.3
actions:
  - {action_id: letter, name: A letter, channel: app, cost: 1, value: 60, response_prior: 0.1, lever: 2, lift_prior: 0.5}
  - {action_id: banner, name: A banner, channel: web, value: 50, response_prior: 0.1}
  - {action_id: call, name: A call, channel: chat, cost: 9, value: 10, response_prior: 0.5}
""",
        "catalogue.yaml",
    )
)
SITUATION = Situation("c1", AT, "retention")
BEST = Softmax(share=0.0, floor=0.0)
LETTER = 0.1 * 1.5 * 2 * 60 - 1
"""17; the banner is worth 5, the call -4."""


def decided(ask: Ask = Ask("d"), situation: Situation = SITUATION, **more: Any) -> Decision:
    given: dict[str, Any] = {"exploration": BEST, "holdout_share": 0.0, "random_share": 0.0, **more}
    return decide(situation, ask, default_policy(CATALOGUE, Limits(), **given))


def drawing(action_id: str, **more: Any) -> Decision:
    """The first decision that draws this action."""
    found = (decided(Ask(f"d{n}"), **more) for n in range(2_000))
    return next(each for each in found if each.actions[0].action_id == action_id)


def test_the_best() -> None:
    decision = decided()
    why, first = decision.why, decision.actions[0]
    assert (why.best_action_id, why.runner_up_id) == ("letter", "banner")
    assert why.margin == pytest.approx(LETTER - 5)
    assert why.sentence == (
        "A letter has the highest priority, 0.1 response x €60.00 value x 1.5 lift x 2 lever - €1.00 cost = €17.00, "
        "€12.00 ahead of A banner. Probability 1."
    )
    assert why.sentence_vi.startswith("A letter có ưu tiên cao nhất, 0,1 phản hồi x ")
    assert "đòn bẩy" in why.sentence_vi
    assert (first.reasons[0].code, first.reasons[0].sentence, first.reasons[0].sentence_vi) == ("best", why.sentence, why.sentence_vi)


def test_a_context_is_told_as_a_part_of_the_sum() -> None:
    assert "x 1.5 context x 2 lever" in decided(Ask(context={"letter": 1.5})).why.sentence
    assert "context" not in decided().why.sentence


def test_what_was_explored() -> None:
    decision = drawing("banner", exploration=Softmax(share=0.5))
    assert decision.actions[0].explored
    assert decision.actions[0].reasons[0].code == "explored"
    told = f"{decision.actions[0].drawn_probability:.3g}"
    assert decision.why.sentence == f"A banner was drawn to learn from, with probability {told}; A letter has the highest priority, €17.00."
    assert decision.why.sentence_vi.startswith(
        f"A banner được chọn để học thêm, với xác suất {told.replace('.', ',')}; A letter có ưu tiên cao nhất"
    )
    nothing = drawing(NO_ACTION, exploration=Softmax(share=0.9, temperature=3.0))
    assert (nothing.actions[0].reasons[0].code, nothing.actions[0].explored) == ("explored", True)
    assert nothing.why.sentence.startswith("No action was drawn to learn from")


def test_what_was_random() -> None:
    decision = drawing("call", random_share=1.0)
    assert decision.actions[0].reasons[0].code == "random"
    assert decision.why.sentence == (
        "A call was drawn at random among 4 allowed actions, to measure what the policy brings; A letter has the highest priority."
    )
    assert decision.why.sentence_vi.startswith("A call được chọn ngẫu nhiên trong 4 hành động được phép")


def test_the_group_without_actions_and_what_would_have_won() -> None:
    decision = decided(holdout_share=1.0)
    assert decision.actions[0].reasons[0].code == "holdout"
    assert decision.why.sentence.endswith("to measure what actions bring. A letter would have won.")
    assert decision.why.sentence_vi.endswith("Lẽ ra A letter sẽ thắng.")
    assert (decision.why.best_action_id, decision.why.runner_up_id) == ("letter", "banner")
    assert decision.why.margin == pytest.approx(12)
    without = decided(holdout_share=1.0, situation=replace(SITUATION, consent={"app": False}))
    assert without.why.best_action_id == "banner", "of what would have been allowed"


def test_nothing_is_allowed() -> None:
    decision = decided(situation=replace(SITUATION, consent={"app": False, "web": False, "chat": False}))
    assert decision.why.sentence == "No action is allowed: 3 no consent."
    assert decision.why.sentence_vi == "Không hành động nào được phép: 3 no consent."
    assert (decision.why.best_action_id, decision.why.runner_up_id, decision.why.margin) == (NO_ACTION, None, None)


def test_nothing_pays() -> None:
    decision = decided(Ask("d", channels=frozenset({"chat"})))
    assert decision.actions[0].action_id == NO_ACTION
    assert decision.why.sentence == "Nothing is done: no allowed action is worth its cost; the best, A call, would bring -€4.00."
    assert decision.why.sentence_vi.startswith("Không làm gì: không hành động nào được phép đáng chi phí; hành động tốt nhất, A call,")
    assert decision.why.margin == pytest.approx(4)


@pytest.mark.parametrize("k", [1, 3])
def test_the_margin_is_the_difference_of_the_two_best_allowed(k: int) -> None:
    for n in range(20):
        decision = decided(Ask(f"d{n}", k=k), exploration=Softmax(share=0.7))
        first, second = sorted((each.terms.priority for each in decision.candidates if each.allowed), reverse=True)[:2]
        assert decision.why.margin == first - second
    without = decided(situation=replace(SITUATION, consent={"web": False}))
    assert without.why.runner_up_id == NO_ACTION
    assert without.why.margin == pytest.approx(LETTER)


def test_of_equals_the_one_that_was_drawn_is_a_best_one_too() -> None:
    twins = catalogue_of(
        document_of(
            "{margin_share: 0.3, actions: [{action_id: a, channel: web, value: 9}, {action_id: b, channel: web, value: 9}]}", "c.yaml"
        )
    )
    policy = default_policy(twins, Limits(), exploration=BEST, holdout_share=0.0, random_share=0.0)
    decisions = [decide(SITUATION, Ask(f"d{n}"), policy) for n in range(40)]
    assert {each.actions[0].action_id for each in decisions} == {"a", "b"}
    for each in decisions:
        assert each.actions[0].reasons[0].code == "best"
        assert each.why.sentence.startswith(f"{each.actions[0].name} has the highest priority, ")
        assert each.why.margin == 0


def test_the_best_of_what_may_stand_in_a_placement() -> None:
    placed = replace(
        CATALOGUE, actions=tuple(replace(a, placements=frozenset(a.channels)) if a.action_id != NO_ACTION else a for a in CATALOGUE.actions)
    )
    policy = default_policy(placed, Limits(), exploration=BEST, holdout_share=0.0, random_share=0.0)
    why = decide(SITUATION, Ask("d", placements=("web", "app")), policy).why
    assert why.sentence.startswith("A banner has the highest priority of what may stand in web, ")
    assert why.sentence_vi.startswith("A banner có ưu tiên cao nhất trong số được đặt ở web, ")
