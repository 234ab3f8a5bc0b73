"""The channels by which a shop reaches its customers."""

from typing import Final

CHANNELS: Final = ("email", "sms", "phone", "push", "mail", "chat", "app", "web", "store", "social", "ads")
PUSHED_CHANNELS: Final = frozenset({"email", "sms", "phone", "push", "mail"})
"""Those by which the shop interrupts; the others meet customers where they are. A catalogue's own channels count as pushed."""
HTML_CHANNELS: Final = frozenset({"email", "web", "app", "ads"})
"""Those whose bodies are HTML; on all others they are plain text."""
