"""hey, the book's load generator, and what it reports."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field

from harness.running import FailedError

_COUNT = re.compile(r"^\s+\[(\d+)\]\t(.*)$")
_PERCENTILE = re.compile(r"^\s+(\d+)%+ in ([\d.]+) secs")


@dataclass(slots=True)
class Load:
    """What hey saw."""

    statuses: dict[int, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    """Requests without any answer, by what went wrong."""
    percentiles: dict[int, float] = field(default_factory=dict)
    """Percent → seconds."""
    rate: float = 0.0
    """Requests a second."""

    @property
    def total(self) -> int:
        """All requests."""
        return sum(self.statuses.values()) + sum(self.errors.values())

    @property
    def failed(self) -> int:
        """Requests without a 200."""
        return self.total - self.statuses.get(200, 0)


async def hey(url: str, host: str, *options: str) -> Load:
    """Run hey against a host of the gateway; ``options`` are its own."""
    process = await asyncio.create_subprocess_exec(
        "hey",
        *options,
        "-host",
        host,
        url,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    if process.returncode != 0:
        raise FailedError(f"hey ended with {process.returncode}: {err.decode()[:300]}")
    return parse(out.decode())


def parse(text: str) -> Load:
    """Read hey's summary."""
    load = Load()
    section = ""
    for line in text.splitlines():
        if line.endswith(":"):
            section = line
        if line.strip().startswith("Requests/sec:"):
            load.rate = float(line.split()[1])
        if found := _PERCENTILE.match(line):
            load.percentiles[int(found[1])] = float(found[2])
        if found := _COUNT.match(line):
            if section.startswith("Status code"):
                load.statuses[int(found[1])] = int(found[2].split()[0])
            elif section.startswith("Error"):
                load.errors[found[2]] = int(found[1])
    return load
