"""The platform's own processes, as ``procd`` is asked to run them.

None outlives it: a control plane without a parent would go on writing while ``up`` starts another.
"""

from __future__ import annotations

import os
import sys

from wakeful.config import Settings
from wakeful.procd.types import LogTarget, ProcessSpec, Restart, RestartMode

CONTROL_PLANE = "control-plane"
ENVOY = "envoy"

CANNOT_START = 78
"""Exit code (``EX_CONFIG``) of a control plane with settings that will not work the next time
either."""

_KEPT = (
    "PATH",
    "PYTHONPATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "TMPDIR",
)


def control_plane_spec(settings: Settings) -> ProcessSpec:
    """The process that decides: API server, controllers, autoscaler, gateway, node agent."""
    env = {name: os.environ[name] for name in _KEPT if name in os.environ}
    env |= {
        # gRPC's fork handlers must not run in a process that never forks.
        "GRPC_ENABLE_FORK_SUPPORT": "0",
        "GRPC_VERBOSITY": "ERROR",
        "PYTHONUNBUFFERED": "1",
        # Two malloc arenas instead of one for each thread: memory is given back.
        "MALLOC_ARENA_MAX": "2",
    }
    return ProcessSpec(
        name=CONTROL_PLANE,
        argv=[
            sys.executable,
            "-m",
            "wakeful.cmd.controlplane",
            "--data-dir",
            str(settings.data_dir),
        ],
        env=env,
        log=LogTarget(path=settings.layout.logs / "control-plane.log"),
        restart=Restart(mode=RestartMode.ALWAYS, base_seconds=0.05, cap_seconds=5),
        rlimits={"nofile": -1},
        stop_grace_seconds=20,
        shutdown_rank=1,
        die_with_parent=True,
    )


def envoy_spec(settings: Settings, argv: tuple[str, ...], open_files: int) -> ProcessSpec:
    """The data plane. It outlives the control plane and is drained before it is stopped."""
    return ProcessSpec(
        name=ENVOY,
        argv=list(argv),
        env={"PATH": os.environ.get("PATH", "/usr/bin:/bin")},
        log=LogTarget(path=settings.layout.logs / "envoy.log"),
        # It exits with 0 only when it was told to, after draining.
        restart=Restart(mode=RestartMode.ON_FAILURE, base_seconds=0.05, cap_seconds=5),
        rlimits={"nofile": open_files},
        stop_grace_seconds=5,
        shutdown_rank=0,
        die_with_parent=True,
        umask=0o077,
    )
