"""An HTML page that shows an action's messages as a customer would see them: self-contained, and without power over whoever opens it."""

from collections.abc import Sequence

from markupsafe import escape

from decisions.addresses import is_web
from decisions.catalogue_explained import Section
from decisions.messages import Message

_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#222}
article{border:1px solid #ccc;border-radius:8px;margin:1.5rem 0;padding:1rem}iframe{width:100%;height:22rem;border:0;background:#fff}
pre{white-space:pre-wrap;font:inherit;background:#f4f4f4;padding:1rem;border-radius:8px}h2{font-size:1.1rem}small{color:#666}
header{display:flex;gap:.75rem;align-items:center}header img{width:48px;height:48px;border-radius:50%}"""
_POLICY = "default-src 'none'; img-src https: http:; style-src 'unsafe-inline'"


def page(title: str, messages: Sequence[Message], sections: Sequence[Section] = ()) -> str:
    """The page. Everything is escaped; HTML bodies stand in sandboxed frames that run nothing; pictures come from web addresses alone."""
    shown = "".join(_shown(each) for each in messages) or "<p>It says nothing.</p>"
    told = "".join(
        f"<h2>{escape(part.title)}</h2><ul>{''.join(f'<li>{escape(each)}</li>' for each in part.sentences)}</ul>" for part in sections
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title><style>{_STYLE}</style></head>'
        f"<body><h1>{escape(title)}</h1>{shown}{told}</body></html>\n"
    )


def _shown(one: Message) -> str:
    body = (
        f'<iframe sandbox="" title="{escape(one.channel)}" srcdoc="{escape(str(one.body))}"></iframe>'
        if one.format == "html"
        else f"<pre>{escape(str(one.body))}</pre>"
    )
    subject = f"<h2>{escape(one.subject)}</h2>" if one.subject else ""
    return f"<article><small>{escape(one.channel)}, {escape(one.locale)}</small>{_sender(one)}{subject}{body}</article>"


def _sender(one: Message) -> str:
    sender = one.sender
    if sender is None:
        return ""
    photo = f'<img src="{escape(sender.photo_url)}" alt="">' if is_web(sender.photo_url) else ""
    reply = f"<br><small>{escape(sender.reply_to)}</small>" if sender.reply_to else ""
    title = f", {escape(sender.title)}" if sender.title else ""
    return f"<header>{photo}<div><strong>{escape(sender.name)}</strong>{title}{reply}</div></header>"
