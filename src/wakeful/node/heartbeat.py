"""The Node object, and the Lease that says this node is alive."""

from __future__ import annotations

import platform
from typing import Any

import structlog

from wakeful import __version__
from wakeful.apimachinery.errors import AlreadyExistsError, APIStatusError, NotFoundError
from wakeful.apimachinery.meta import format_micro_time, format_time
from wakeful.apimachinery.request import APIRequest, PatchType, Verb
from wakeful.node.context import NodeContext

log = structlog.get_logger("wakeful.node.heartbeat")

_LEASE_SECONDS, _RENEW_SECONDS = 40, 10
_LEASES = "kube-node-lease"


class Heartbeat:
    """Registers the node and keeps its Lease fresh."""

    def __init__(self, node: NodeContext) -> None:
        self._node = node

    async def register(self) -> None:
        """Create the Node, or bring the one from before up to date."""
        name = self._node.identity.name
        body = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": name,
                "labels": {
                    "kubernetes.io/hostname": name,
                    "kubernetes.io/os": "linux",
                    "kubernetes.io/arch": _architecture(),
                    "node-role.kubernetes.io/control-plane": "",
                },
            },
            "spec": {},
        }
        try:
            await self._call(Verb.CREATE, "nodes", body=body)
        except AlreadyExistsError:
            log.debug("node is registered already", node=name)
        await self._call(
            Verb.PATCH, "nodes", name=name, subresource="status", body={"status": self._status()}
        )

    async def run(self) -> None:
        """Renew the Lease for ever."""
        while True:
            try:
                await self._renew()
            except APIStatusError as err:
                log.warning("node lease not renewed", error=err.message)
            await self._node.clock.sleep(_RENEW_SECONDS)

    async def _renew(self) -> None:
        name = self._node.identity.name
        spec: dict[str, Any] = {
            "holderIdentity": name,
            "leaseDurationSeconds": _LEASE_SECONDS,
            "renewTime": format_micro_time(self._node.clock.now()),
        }
        lease = ("coordination.k8s.io", "v1", "leases")
        try:
            await self._call(
                Verb.PATCH,
                lease[2],
                group=lease[0],
                namespace=_LEASES,
                name=name,
                body={"spec": spec},
            )
        except NotFoundError:
            await self._call(
                Verb.CREATE,
                lease[2],
                group=lease[0],
                namespace=_LEASES,
                body={
                    "apiVersion": "coordination.k8s.io/v1",
                    "kind": "Lease",
                    "metadata": {"name": name, "namespace": _LEASES},
                    "spec": spec,
                },
            )

    def _status(self) -> dict[str, Any]:
        identity, info = self._node.identity, self._node.runtime.describe()
        now = format_time(self._node.clock.now())
        amounts = {
            "cpu": str(self._node.cpu_cores),
            "memory": f"{self._node.memory_bytes // 1024}Ki",
            "pods": "1000",
            "ephemeral-storage": "100Gi",
        }
        healthy = [
            ("MemoryPressure", "False", "KubeletHasSufficientMemory"),
            ("DiskPressure", "False", "KubeletHasNoDiskPressure"),
            ("PIDPressure", "False", "KubeletHasSufficientPID"),
            ("Ready", "True", "KubeletReady"),
        ]
        return {
            "capacity": amounts,
            "allocatable": amounts,
            "addresses": [
                {"type": "InternalIP", "address": identity.host_ip},
                {"type": "Hostname", "address": identity.name},
            ],
            "conditions": [
                {
                    "type": kind,
                    "status": status,
                    "reason": reason,
                    "message": "; ".join(info.notes) if kind == "Ready" else "",
                    "lastHeartbeatTime": now,
                    "lastTransitionTime": now,
                }
                for kind, status, reason in healthy
            ],
            "nodeInfo": {
                "architecture": _architecture(),
                "operatingSystem": "linux",
                "kernelVersion": platform.release(),
                "osImage": _os_image(),
                "containerRuntimeVersion": f"{info.name}://{info.version}",
                "kubeletVersion": f"v1.34.0+wakeful-{__version__}",
                "kubeProxyVersion": "",
                "machineID": "",
                "systemUUID": "",
                "bootID": "",
            },
        }

    async def _call(
        self,
        verb: Verb,
        resource: str,
        *,
        body: Any,
        group: str = "",
        namespace: str = "",
        name: str = "",
        subresource: str = "",
    ) -> dict[str, Any]:
        return await self._node.client.transport.call(
            APIRequest(
                verb,
                group,
                "v1",
                resource,
                namespace=namespace,
                name=name,
                subresource=subresource,
                body=body,
                patch_type=PatchType.MERGE if verb is Verb.PATCH else None,
            )
        )


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def _os_image() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return "Linux"
