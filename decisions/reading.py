"""Reads the business's rules: YAML files with forms, so strictly that a typing mistake is found at load, with its line."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from yaml.constructor import SafeConstructor

from decisions.reading_mistakes import form_mistake, yaml_mistake
from features.errors import InputError
from features.nearest import nearest
from features.quick_yaml import QuickLoader

Step = str | int
KIND_MARK: Final = "~"
"""Begins the tag of a form that is chosen by the kind of what stands there (a number or a mapping, say): such a step is not told to people."""


@dataclass(frozen=True)
class Document:
    """One YAML file as read: its name, its content, where each part stands, and the text itself."""

    name: str
    data: Mapping[str, Any]
    node: yaml.Node
    text: str = ""

    def where(self, *path: Step) -> str:
        """The file and line of a part, given the keys and positions that lead to it; of the nearest part above, if it is not there."""
        node = self.node
        for step in path:
            below = _child(node, step)
            if below is None:
                break
            node = below
        return f"{self.name}, line {node.start_mark.line + 1}"


@dataclass(frozen=True)
class Part:
    """A part of a document as errors call it: "catalogue.yaml, line 7: action 'letter', cost: ..."."""

    document: Document
    path: tuple[Step, ...] = ()
    title: str = ""

    def error(self, problem: str, remedy: str, *keys: Step, below: tuple[Step, ...] = ()) -> InputError:
        """The error about what stands under these keys of the part; its line is that of what stands `below` them."""
        told = ", ".join(filter(None, (self.title, *(str(key) for key in keys if isinstance(key, str)))))
        return InputError(f"{self.document.where(*self.path, *keys, *below)}: {told}: {problem.rstrip('.')}.", remedy=remedy)

    def require(self, what: str, word: str, known: Collection[str], *keys: Step, more: str = "") -> None:
        """Raises InputError if the word is none of the known ones; it names the nearest."""
        if word not in known:
            like = nearest(word, known)
            remedy = f"The nearest known is {like!r}{more}." if like else f"None is known{more}."
            raise self.error(f"the {what} {word!r} is not known", remedy, *keys)


class Form(BaseModel):
    """A part of a YAML file: known keys only, each with its type, numbers finite."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _only_known_keys(cls, given: object) -> object:
        if isinstance(given, Mapping):
            known = [part.alias or name for name, part in cls.model_fields.items()]
            for key in given:
                if key not in known:
                    like = nearest(str(key), known)
                    raise PydanticCustomError(
                        "unknown_key", "the key '{key}' is not known; the nearest known is '{like}'", {"key": str(key), "like": like}
                    )
        return given

    @classmethod
    def of(cls, document: Document) -> Self:
        """The document as this form. Raises InputError with the line of the first mistake, and the number of mistakes."""
        return _filled(cls, document)


_Filled = TypeVar("_Filled", bound=Form)


class _Strict(SafeConstructor):
    """Refuses a key given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping, or an error naming the key that stands in it twice."""
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a text that begins with { or [ must stand in quotes", problem_mark=key.start_mark)
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.MarkedYAMLError(problem=f"the key {key.value!r} stands there twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return dict(super().construct_mapping(node, deep))


class _QuickLoader(_Strict, QuickLoader):
    """Reads."""


class _TellingLoader(_Strict, yaml.SafeLoader):
    """Says in plainer words what is wrong with a text that cannot be read."""


def read_document(path: Path) -> Document:
    """The YAML file at `path`, whose top must be a mapping. Raises InputError if it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", remedy="Name a readable YAML file.") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        remedy = "Save it as UTF-8 (in the editor: save with encoding), and look whether its letters with accents are still right."
        raise InputError(f"{path}, line {line}: it is not UTF-8 text.", remedy=remedy) from error
    return document_of(text, str(path))


def document_of(text: str, name: str) -> Document:
    """The YAML text, called `name` in messages. Raises InputError if it is not YAML, or no mapping."""
    try:
        node, data = _read(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem, remedy = yaml_mistake(error, text)
        raise InputError(f"{name}, line {line}: {problem}.", remedy=remedy) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{name} is not YAML: {error}.", remedy="Correct the YAML.") from error
    if node is None or not isinstance(data, dict):
        what = "is empty" if node is None else "holds no mapping of keys to values"
        remedy = "Begin with a key, as the default file does; a home's own file is written again with defaults if it is deleted."
        raise InputError(f"{name} {what}.", remedy=remedy)
    return Document(name, data, node, text)


def _read(text: str) -> tuple[yaml.Node | None, Any]:
    try:
        return _loaded(_QuickLoader(text))
    except (yaml.YAMLError, ValueError):
        return _loaded(_TellingLoader(text))


def _loaded(loader: _QuickLoader | _TellingLoader) -> tuple[yaml.Node | None, Any]:
    try:
        node = loader.get_single_node()
        return node, None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


def _filled(form: type[_Filled], document: Document) -> _Filled:
    try:
        return form.model_validate(document.data)
    except ValidationError as error:
        mistakes = error.errors(include_url=False)
        first = mistakes[0]
        path = tuple(step for step in first["loc"] if not str(step).startswith(KIND_MARK))
        problem, remedy = form_mistake(mistakes)
        raise InputError(f"{document.where(*path)}: {_titled(document.data, path)}{problem}.", remedy=remedy) from error


def _titled(data: Any, path: tuple[Step, ...]) -> str:
    """The part in words: action 'mens_email', cost."""
    words = [str(step) for step in path if isinstance(step, str)]
    if len(path) > 1 and path[0] == "actions" and isinstance(path[1], int):
        action = data["actions"][path[1]]
        name = action.get("action_id", path[1] + 1) if isinstance(action, dict) else path[1] + 1
        words[0] = f"action {name!r}"
    return ", ".join(words) + ": " if words else ""


def _child(node: yaml.Node, step: Step) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        found: yaml.Node = node.value[step]
        return found
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    return None
