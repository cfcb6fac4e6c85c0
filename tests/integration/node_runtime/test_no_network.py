"""Programs that must not reach anybody, whatever their Pod can reach."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from wakeful.node.runtime import ContainerConfig, SandboxConfig
from wakeful.node.runtime.sandbox import SandboxRuntime


@pytest.mark.parametrize("uid", [0, 1000])
async def test_a_program_has_a_loopback_and_nothing_else(
    runtime: SandboxRuntime, container: Callable[..., ContainerConfig], uid: int
) -> None:
    """Its neighbour in the same Pod keeps the Pod's network."""
    await runtime.create_sandbox(SandboxConfig(id="pod", hostname="pod"))
    seen = {}
    for name, alone in (("open", False), ("alone", True)):
        config = container("grep -c : /proc/net/dev", name=name, uid=uid, no_network=alone)
        status = await runtime.start_container("pod", config)
        final = await runtime.wait_container(status.id)
        assert final.exit_code == 0, final.log_path.read_text()
        seen[name] = final.log_path.read_text().split()[-1]

    assert seen["alone"] == "1"
    if runtime.describe().pod_network is not None:
        assert int(seen["open"]) > 1
