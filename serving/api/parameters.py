"""Parameters of a query that must be among those there are; who asks for another is told which."""

from collections.abc import Callable, Sequence

from fastapi import Request
from pydantic import BaseModel

from serving.errors import ProblemError, invalid_request


def only(model: type[BaseModel]) -> Callable[[Request], None]:
    """A dependency that refuses query parameters which the model has not."""

    def check(request: Request) -> None:
        unknown = sorted(set(request.query_params) - set(model.model_fields))
        there = ", ".join(model.model_fields)
        if unknown:
            raise invalid_request([{"field": f"query.{name}", "message": f"there is no such parameter, but {there}"} for name in unknown])

    return check


def check_values(name: str, given: Sequence[str], there: Sequence[str]) -> None:
    """Raises a ProblemError (422) for the first value that is not among those there are."""
    for value in given:
        if value not in there:
            raise unusable(name, f"there is no {name} {value!r}, but {', '.join(dict.fromkeys(there)) or 'none'}")


def unusable(name: str, message: str) -> ProblemError:
    """A parameter (422) and what is wrong with it."""
    return invalid_request([{"field": f"query.{name}", "message": message}])


def once(values: Sequence[str]) -> tuple[str, ...]:
    """Each value once, sorted: repeated or turned around, they ask for the same."""
    return tuple(sorted(set(values)))
