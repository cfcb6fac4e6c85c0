"""Makes what runs instances, as the settings say."""

from __future__ import annotations

import ipaddress
import shutil
import zlib

from wakeful.config import RuntimeName, Settings
from wakeful.node.runtime import Runtime, RuntimeUnavailableError
from wakeful.node.runtime.engine import DockerRuntime
from wakeful.node.runtime.probe import RuntimeSettings, open_sandbox_runtime
from wakeful.procd.client import ProcdClient


async def make_runtime(settings: Settings, procd: ProcdClient) -> Runtime:
    """Open the runtime of ``--runtime``.

    Raises:
        RuntimeUnavailableError: Its program is not there.
    """
    root = settings.layout.sandboxes
    if settings.runtime is not RuntimeName.SANDBOX:
        cli = shutil.which(settings.runtime.value)
        if cli is None:
            raise RuntimeUnavailableError(
                f"--runtime {settings.runtime.value}: there is no such program on the PATH"
            )
        owner = zlib.crc32(str(settings.data_dir).encode())
        return DockerRuntime(procd, cli=cli, root=root, owner=f"{owner:08x}")
    return await open_sandbox_runtime(
        procd,
        RuntimeSettings(
            root=root,
            hidden=(settings.layout.root,),
            pod_network=ipaddress.IPv4Network(settings.pod_cidr),
        ),
    )
