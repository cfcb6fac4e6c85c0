"""A DNS server for instances, over UDP and TCP."""

from __future__ import annotations

import asyncio
import random
import struct
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import structlog

from wakeful.aio import Lifetime
from wakeful.node.dns.upstream import HostResolvers, NoAnswerError
from wakeful.node.dns.zone import DOMAIN, ClusterZone, Names, Outcome

_TTL_SECONDS = 5
"""Short: what a name stands for changes with every instance."""
_MOST_AT_ONCE = 512
_TCP_IDLE_SECONDS = 10.0
_SOA = f"ns.{DOMAIN}. hostmaster.{DOMAIN}. 1 3600 600 86400 {_TTL_SECONDS}"

log = structlog.get_logger("wakeful.node.dns")


class NameServer:
    """Answers on one address of this host, as a component of the control plane.

    Where the port is taken by somebody else the platform runs without it: instances then use the
    host's resolvers, and find each other by address only.
    """

    name = "names"

    def __init__(
        self, zone: ClusterZone, resolvers: HostResolvers, address: str | None, port: int = 53
    ) -> None:
        """``address`` None: instances share the host's network, and there is nothing to do."""
        self._zone, self._resolvers = zone, resolvers
        self._wanted, self._port = address, port
        self._at_once = asyncio.Semaphore(_MOST_AT_ONCE)
        self.address: str | None = None
        """Where instances find it; None while it does not serve."""

    async def run(self, life: Lifetime) -> None:
        """Serve until told to drain."""
        if self._wanted is None:
            life.started.set()
            await life.draining.wait()
            return
        async with asyncio.TaskGroup() as group:
            try:
                await self._serve(life, group, self._wanted)
            except OSError as err:
                log.warning(
                    "no names for instances", address=self._wanted, port=self._port, error=str(err)
                )
                life.started.set()
                await life.draining.wait()

    async def _serve(self, life: Lifetime, group: asyncio.TaskGroup, address: str) -> None:
        loop = asyncio.get_running_loop()
        tcp = await asyncio.start_server(self._serve_connection, address, self._port)
        try:
            port = tcp.sockets[0].getsockname()[1]
            udp, _ = await loop.create_datagram_endpoint(
                lambda: _Datagrams(self, group), local_addr=(address, port)
            )
            try:
                self._port, self.address = port, address
                life.started.set()
                await life.draining.wait()
            finally:
                self.address = None
                udp.close()
        finally:
            tcp.close()

    @property
    def port(self) -> int:
        """Where it listens, once it does."""
        return self._port

    async def answer(self, question: bytes, *, tcp: bool) -> bytes | None:
        """Return the answer to a question; None when it is not worth one."""
        try:
            query = dns.message.from_wire(question)
        except (dns.exception.DNSException, ValueError):
            return None
        if query.flags & dns.flags.QR or len(query.question) != 1:
            return None
        if query.opcode() != dns.opcode.QUERY:
            return _refusal(query, dns.rcode.NOTIMP)
        found = self._zone.look_up(query.question[0].name.to_text(omit_final_dot=True))
        if found.outcome is not Outcome.FOREIGN:
            try:
                return _reply(query, found, limit=65535 if tcp else _udp_limit(query))
            except dns.exception.DNSException:  # somebody's externalName is no name
                return _refusal(query, dns.rcode.SERVFAIL)
        try:
            async with self._at_once:
                return await self._resolvers.ask(question, tcp=tcp)
        except NoAnswerError:
            return _refusal(query, dns.rcode.SERVFAIL)

    async def _serve_connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while True:
                async with asyncio.timeout(_TCP_IDLE_SECONDS):
                    size = struct.unpack("!H", await reader.readexactly(2))[0]
                    question = await reader.readexactly(size)
                answer = await self.answer(question, tcp=True)
                if answer is None:
                    return
                writer.write(struct.pack("!H", len(answer)) + answer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            return  # the caller went away, or said nothing for long
        finally:
            writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    """Each datagram is a question; its task belongs to the server's group."""

    def __init__(self, server: NameServer, group: asyncio.TaskGroup) -> None:
        self._server, self._group = server, group
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not every loop's datagram transport is one by inheritance.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._group.create_task(self._answer(data, addr), name="names:question")

    async def _answer(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            answer = await self._server.answer(data, tcp=False)
        except Exception:
            log.exception("question not answered")  # one question must not end the server
            return
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)


def _reply(query: dns.message.Message, found: Names, *, limit: int) -> bytes:
    reply = dns.message.make_response(query, recursion_available=True)
    reply.flags |= dns.flags.AA
    question = query.question[0]
    for name, target in found.aliases:
        reply.answer.append(_record(name, "CNAME", f"{target}."))
    wanted = question.rdtype in (dns.rdatatype.A, dns.rdatatype.ANY)
    if wanted and found.addresses:
        name = found.last or question.name.to_text(omit_final_dot=True)
        # A client takes the first: each question spreads it anew.
        addresses = random.sample(found.addresses, len(found.addresses))
        reply.answer.append(_record(name, "A", *addresses))
    if not reply.answer:
        reply.authority.append(_record(DOMAIN, "SOA", _SOA))
    if found.outcome is Outcome.MISSING:
        reply.set_rcode(dns.rcode.NXDOMAIN)
    try:
        return reply.to_wire(max_size=limit)
    except dns.exception.TooBig:
        short = dns.message.make_response(query, recursion_available=True)
        short.flags |= dns.flags.TC
        return short.to_wire()


def _record(name: str, kind: str, *values: str) -> dns.rrset.RRset:
    return dns.rrset.from_text(f"{name}.", _TTL_SECONDS, dns.rdataclass.IN, kind, *values)


def _refusal(query: dns.message.Message, rcode: dns.rcode.Rcode) -> bytes:
    reply = dns.message.make_response(query, recursion_available=True)
    reply.set_rcode(rcode)
    return reply.to_wire()


def _udp_limit(query: dns.message.Message) -> int:
    return max(512, query.payload) if query.edns >= 0 else 512
