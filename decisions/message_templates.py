"""Templates, compiled once: Jinja2 in a sandbox that knows nothing but what it is filled with."""

from dataclasses import dataclass
from functools import lru_cache

from jinja2 import StrictUndefined, Template, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment


@dataclass(frozen=True)
class Filled:
    """A template and the names that it is filled with; `constant` is its text if it names nothing."""

    template: Template
    names: frozenset[str]
    constant: str | None


@lru_cache(maxsize=4096)
def prepared(text: str, html: bool) -> Filled:
    """The compiled template. Raises jinja2.TemplateError for what is none."""
    names = frozenset(meta.find_undeclared_variables(parsed(text)))
    template = _environment(html).from_string(text)
    return Filled(template, names, None if names else template.render())


def parsed(text: str) -> nodes.Template:
    """The template's parts. Raises jinja2.TemplateSyntaxError for what is none."""
    return _environment(False).parse(text)


@lru_cache(maxsize=2)
def _environment(html: bool) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(autoescape=html, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals.clear()
    return environment
