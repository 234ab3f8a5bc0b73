"""The next best action of a customer, as a preview for people: nothing is recorded."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Path, Query, Response

from decisions.situation import Ask
from features.contract import STAGES
from serving.api.answers import answer_plain
from serving.auth import require
from serving.channels import checked_channels
from serving.deciding import Subject
from serving.dependencies import Ours
from serving.fields import Id, Text
from serving.wire.decisions import DecisionAnswer, EveryStage

router = APIRouter(prefix="/v1", tags=["decisions"])

ALL = "all"


@router.get(
    "/customers/{customer_id}/next-best-action",
    dependencies=[Depends(require("crm"))],
    response_model=DecisionAnswer | EveryStage,
    responses={400: {"description": "a stage or a channel that does not exist"}},
)
async def get_next_best_action(
    customer_id: Annotated[Id, Path(examples=["17850"])],
    ours: Ours,
    stage: Annotated[Text | None, Query(description=f"{', '.join(STAGES)}, or all; left out: the customer's own")] = None,
    channel: Annotated[list[Id] | None, Query(description="only by these channels")] = None,
    k: Annotated[int, Query(ge=1, le=50, description="how many actions at most")] = 1,
    explain: bool = False,
) -> Response:
    """What would be done for this customer now. The preview of an unknown customer is marked as fallback."""
    channels = checked_channels(channel, ours.policy)
    ready = await ours.decider.ready(Subject(customer_id=customer_id), ours.clock.now())

    def preview(wanted: str | None) -> dict[str, Any]:
        made = ready.decide(Ask(stage=wanted, channels=channels, k=k), ours.policy)
        return answer_plain(made.decision, known=ready.about.known, explain=explain)

    each_stage = {each: preview(each) for each in STAGES} if stage == ALL else {}
    answer = {"customer_id": customer_id, "stage": ready.situation.stage, "stages": each_stage} if each_stage else preview(stage)
    return Response(orjson.dumps(answer), media_type="application/json")
