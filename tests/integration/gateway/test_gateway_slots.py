"""A slot of an instance is held until its request is over, and comes back however that ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import grpc
import pytest

from wakeful.gateway import Endpoint, RevisionKey, WireProtocol
from wakeful.testing.gateway import Rig, revision, running_app, running_gateway, simple_plan
from wakeful.testing.waiting import eventually

HELLO = RevisionKey("default", "hello")
HOST = "hello.default.localhost"
ONE_AT_A_TIME = simple_plan(revision("hello", container_concurrency=1))


def slots(rig: Rig) -> int:
    counts = rig.gateway.gate.counts(HELLO)
    return counts.running if counts is not None else 0


async def free_again(rig: Rig) -> None:
    """Envoy tells the gate a moment after it told the client."""
    await eventually(lambda: not slots(rig) and not rig.held(HELLO))


async def test_websocket_keeps_its_slot_until_it_is_closed() -> None:
    async with running_app("one") as app, running_gateway(ONE_AT_A_TIME) as rig:
        rig.start_on_poke(app)
        async with rig.http.ws_connect(rig.url, headers={"Host": HOST}) as socket:
            waiting = asyncio.create_task(rig.get(HOST))
            await eventually(lambda: rig.held(HELLO) == 1)
            for word in ("one", "two"):
                await socket.send_str(word)
                assert await socket.receive_str() == f"one:{word}"
            assert (slots(rig), app.most) == (1, 1)
            assert not waiting.done()

        assert (await waiting).status == 200
        assert app.most == 1
        await free_again(rig)


async def hang_up(rig: Rig) -> None:
    """The client goes away in the middle of a request."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await rig.get(HOST, "/?sleep=60")


async def hang_up_socket(rig: Rig) -> None:
    """The client's machine dies: its connection is reset, no WebSocket is closed."""
    socket = await rig.http.ws_connect(rig.url, headers={"Host": HOST})
    await socket.send_str("ping")
    await socket.receive_str()
    assert socket._response.connection is not None
    transport = socket._response.connection.transport
    assert isinstance(transport, asyncio.Transport)
    transport.abort()


async def run_into_timeout(rig: Rig) -> None:
    """The program takes longer than the revision allows."""
    answer = await rig.get(HOST, "/?sleep=60")
    assert answer.status == 504


async def fail(rig: Rig) -> None:
    """The program answers with an error of its own."""
    assert (await rig.get(HOST, "/?status=500")).status == 500


@pytest.mark.parametrize("end", [hang_up, hang_up_socket, run_into_timeout, fail])
async def test_slot_comes_back_however_a_request_ends(
    end: Callable[[Rig], Awaitable[None]],
) -> None:
    plan = simple_plan(revision("hello", container_concurrency=1, timeout_seconds=3))
    async with running_app("one") as app, running_gateway(plan) as rig:
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])

        await end(rig)

        await free_again(rig)
        assert (await rig.get(HOST)).status == 200


@contextlib.asynccontextmanager
async def running_mortal() -> AsyncIterator[Endpoint]:
    """An instance that dies with the first request in its hands, and is back at once."""
    died = False

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal died
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                if not died:
                    died = True
                    writer.transport.abort()
                    return
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield Endpoint("127.0.0.1", server.sockets[0].getsockname()[1])
    finally:
        server.close()


async def test_instance_that_dies_costs_its_own_request_and_no_other() -> None:
    async with running_mortal() as instance, running_gateway(ONE_AT_A_TIME) as rig:
        await rig.gateway.set_endpoints(HELLO, [instance])

        answers = await asyncio.gather(*(rig.get(HOST) for _ in range(10)))

        assert Counter(answer.status for answer in answers) == {200: 9, 503: 1}
        await free_again(rig)


async def test_dead_instance_that_is_still_listed_costs_no_request_and_no_slot() -> None:
    async with running_app("one") as app, running_gateway(ONE_AT_A_TIME) as rig:
        await rig.gateway.set_endpoints(HELLO, [Endpoint("127.0.0.1", 1), app.endpoint])

        answers = [await rig.get(HOST) for _ in range(20)]

        assert Counter(answer.status for answer in answers) == {200: 20}
        assert app.most == 1
        await free_again(rig)


async def test_withdrawn_instance_keeps_its_request_and_the_line_goes_on_at_the_next() -> None:
    async with (
        running_app("old") as old,
        running_app("new") as new,
        running_gateway(ONE_AT_A_TIME) as rig,
    ):
        await rig.gateway.set_endpoints(HELLO, [old.endpoint])
        slow = asyncio.create_task(rig.get(HOST, "/?hold"))
        await eventually(lambda: old.running)
        line = [asyncio.create_task(rig.get(HOST)) for _ in range(5)]
        await eventually(lambda: rig.held(HELLO) == 5)

        leaving = Endpoint(old.endpoint.address, old.endpoint.port, draining=True)
        await rig.gateway.set_endpoints(HELLO, [leaving, new.endpoint])
        answers = await asyncio.gather(*line)

        assert not slow.done()
        assert {(await answer.json())["app"] for answer in answers} == {"new"}
        old.let_go.set()
        assert await rig.gateway.drained(HELLO, leaving, timeout=30)
        assert (await slow).status == 200
        assert (old.most, new.most) == (1, 1)


@contextlib.asynccontextmanager
async def running_stream() -> AsyncIterator[Endpoint]:
    """A gRPC service that answers every message of a stream."""

    async def chat(requests: AsyncIterator[bytes], context: object) -> AsyncIterator[bytes]:
        del context
        async for request in requests:
            yield request

    server = grpc.aio.server()
    methods = {"Chat": grpc.stream_stream_rpc_method_handler(chat)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("t.Echo", methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield Endpoint("127.0.0.1", port)
    finally:
        await server.stop(None)


async def test_grpc_stream_keeps_its_slot_until_it_ends_or_is_cancelled() -> None:
    plan = simple_plan(revision("hello", protocol=WireProtocol.H2C, container_concurrency=1))
    async with running_stream() as instance, running_gateway(plan) as rig:
        await rig.gateway.set_endpoints(HELLO, [instance])
        target = f"127.0.0.1:{rig.ports['public']}"
        options = [("grpc.default_authority", HOST)]
        async with grpc.aio.insecure_channel(target, options=options) as channel:
            chat = channel.stream_stream("/t.Echo/Chat", None, None)
            streams = []
            for number in range(3):
                streams.append(chat(None, timeout=30))
                await streams[-1].write(b"hi")
                await eventually(lambda: slots(rig) == 1)
                await eventually(lambda expected=number: rig.held(HELLO) == expected)

            assert await streams[0].read() == b"hi"
            streams[0].cancel()
            assert await streams[1].read() == b"hi"
            assert rig.held(HELLO) == 1
            await streams[1].done_writing()
            assert await streams[1].code() is grpc.StatusCode.OK
            assert await streams[2].read() == b"hi"
            streams[2].cancel()
            await free_again(rig)


async def test_upload_that_lasts_and_answer_that_streams_are_one_request() -> None:
    """Neither the first byte of an answer nor the last of a body gives the slot back early."""
    sent = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"x" * 1000
        await sent.wait()
        yield b"x" * 1000

    async with running_app("one") as app, running_gateway(ONE_AT_A_TIME) as rig:
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])
        upload = asyncio.create_task(
            rig.http.post(rig.url, data=body(), headers={"Host": HOST}).__aenter__()
        )
        await eventually(lambda: app.running)
        waiting = asyncio.create_task(rig.get(HOST))
        await eventually(lambda: rig.held(HELLO) == 1)
        sent.set()
        answer: aiohttp.ClientResponse = await upload

        assert (await answer.json())["bytes"] == 2000
        assert (await waiting).status == 200
        assert app.most == 1


async def test_request_that_finds_no_instance_gives_its_slot_back_while_others_are_busy() -> None:
    nowhere = Endpoint("127.0.0.1", 1)
    async with running_app("one") as app, running_gateway(ONE_AT_A_TIME) as rig:
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])
        slow = asyncio.create_task(rig.get(HOST, "/?hold"))
        await eventually(lambda: app.running)
        rig.gateway.gate.let_go(HELLO, nowhere)  # which Envoy was not told of

        lost = asyncio.create_task(rig.get(HOST))
        await eventually(lambda: rig.held(HELLO) and not rig.gateway.gate.in_flight(HELLO, nowhere))

        assert rig.gateway.gate.in_flight(HELLO, app.endpoint) == 1
        app.let_go.set()
        assert [(await answer).status for answer in (slow, lost)] == [200, 200]
        assert app.most == 1
        await free_again(rig)
