"""gRPC, cleartext HTTP/2 and TLS through the gate and past it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from wakeful.gateway import Certificate, Endpoint, Plan, RevisionKey, WireProtocol
from wakeful.testing.gateway import revision, running_app, running_gateway, simple_plan
from wakeful.testing.waiting import eventually

HELLO = RevisionKey("default", "hello")
HOST = "hello.default.localhost"


def _identity(data: bytes) -> bytes:
    return data


@asynccontextmanager
async def running_echo() -> AsyncIterator[Endpoint]:
    """A gRPC service: ``Say`` answers once, ``Chat`` answers every message."""

    async def say(request: bytes, context: object) -> bytes:
        del context
        return b"said " + request

    async def chat(requests: AsyncIterator[bytes], context: object) -> AsyncIterator[bytes]:
        del context
        async for request in requests:
            yield b"chatted " + request

    server = grpc.aio.server()
    methods = {
        "Say": grpc.unary_unary_rpc_method_handler(say),
        "Chat": grpc.stream_stream_rpc_method_handler(chat),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("t.Echo", methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield Endpoint("127.0.0.1", port)
    finally:
        await server.stop(None)


@pytest.mark.parametrize("limit", [0, 2])
async def test_grpc_calls_are_held_and_answered(limit: int) -> None:
    plan = simple_plan(revision("hello", protocol=WireProtocol.H2C, container_concurrency=limit))
    async with running_echo() as echo, running_gateway(plan) as rig:
        target = f"127.0.0.1:{rig.ports['public']}"
        options = [("grpc.default_authority", HOST)]
        async with grpc.aio.insecure_channel(target, options=options) as channel:
            say = asyncio.ensure_future(
                channel.unary_unary("/t.Echo/Say", None, None)(b"hi", timeout=60)
            )
            chat = channel.stream_stream("/t.Echo/Chat", None, None)(None, timeout=60)
            await chat.write(b"one")
            await eventually(lambda: rig.held(HELLO) == 2)

            await rig.gateway.set_endpoints(HELLO, [echo])

            assert await say == b"said hi"
            assert await chat.read() == b"chatted one"
            await chat.write(b"two")
            assert await chat.read() == b"chatted two"
            await chat.done_writing()
            assert await chat.code() == grpc.StatusCode.OK


async def test_grpc_deadline_ends_the_hold() -> None:
    plan = simple_plan(revision("hello", protocol=WireProtocol.H2C))
    async with running_gateway(plan) as rig:
        options = [("grpc.default_authority", HOST)]
        target = f"127.0.0.1:{rig.ports['public']}"
        async with grpc.aio.insecure_channel(target, options=options) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await channel.unary_unary("/t.Echo/Say", None, None)(b"hi", timeout=0.3)

        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await eventually(lambda: not rig.held(HELLO))


async def test_http2_clients_reach_http1_apps() -> None:
    async with running_app("one") as app, running_gateway(simple_plan(revision("hello"))) as rig:
        rig.start_on_poke(app)
        curl = await asyncio.create_subprocess_exec(
            "curl",
            *("-s", "-o", "/dev/null", "-w", "%{http_version} %{http_code}"),
            "--http2-prior-knowledge",
            *("-H", f"Host: {HOST}", rig.url),
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await curl.communicate()

        assert out == b"2 200"


def make_certificate(host: str) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Certificate(
        host,
        signed.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


async def test_https_listener_opens_with_the_first_certificate_and_rotates() -> None:
    plain = simple_plan(revision("hello"))
    async with running_app("one") as app, running_gateway(plain, https_port=0) as rig:
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])
        assert "public-tls" not in await rig.admin.listener_ports()

        for _ in range(2):  # the second certificate replaces the first
            certificate = make_certificate(HOST)
            plan = Plan(plain.tables, plain.revisions, certificates=(certificate,))
            await rig.gateway.publish(plan)
            port = (await rig.admin.listener_ports())["public-tls"]
            trust = ssl.create_default_context(cadata=certificate.chain_pem.decode())
            async with rig.http.get(
                f"https://127.0.0.1:{port}/",
                headers={"Host": HOST},
                ssl=trust,
                server_hostname=HOST,
            ) as answer:
                assert answer.status == 200
            assert app.headers[-1]["X-Forwarded-Proto"] == "https"
