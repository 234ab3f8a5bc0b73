"""Why: a code for programs, and a sentence for people in English and in Vietnamese."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from decisions.remarks import CHANNEL_NAMES


@dataclass(frozen=True)
class Reason:
    """Why something is so. `sentence` is English, `sentence_vi` says the same in Vietnamese. `gate` is the number of the policy's first gate that says so."""

    code: str
    sentence: str
    sentence_vi: str = ""
    gate: int | None = None


SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "not_eligible": ("Who may get it: {rule}; that does not hold.", "Ai được nhận: {rule}; điều này không đúng."),
    "other_stage": ("It is meant for {stages}.", "Hành động này dành cho giai đoạn {stages}."),
    "not_applicable": ("When it makes sense: {rule}; that does not hold.", "Khi nào hợp lý: {rule}; điều này không đúng."),
    "no_products": (
        "It speaks of products ({sources}), and none are known for this customer.",
        "Nói về sản phẩm ({sources}), nhưng chưa biết sản phẩm nào cho khách này.",
    ),
    "other_channel": ("It goes by {channel}; asked for was {asked}.", "Đi qua {channel}; được hỏi là {asked}."),
    "other_placement": ("It does not belong to {asked}.", "Không thuộc vị trí {asked}."),
    "not_suitable": ("For whom it is good: {rule}; that does not hold.", "Tốt cho ai: {rule}; điều này không đúng."),
    "no_consent": ("The customer gave no consent to {channel}.", "Khách không đồng ý nhận qua {channel}."),
    "unsubscribed": ("The customer unsubscribed, and {channel} would interrupt them.", "Khách đã hủy đăng ký; {channel} sẽ làm phiền."),
    "holdout": (
        "The customer is in the group that gets no action, to measure what actions bring.",
        "Khách thuộc nhóm không nhận hành động nào, để đo tác dụng của các hành động.",
    ),
    "suppressed": (
        "{most} contacts of {what} were rejected in the last {days} days.",
        "{most} lần liên hệ của {what} bị từ chối trong {days} ngày qua.",
    ),
    "contact_limit": (
        "The limit of {what} is {most} in {days} days, and it is reached.",
        "Giới hạn của {what} là {most} trong {days} ngày, và đã đủ.",
    ),
    "cooldown": ("It was used in the last {days} days and rests.", "Đã dùng trong {days} ngày qua và đang nghỉ."),
    "quiet_hours": (
        "{channel} is silent from {begins} to {ends} on the customer's clock.",
        "{channel} im lặng từ {begins} đến {ends} theo giờ của khách.",
    ),
    "series": ("{series}: its turn comes {days} days after {after}, once.", "{series}: đến lượt sau {after} {days} ngày, một lần."),
    "series_done": ("{series}: the customer has had it already.", "{series}: khách đã nhận rồi."),
    "budget": ("Its budget is used up.", "Ngân sách đã hết."),
    "no_address": (
        "A visitor who is not identified has no address for {channel}.",
        "Khách ghé thăm chưa rõ là ai nên không có địa chỉ để gửi qua {channel}.",
    ),
    "place_alone": (
        "{placement} stays empty: no action that is left may stand there.",
        "{placement} để trống: không còn hành động nào cho chỗ đó.",
    ),
    "place_empty": (
        "{placement} stays empty: no action that may stand there is worth its cost.",
        "{placement} để trống: không hành động nào ở đó đáng chi phí.",
    ),
    "place_explored": ("{placement} stays empty, to learn from.", "{placement} để trống, để học thêm."),
    "consent_unknown": (
        "There is no consent information for {channel}, so it is not gated.",
        "Không có thông tin đồng ý cho {channel}, nên không chặn.",
    ),
}
"""What forbids an action, or should be known about one, in both languages."""

CODES: Final = tuple(SENTENCES)


def reason(code: str, **told: object) -> Reason:
    """The reason with what its sentences name filled in; a channel goes by what people call it."""
    english, vietnamese = SENTENCES[code]
    return Reason(code, english.format(**_named(told, "en")), vietnamese.format(**_named(told, "vi")))


def _named(told: Mapping[str, object], language: str) -> dict[str, object]:
    return {name: CHANNEL_NAMES.get(str(value), {}).get(language, value) if name == "channel" else value for name, value in told.items()}
