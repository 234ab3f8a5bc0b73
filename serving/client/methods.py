"""Methods of both clients from one description of a route: typed, with its parameters and its docstring."""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Self, TypeVar, overload

from serving.client import routes
from serving.client.call import Call, Page

if TYPE_CHECKING:
    from serving.client.clients import AsyncClient, Client

P = ParamSpec("P")
T = TypeVar("T")
L = TypeVar("L", bound=Page)


class Answered(Generic[P, T]):
    """A method that asks once: `Client` returns the answer, `AsyncClient` awaits it."""

    def __init__(self, describe: Callable[P, Call[T]]) -> None:
        self.describe = describe

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: "Client", owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: "AsyncClient", owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, client: "Client | AsyncClient | None", owner: type) -> Any:
        return self if client is None else client.asking(self.describe)


class Paged(Generic[P, L]):
    """A method that asks for page after page, each when it is wanted."""

    def __init__(self, describe: Callable[P, Call[L]]) -> None:
        self.describe = describe

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: "Client", owner: type) -> Callable[P, Iterator[L]]: ...
    @overload
    def __get__(self, client: "AsyncClient", owner: type) -> Callable[P, AsyncIterator[L]]: ...
    def __get__(self, client: "Client | AsyncClient | None", owner: type) -> Any:
        return self if client is None else client.paging(self.describe)


class Routes:
    """Every route as a method; `routes` says what each takes and answers."""

    recommendations = Answered(routes.recommendations)
    recommend = Answered(routes.recommend)
    similar = Answered(routes.similar)
    bought_together = Answered(routes.bought_together)
    churn = Answered(routes.churn)
    churn_query = Answered(routes.churn_query)
    churn_list = Paged(routes.churn_list)
    churn_changes = Answered(routes.churn_changes)
    audience = Paged(routes.audience)
    next_best_action = Answered(routes.next_best_action)
    next_best_action_of_each_stage = Answered(routes.next_best_action_of_each_stage)
    decide = Answered(routes.decide)
    decide_batch = Answered(routes.decide_batch)
    decision = Answered(routes.decision)
    outcomes = Answered(routes.outcomes)
    events = Answered(routes.events)
    orders = Answered(routes.orders)
    customer = Answered(routes.customer)
    put_customer = Answered(routes.put_customer)
    put_consent = Answered(routes.put_consent)
    models = Answered(routes.models)
    health = Answered(routes.health)
    ready = Answered(routes.ready)
    metrics = Answered(routes.metrics)
