"""Remarks: why something was chosen, as a code and numbers for programs, and as a sentence in Vietnamese or English for people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from decisions.locales import language, share

Param = str | float | int


@dataclass(frozen=True)
class Remark:
    """What is to be said: a code of `SENTENCES`, and what the sentence names."""

    code: str
    params: Mapping[str, Param] = field(default_factory=dict)


SENTENCES: Final[Mapping[str, Mapping[str, str]]] = {
    "channel_answers": {
        "en": "answers {channel} {answered} of {sent} times; the shop's customers {shop_rate}",
        "vi": "trả lời {channel} {answered} trên {sent} lần; khách của cửa hàng: {shop_rate}",
    },
    "channel_visits": {
        "en": "used the {channel} in {visited_weeks} of the last {weeks} weeks; the shop's customers answer there {shop_rate} of the time",
        "vi": "dùng {channel} trong {visited_weeks} trên {weeks} tuần gần đây; khách của cửa hàng trả lời ở đó {shop_rate} số lần",
    },
    "channel_answers_and_visits": {
        "en": "answers {channel} {answered} of {sent} times, and used it in {visited_weeks} of the last {weeks} weeks; "
        "the shop's customers {shop_rate}",
        "vi": "trả lời {channel} {answered} trên {sent} lần, và dùng trong {visited_weeks} trên {weeks} tuần gần đây; "
        "khách của cửa hàng: {shop_rate}",
    },
    "channel_untried": {
        "en": "not yet contacted by {channel}; the shop's customers answer {shop_rate} of the time",
        "vi": "chưa liên hệ qua {channel}; khách của cửa hàng trả lời {shop_rate} số lần",
    },
    "hour_own": {
        "en": "usually there around {hour} h; {near} of {visits} visits within an hour of it",
        "vi": "thường có mặt khoảng {hour} giờ; {near} trên {visits} lần ghé trong vòng một giờ quanh đó",
    },
    "hour_shop": {
        "en": "the shop's customers are usually there around {hour} h; of this customer {visits} visits are known",
        "vi": "khách của cửa hàng thường có mặt khoảng {hour} giờ; của khách này đã biết {visits} lần ghé",
    },
    "hour_any": {
        "en": "no hours are known yet, of this customer or of the shop's",
        "vi": "chưa biết giờ nào, của khách này hay của khách cửa hàng",
    },
    "hour_never": {
        "en": "every hour is quiet on this channel",
        "vi": "kênh này im lặng suốt ngày",
    },
    "timezone_unknown": {
        "en": "the time zone {timezone!r} is not known: the shop's clock is used",
        "vi": "không biết múi giờ {timezone!r}: dùng giờ của cửa hàng",
    },
}

CHANNEL_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "email": {"en": "e-mail", "vi": "e-mail"},
    "sms": {"en": "SMS", "vi": "SMS"},
    "phone": {"en": "phone", "vi": "điện thoại"},
    "push": {"en": "push message", "vi": "thông báo đẩy"},
    "mail": {"en": "letter", "vi": "thư"},
    "chat": {"en": "chat", "vi": "chat"},
    "app": {"en": "app", "vi": "ứng dụng"},
    "web": {"en": "website", "vi": "trang web"},
    "store": {"en": "store", "vi": "cửa hàng"},
    "social": {"en": "social media", "vi": "mạng xã hội"},
    "ads": {"en": "ads", "vi": "quảng cáo"},
}
"""What people call a channel; a catalogue's own channels go by their names."""


def in_words(remark: Remark, locale: str = "en") -> str:
    """The remark as a sentence; any language but Vietnamese is written as English. Names ending in _rate are shares of 1."""
    spoken = "vi" if language(locale) == "vi" else "en"
    return SENTENCES[remark.code][spoken].format(**{name: _told(name, value, spoken) for name, value in remark.params.items()})


def _told(name: str, value: Param, spoken: str) -> Param:
    if name.endswith("_rate"):
        return share(float(value))
    if name == "channel":
        return CHANNEL_NAMES.get(str(value), {}).get(spoken, value)
    return int(value) if isinstance(value, float) and value.is_integer() else value
