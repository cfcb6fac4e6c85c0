"""Where a running platform answers: written by the control plane, read by every command."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from wakeful.config import DataDir

_FILE = "addresses.json"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Ports as they are bound, which differ from the settings' where those are 0."""

    host: str
    api_port: int
    http_port: int
    https_port: int | None = None

    @property
    def api(self) -> str:
        """URL of the API server."""
        return f"https://{self.host}:{self.api_port}"

    @property
    def http(self) -> str:
        """URL of the gateway."""
        return f"http://{self.host}:{self.http_port}"

    @property
    def https(self) -> str:
        """URL of the gateway for hosts that have a certificate; empty without such a port."""
        return f"https://{self.host}:{self.https_port}" if self.https_port else ""

    def save(self, layout: DataDir) -> None:
        """Write for other processes."""
        target = layout.run / _FILE
        fresh = target.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self)))
        fresh.replace(target)

    @classmethod
    def load(cls, layout: DataDir) -> Addresses | None:
        """Read what the control plane wrote; None while it has not."""
        try:
            return cls(**json.loads((layout.run / _FILE).read_text()))
        except FileNotFoundError:
            return None

    @staticmethod
    def forget(layout: DataDir) -> None:
        """Remove a former platform's addresses."""
        Path(layout.run / _FILE).unlink(missing_ok=True)
