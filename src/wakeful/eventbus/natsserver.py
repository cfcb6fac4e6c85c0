"""Where a NATS server is: for those who only pass it on, without the client."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class NatsServer:
    """Where NATS is, and who we are to it."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    credentials_file: str = ""
    ca_file: str = ""
