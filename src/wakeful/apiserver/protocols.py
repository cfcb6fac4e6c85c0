"""The roles the API server depends on; ``cmd`` connects them to who plays them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from wakeful.apimachinery.request import UserInfo

# --- who may do what ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AccessAttributes:
    """What somebody wants to do: to a resource, or (``path`` set) to a path that is none."""

    verb: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether it is allowed, and why."""

    allowed: bool
    reason: str = ""


class Authorizer(Protocol):
    """Decides about one request; asked for every request, so it answers from memory."""

    def authorize(self, user: UserInfo, attributes: AccessAttributes) -> Decision:
        """Decide."""
        ...

    def rules(
        self, user: UserInfo, namespace: str
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Resource and non-resource rules of ``SelfSubjectRulesReview``."""
        ...


class AllowAll:
    """An authorizer that refuses nothing; for tests."""

    def authorize(self, user: UserInfo, attributes: AccessAttributes) -> Decision:
        """Allow."""
        del user, attributes
        return Decision(allowed=True)

    def rules(
        self, user: UserInfo, namespace: str
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Everything."""
        del user, namespace
        return (
            [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        )


# --- tokens of service accounts -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A signed token and when it ends."""

    token: str
    expires: datetime


class TokenIssuer(Protocol):
    """Issues and verifies tokens of service accounts."""

    def issue(
        self,
        *,
        namespace: str,
        name: str,
        uid: str,
        audiences: Sequence[str] = (),
        seconds: int = 3600,
        bound_object: Mapping[str, str] | None = None,
    ) -> IssuedToken:
        """Sign a token; ``bound_object`` is the request's ``boundObjectRef``."""
        ...

    def review(self, token: str, audiences: Sequence[str] = ()) -> UserInfo | None:
        """Whom a token speaks for; None when it is not valid."""
        ...


# --- pods, as the API server reaches them ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PodRef:
    """A pod; the uid tells it from a namesake."""

    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What of a container's log is wanted."""

    container: str
    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail_lines: int | None = None
    limit_bytes: int | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class ExecOptions:
    """Which process is wanted, and which of its streams."""

    container: str
    command: tuple[str, ...] = ()
    """Empty to attach to the container's own process."""
    stdin: bool = False
    stdout: bool = True
    stderr: bool = True
    tty: bool = False


Channel = Literal[1, 2]
"""1 is standard output, 2 standard error."""


class ExecSession(Protocol):
    """A running process with its streams."""

    async def write(self, data: bytes) -> None:
        """Send to standard input; waits while the process does not read."""
        ...

    async def close_stdin(self) -> None:
        """End standard input."""
        ...

    async def resize(self, width: int, height: int) -> None:
        """Change the size of the terminal."""
        ...

    def output(self) -> AsyncIterator[tuple[Channel, bytes]]:
        """What it prints, until both streams end."""
        ...

    async def wait(self) -> int:
        """Exit code; a signal counts as 128 + its number."""
        ...


class ByteStream(Protocol):
    """A connection to a port of a pod."""

    async def read(self, limit: int) -> bytes:
        """Some bytes; none at the end."""
        ...

    async def write(self, data: bytes) -> None:
        """Send; waits while the peer does not read."""
        ...

    async def write_eof(self) -> None:
        """Half-close."""
        ...


class NodeConnector(Protocol):
    """Reaches into pods on behalf of clients; the node agent plays it.

    Every method raises :class:`~wakeful.apimachinery.errors.APIStatusError` in upstream's words
    when the pod or container is not there, not started or not able to.
    """

    def logs(self, pod: PodRef, options: LogOptions) -> AsyncIterator[bytes]:
        """Chunks of a container's log; with ``follow`` until the container ends."""
        ...

    def execute(
        self, pod: PodRef, options: ExecOptions
    ) -> AbstractAsyncContextManager[ExecSession]:
        """Start a command in a container; leaving the context kills what still runs."""
        ...

    def attach(self, pod: PodRef, options: ExecOptions) -> AbstractAsyncContextManager[ExecSession]:
        """Follow the container's own process; leaving the context detaches."""
        ...

    def connect(self, pod: PodRef, port: int) -> AbstractAsyncContextManager[ByteStream]:
        """Open a TCP connection to a port of the pod."""
        ...


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a connection brought to prove who is calling."""

    token: str = ""
    certificate: Mapping[str, Any] = field(default_factory=dict)
    """The verified client certificate as ``ssl.SSLSocket.getpeercert`` returns it."""


class Authenticator(Protocol):
    """Turns credentials into a user."""

    def authenticate(self, credentials: Credentials) -> UserInfo | None:
        """Say who calls; None when the credentials given are not valid.

        No credentials at all is :data:`~wakeful.apimachinery.request.ANONYMOUS`.
        """
        ...
