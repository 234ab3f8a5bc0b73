"""A client of the HTTP API: typed answers, retries that double nothing, and posting in batches.

`Client` and `AsyncClient` have the same methods, one for each route; `routes` describes each of them once. What goes wrong is a
`ClientError`. Importing this package loads no part of the server but the models of its answers.
"""

from serving.client.batches import Limits
from serving.client.clients import AsyncClient, Client
from serving.client.errors import BufferFullError, ClientError, NoAnswerError, ProblemAnswerError, UnreadableAnswerError, UnsentRowsError
from serving.client.retrying import Retrying
from serving.client.rows import Refused

__all__ = [
    "AsyncClient",
    "BufferFullError",
    "Client",
    "ClientError",
    "Limits",
    "NoAnswerError",
    "ProblemAnswerError",
    "Refused",
    "Retrying",
    "UnreadableAnswerError",
    "UnsentRowsError",
]
