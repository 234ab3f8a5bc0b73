"""Templates, compiled once: Jinja2 in a sandbox that knows nothing but what it is filled with."""

from dataclasses import dataclass
from functools import lru_cache

from jinja2 import StrictUndefined, Template, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment


@dataclass(frozen=True)
class Named:
    """What a template names: names, and as (name, field) in their order the fields of names."""

    names: frozenset[str]
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Filled:
    """A template and the names that it is filled with; `constant` is its text if it names nothing."""

    template: Template
    names: frozenset[str]
    constant: str | None


@lru_cache(maxsize=4096)
def prepared(text: str, html: bool) -> Filled:
    """The compiled template. Raises jinja2.TemplateError for what is none."""
    names = named(text).names
    template = _environment(html).from_string(text)
    return Filled(template, names, None if names else template.render())


@lru_cache(maxsize=4096)
def named(text: str) -> Named:
    """What the template names. Raises jinja2.TemplateSyntaxError for what is none."""
    tree = _environment(False).parse(text)
    names = frozenset(meta.find_undeclared_variables(tree))
    owned = ((part.node, part.attr) for part in tree.find_all(nodes.Getattr))
    return Named(names, tuple((owner.name, field) for owner, field in owned if isinstance(owner, nodes.Name)))


@lru_cache(maxsize=2)
def _environment(html: bool) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(autoescape=html, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals.clear()
    return environment
