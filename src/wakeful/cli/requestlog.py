"""The request log, read where the gateway writes it: also of instances that are gone."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rich.text import Text

from wakeful.apis.serving.config.requestlog import LOG_NAME, RequestLine, parse_request_line
from wakeful.cli.output import errors, fail
from wakeful.config import DataDir, default_data_dir
from wakeful.procd.logreader import LogLine, LogQuery, stream_log

Wanted = Callable[[RequestLine], bool]

_SERVICES = ("ksvc", "kservice", "service", "services.serving.knative.dev")
_REVISIONS = ("revision", "revisions", "rev")
_PODS = ("pod", "pods", "po")


async def show_requests(
    data_dir: Path | None, namespace: str, target: str, query: LogQuery
) -> None:
    """Print the lines about requests to a service, a revision or a Pod; without one to all."""
    wanted = wanted_lines(namespace, target)
    path = DataDir(data_dir or default_data_dir()).logs / LOG_NAME
    found = False
    async for chunk in stream_log(path, query, ended=_never, pick=lambda line: pick(line, wanted)):
        found = True
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
    if not found:
        about = f"{target!r} in namespace {namespace!r}" if target else f"namespace {namespace!r}"
        errors.print(
            Text(
                f"no request to {about} was logged; requests are while"
                ' config-observability has logging.enable-request-log: "true"',
                style="dim",
            )
        )


def wanted_lines(namespace: str, target: str) -> Wanted:
    """Tell lines about ``target``; a bare name may be any of the three."""
    kind, slash, name = target.partition("/")
    if not slash:
        kind, name = "", target

    def wanted(line: RequestLine) -> bool:
        if line.namespace != namespace:
            return False
        if not name:
            return True
        if kind in _SERVICES:
            return line.service == name
        if kind in _REVISIONS:
            return line.revision == name
        if kind in _PODS:
            return line.pod == name
        return name in (line.service, line.revision, line.pod)

    if kind and kind not in (*_SERVICES, *_REVISIONS, *_PODS):
        fail(f"--requests: {kind!r} has none; name a ksvc, a revision or a pod")
    return wanted


def pick(line: LogLine, wanted: Wanted) -> LogLine | None:
    """The line as its template has it, if it is wanted."""
    found = parse_request_line(line.text)
    return replace(line, text=found.line.encode()) if found and wanted(found) else None


async def _never() -> bool:
    return False
