"""Which pod and container a stream is for, and what the query asks of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from aiohttp import web

from wakeful.apimachinery.errors import BadRequestError, InvalidError, NotFoundError
from wakeful.apimachinery.fields import FieldErrors, invalid, to_causes
from wakeful.apis.serving.config.requestlog import QUEUE_PROXY
from wakeful.apis.serving.register import REVISION
from wakeful.apiserver.protocols import ExecOptions, LogOptions, PodRef

Wire = Mapping[str, Any]
_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("", "0", "f", "F", "FALSE", "false", "False"))


class PodReader(Protocol):
    """Reads stored objects; the API server's ``ObjectReader`` fits."""

    def get(self, group: str, plural: str, name: str, namespace: str = "") -> Any:
        """One object as wire data; None when there is none."""
        ...


def find_pod(reader: PodReader, namespace: str, name: str) -> tuple[Wire, PodRef]:
    """Read a pod that a node runs.

    Raises:
        NotFoundError: There is no such pod.
        BadRequestError: No node has it yet.
    """
    pod = reader.get("", "pods", name, namespace)
    if pod is None:
        raise NotFoundError.of("pods", "", name)
    if not (pod.get("spec") or {}).get("nodeName"):
        raise BadRequestError(f"pod {name} does not have a host assigned")
    return pod, PodRef(namespace, name, pod["metadata"].get("uid", ""))


def choose_container(pod: Wire, asked: str) -> str:
    """The container asked for, or the only one.

    Raises:
        BadRequestError: There are several, or none of that name.
    """
    spec, name = pod.get("spec") or {}, pod["metadata"]["name"]
    names: dict[str, list[str]] = {
        kind: [c.get("name", "") for c in spec.get(kind) or ()]
        for kind in ("containers", "initContainers", "ephemeralContainers")
    }
    everyone = [n for group in names.values() for n in group]
    if asked:
        if asked not in everyone:
            raise BadRequestError(f"container {asked} is not valid for pod {name}")
        return asked
    if len(everyone) == 1:
        return everyone[0]
    choices = " ".join(names["containers"])
    text = f"a container name must be specified for pod {name}, choose one of: [{choices}]"
    if names["initContainers"]:
        text += f" or one of the init containers: [{' '.join(names['initContainers'])}]"
    raise BadRequestError(text)


def _choose_log(pod: Wire, asked: str) -> str:
    """The same for a log; what is asked of a revision's instances has one, too."""
    if asked == QUEUE_PROXY and REVISION in (pod["metadata"].get("labels") or {}):
        return asked
    return choose_container(pod, asked)


def parse_flag(request: web.Request, name: str) -> bool:
    """Read a boolean of the query.

    Raises:
        BadRequestError: It is neither true nor false.
    """
    text = request.query.get(name, "")
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise BadRequestError(f"query parameter {name!r}: {text!r} is not a boolean")


def parse_exec(request: web.Request, pod: Wire, *, attach: bool) -> ExecOptions:
    """Read the query of exec or attach.

    Raises:
        BadRequestError: No stream or no command is asked for, or no such container.
    """
    tty = parse_flag(request, "tty")
    options = ExecOptions(
        container=choose_container(pod, request.query.get("container", "")),
        command=() if attach else tuple(request.query.getall("command", [])),
        stdin=parse_flag(request, "stdin"),
        stdout=parse_flag(request, "stdout"),
        stderr=parse_flag(request, "stderr") and not tty,
        tty=tty,
    )
    if not (options.stdin or options.stdout or options.stderr):
        raise BadRequestError("you must specify at least 1 of stdin, stdout, stderr")
    if not attach and not options.command:
        raise BadRequestError("you must specify at least one command for the container")
    return options


def parse_log(request: web.Request, pod: Wire, now: datetime) -> LogOptions:
    """Read the query of a log.

    Raises:
        BadRequestError: A value cannot be read, or there is no such container.
        InvalidError: A value makes no sense.
    """
    tail, limit = _integer(request, "tailLines"), _integer(request, "limitBytes")
    seconds, since = _integer(request, "sinceSeconds"), request.query.get("sinceTime", "")
    errors: FieldErrors = []
    if tail is not None and tail < 0:
        errors.append(invalid("tailLines", tail, "must be greater than or equal to 0"))
    if limit is not None and limit < 1:
        errors.append(invalid("limitBytes", limit, "must be greater than 0"))
    if seconds is not None and seconds < 1:
        errors.append(invalid("sinceSeconds", seconds, "must be greater than 0"))
    if seconds is not None and since:
        errors.append(
            invalid("sinceSeconds", seconds, "at most one of sinceTime or sinceSeconds may be set")
        )
    if errors:
        raise InvalidError.of("PodLogOptions", "", pod["metadata"]["name"], to_causes(errors))
    moment: datetime | None = None
    if seconds is not None:
        moment = now - timedelta(seconds=min(seconds, 10**9))
    elif since:
        moment = _time(since)
    return LogOptions(
        container=_choose_log(pod, request.query.get("container", "")),
        follow=parse_flag(request, "follow"),
        previous=parse_flag(request, "previous"),
        timestamps=parse_flag(request, "timestamps"),
        tail_lines=tail,
        limit_bytes=limit,
        since=moment,
    )


def _integer(request: web.Request, name: str) -> int | None:
    text = request.query.get(name, "")
    if not text:
        return None
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        raise BadRequestError(f"query parameter {name!r}: {text!r} is not an integer")
    return int(text)


def _time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as err:
        raise BadRequestError(f"query parameter 'sinceTime': {text!r} is not RFC 3339") from err
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
