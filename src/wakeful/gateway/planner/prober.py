"""Asks the listeners themselves whether they serve a table: the version in the answer proves it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Self

import aiohttp

from wakeful.gateway.envoy import bracket
from wakeful.gateway.plan import HostRule, RouteTable, Visibility
from wakeful.gateway.translator.names import (
    HASH_HEADER,
    HASH_OVERRIDE,
    INTERNAL,
    PROBE_HEADER,
    PROBE_VALUE,
    PUBLIC,
    UNTRACED,
    VERSION_HEADER,
)

_LISTENERS = {Visibility.EXTERNAL_IP: PUBLIC, Visibility.CLUSTER_LOCAL: INTERNAL}
_TIMEOUT_SECONDS = 2.0


class Prober:
    """Probes through loopback, or wherever the listeners are bound."""

    def __init__(self, hosts: Mapping[str, str]) -> None:
        """``hosts`` are the addresses to connect to, by listener."""
        self._hosts = hosts
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS),
            connector=aiohttp.TCPConnector(limit=20),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def serves(self, table: RouteTable, ports: Mapping[str, int]) -> bool:
        """Whether every rule's first host is answered with the table's version."""
        answers = await asyncio.gather(
            *(self._answers(rule, table.version, ports) for rule in table.rules if rule.hosts)
        )
        return all(answers)

    async def _answers(self, rule: HostRule, version: str, ports: Mapping[str, int]) -> bool:
        assert self._session is not None
        listener = _LISTENERS[rule.visibility]
        port = ports.get(listener)
        if port is None:
            return False
        host = rule.hosts[0].replace("*", "probe", 1)
        url = f"http://{bracket(self._hosts[listener])}:{port}/healthz"
        mark = {PROBE_HEADER: PROBE_VALUE, HASH_HEADER: HASH_OVERRIDE}
        headers = {"Host": host, **mark, **UNTRACED}
        try:
            async with self._session.get(url, headers=headers) as answer:
                same = answer.headers.get(VERSION_HEADER) == version
                return answer.status == HTTPStatus.OK and same
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False
