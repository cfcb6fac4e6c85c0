"""The receiver of JobSinks: one server on loopback for all of them, behind the gateway."""

from __future__ import annotations

import asyncio

import structlog
from aiohttp import web

from wakeful.apimachinery.errors import APIStatusError, NotFoundError
from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.batch import Job
from wakeful.apis.batch.job_types import COMPLETE, FAILED
from wakeful.apis.sinks import JobSink
from wakeful.client import Client, Lister
from wakeful.cloudevents import Event
from wakeful.eventing.receiving import LARGEST_EVENT_BYTES, RefusedError, read_event
from wakeful.eventing.sinks.jobs import (
    job_name,
    location,
    make_event_secret,
    make_job,
    parse_location,
)
from wakeful.loopback import serving

log = structlog.get_logger("wakeful.eventing.jobsink")


class JobSinkReceiver:
    """Creates a Job for each event, and tells how it does.

    The server is a runnable; ``port`` is known once ``listening`` is set.
    """

    name = "eventing:jobsink"

    def __init__(self, client: Client, sinks: Lister[JobSink]) -> None:
        self._client, self._sinks = client, sinks
        self.port = 0
        self.listening = asyncio.Event()

    async def run(self) -> None:
        """Serve until cancelled."""
        async with serving(self._handle, limit_bytes=LARGEST_EVENT_BYTES) as self.port:
            self.listening.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.listening.clear()

    async def _handle(self, request: web.Request) -> web.Response:
        try:
            match request.method:
                case "POST":
                    return await self._take(request)
                case "GET":
                    return await self._tell(request)
                case "OPTIONS":
                    return web.Response(headers={"Allow": "POST, GET, OPTIONS"})
            return _refuse(400, f"method {request.method} is not supported, POST and GET are")
        except RefusedError as error:
            return _refuse(error.status, str(error))
        except APIStatusError as error:
            log.warning("no job for the event", path=request.path, error=str(error))
            return _refuse(500, str(error))

    async def _take(self, request: web.Request) -> web.Response:
        parts = request.raw_path.removesuffix("/").split("/")
        if len(parts) != 3:
            return _refuse(400, "the path is not /NAMESPACE/NAME")
        key = NamespacedName(parts[1], parts[2])
        sink = self._sinks.get(key.name, key.namespace)
        if sink is None or sink.spec.job is None:
            return _refuse(404, f"there is no JobSink {key}")
        event = await read_event(request)
        await self._start(sink, event)
        where = location(key, event.source, event.id)
        return web.Response(status=202, headers={"Location": where})

    async def _start(self, sink: JobSink, event: Event) -> None:
        """Create the Job, then the Secret its pods wait for; both exist already for a repeat."""
        want = make_job(sink, job_name(sink.metadata.name, event.source, event.id))
        job = await self._client.create_or_get(want)
        await self._client.create_or_get(make_event_secret(sink, job, event))

    async def _tell(self, request: web.Request) -> web.Response:
        found = parse_location(request.raw_path)
        if found is None:
            return _refuse(400, "the path is not /namespaces/../name/../sources/../ids/..")
        key, source, event_id = found
        name = job_name(key.name, source, event_id)
        try:
            job = await self._client.get(Job, name, key.namespace)
        except NotFoundError:
            return _refuse(404, "there is no Job for such an event")
        if (failed := job.status.condition(FAILED)) is not None and failed.status == "True":
            return _refuse(400, "Failed")
        if (complete := job.status.condition(COMPLETE)) is not None and complete.status == "True":
            return web.Response(status=200, headers={"Reason": "Complete"})
        return web.Response(status=202, headers={"Location": location(key, source, event_id)})


def _refuse(status: int, why: str) -> web.Response:
    header = why.encode("ascii", "replace").decode().replace("\r", " ").replace("\n", " ")[:1000]
    return web.json_response({"error": why}, status=status, headers={"Reason": header})
