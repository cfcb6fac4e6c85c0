"""Where the event process and the control plane leave things for each other."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from wakeful.eventbus.natsserver import NatsServer

LISTEN_FD = 3
"""Number of the listening socket in the event process."""


@dataclass(frozen=True, slots=True)
class EventingPaths:
    """Files of the event path below one data directory."""

    root: Path
    """``DataDir.root / "eventing"``."""
    run: Path
    """``DataDir.run``."""

    @property
    def nats(self) -> Path:
        """Directory of the embedded event server."""
        return self.root / "nats"

    @property
    def plan(self) -> Path:
        """What to carry."""
        return self.root / "plan.json"

    @property
    def bus(self) -> Path:
        """Which event server to use, with its secret; readable by its owner only."""
        return self.root / "bus.json"

    @property
    def history(self) -> Path:
        """Hops and dead letters."""
        return self.root / "history.db"

    @property
    def port(self) -> Path:
        """The port the ingress had last."""
        return self.root / "port"

    @property
    def platform(self) -> Path:
        """A name of this platform's own, for its streams."""
        return self.root / "platform"

    @property
    def control(self) -> Path:
        """Socket on which the first event process tells its state."""
        return self.control_of(0)

    def control_of(self, index: int) -> Path:
        """The socket of one of several event processes."""
        return self.run / (f"eventing-{index}.sock" if index else "eventing.sock")


def write_private(path: Path, data: bytes) -> None:
    """Replace a file at once, for its owner's eyes."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(data)
    fresh.replace(path)


def save_bus(paths: EventingPaths, server: NatsServer) -> None:
    """Say which event server to use."""
    write_private(paths.bus, orjson.dumps(asdict(server)))


def load_bus(paths: EventingPaths) -> NatsServer:
    """Read which event server to use."""
    return NatsServer(**orjson.loads(paths.bus.read_bytes()))
