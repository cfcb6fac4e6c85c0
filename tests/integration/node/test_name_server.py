"""The name server on real sockets, with a resolver of its own to pass questions on to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import dns.asyncquery
import dns.message
import dns.rcode
import pytest

from wakeful.aio import Lifetime
from wakeful.node.dns import ClusterZone, HostResolvers, NameServer

LOCALHOST = "127.0.0.1"


@asynccontextmanager
async def serving(server: NameServer) -> AsyncIterator[NameServer]:
    life = Lifetime()
    async with asyncio.TaskGroup() as group:
        group.create_task(server.run(life))
        await life.started.wait()
        try:
            yield server
        finally:
            life.draining.set()


@pytest.fixture
async def outside(tmp_path: Path) -> AsyncIterator[NameServer]:
    """Plays the host's resolver: it knows one name."""
    zone = ClusterZone(lambda *_: None, lambda *_: None, {"example.org": "198.19.0.9"})
    async with serving(NameServer(zone, HostResolvers(tmp_path / "none"), LOCALHOST, 0)) as server:
        yield server


@pytest.fixture
async def names(outside: NameServer, tmp_path: Path) -> AsyncIterator[NameServer]:
    conf = tmp_path / "resolv.conf"
    conf.write_text(f"nameserver {LOCALHOST}\n")
    zone = ClusterZone(lambda *_: None, lambda *_: None, {"gw.ns.svc.cluster.local": "198.19.0.1"})
    resolvers = HostResolvers(conf, port=outside.port)
    async with serving(NameServer(zone, resolvers, LOCALHOST, 0)) as server:
        yield server


async def ask(
    server: NameServer, name: str, kind: str = "A", *, tcp: bool = False
) -> dns.message.Message:
    query = dns.message.make_query(name, kind)
    how = dns.asyncquery.tcp if tcp else dns.asyncquery.udp
    return await how(query, LOCALHOST, port=server.port, timeout=30)


def addresses(answer: dns.message.Message) -> list[str]:
    return [str(item) for rrset in answer.answer for item in rrset]


@pytest.mark.parametrize("tcp", [False, True])
async def test_own_names_are_answered_and_others_passed_on(names: NameServer, tcp: bool) -> None:
    assert addresses(await ask(names, "gw.ns.svc.cluster.local", tcp=tcp)) == ["198.19.0.1"]
    assert addresses(await ask(names, "example.org", tcp=tcp)) == ["198.19.0.9"]


async def test_missing_names_and_kinds_are_told_apart(names: NameServer) -> None:
    missing = await ask(names, "nobody.ns.svc.cluster.local")
    assert missing.rcode() == dns.rcode.NXDOMAIN
    no_such_kind = await ask(names, "gw.ns.svc.cluster.local", "AAAA")
    assert (no_such_kind.rcode(), no_such_kind.answer) == (dns.rcode.NOERROR, [])


async def test_without_a_resolver_foreign_names_fail_at_once(outside: NameServer) -> None:
    assert (await ask(outside, "example.com")).rcode() == dns.rcode.SERVFAIL


async def test_junk_is_ignored(names: NameServer) -> None:
    for junk in (b"", b"\0", b"\xff" * 40):
        assert await names.answer(junk, tcp=False) is None


async def test_a_taken_port_leaves_instances_with_the_hosts_resolvers(names: NameServer) -> None:
    zone = ClusterZone(lambda *_: None, lambda *_: None, {})
    second = NameServer(zone, HostResolvers(), LOCALHOST, names.port)
    async with serving(second):
        assert second.address is None
