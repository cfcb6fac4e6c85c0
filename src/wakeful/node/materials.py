"""Everything a Pod's containers need before they can start: objects, volumes, tokens."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import structlog

from wakeful.apimachinery.errors import APIStatusError
from wakeful.apis.core import ConfigMap, Secret
from wakeful.apis.core.pod_types import Container, Pod, Volume
from wakeful.node.context import NodeContext
from wakeful.node.environment import (
    ContainerConfigError,
    PodFacts,
    References,
    make_environment,
    referenced_by_env,
    secret_value,
)
from wakeful.node.plan import base_environment, make_container_config
from wakeful.node.ports import wanted_port
from wakeful.node.runtime import ContainerConfig, Mount
from wakeful.node.sharedvolumes import SharedVolumes, is_shareable
from wakeful.node.sources import Sources
from wakeful.node.tokens import TokenCache, account_of
from wakeful.node.volumes import (
    VolumeContent,
    is_projected,
    mounts_for,
    referenced_by_volumes,
    volume_content,
    write_volume,
)
from wakeful.node.zygote.recipes import RecipeStore
from wakeful.oci import Keychain, RootfsPlan

log = structlog.get_logger("wakeful.node.materials")

_TERMINATION_LOG = "/dev/termination-log"


@dataclass(frozen=True, slots=True)
class Shared:
    """What the workers of one agent share beside the node itself."""

    tokens: TokenCache
    sources: Sources
    volumes: SharedVolumes
    recipes: RecipeStore


class Materials:
    """Gathers what one Pod reads and turns its containers into runtime configurations."""

    def __init__(self, node: NodeContext, shared: Shared, pod: Pod, pod_ip: str) -> None:
        self.pod = pod
        """The newest version: its labels and annotations may change."""
        self.changed = asyncio.Event()
        """Set when something that the Pod reads has changed."""
        self.tokens_written = asyncio.Event()
        """Set when a volume with tokens was written: :meth:`next_token` has become sooner."""
        self.facts = PodFacts(
            pod_ip=pod_ip,
            host_ip=node.identity.host_ip,
            node_name=node.identity.name,
            cpu_cores=node.cpu_cores,
            memory_bytes=node.memory_bytes,
        )
        self._node, self._shared = node, shared
        self._folders: dict[str, Path] = {}
        self._contents: dict[str, VolumeContent] = {}
        self._writing = asyncio.Lock()

    @staticmethod
    def sources(pod: Pod) -> tuple[set[str], set[str]]:
        """Names of the config maps and of the secrets that the Pod reads."""
        maps, secrets = referenced_by_env((*pod.spec.init_containers, *pod.spec.containers))
        more_maps, more_secrets = referenced_by_volumes(pod.spec.volumes)
        pull_secrets = {reference.name for reference in pod.spec.image_pull_secrets}
        return maps | more_maps, secrets | more_secrets | pull_secrets

    async def keychain(self) -> Keychain | None:
        """Credentials from the Pod's ``imagePullSecrets``; None when it has none."""
        found: list[Keychain] = []
        for reference in self.pod.spec.image_pull_secrets:
            secret = await self._node.client.find(
                Secret, reference.name, self.pod.metadata.namespace
            )
            if secret is not None:
                data = {key: secret_value(secret, key) or b"" for key in secret.data}
                found.append(Keychain.from_secret(secret.type, data))
        return Keychain.merge(found) if found else None

    async def configure(
        self, container: Container, plan: RootfsPlan, attempt: int
    ) -> ContainerConfig:
        """Return the configuration of one run, with volumes written and objects read anew.

        Raises:
            ContainerConfigError: Something that the container refers to is missing.
        """
        used = {m.name for m in container.volume_mounts}
        volumes = [
            v for v in self.pod.spec.volumes if v.name in used and not is_shareable(self.pod, v)
        ]
        references = await self._references([container], volumes)
        await self._prepare_volumes(container, references)
        env = make_environment(
            container,
            self.pod,
            self.facts,
            references,
            base=base_environment(plan, self.pod) | self._service_environment(),
        )
        port = wanted_port(container)
        ports = self._node.ports.of(self.pod.metadata.uid)
        if port is not None and port.number in ports:
            env["PORT"] = str(ports[port.number])
        mounts, memory = mounts_for(container, self._folders, self._contents, env)
        path = container.termination_message_path or _TERMINATION_LOG
        mounts.append(Mount(self._message_file(container, attempt), PurePosixPath(path), False))
        return make_container_config(
            self.pod,
            container,
            plan,
            env,
            attempt=attempt,
            mounts=mounts,
            tmpfs=memory,
            log_path=self._node.log_path(self.pod.metadata.uid, container.name, attempt),
            pids=self._node.pids_per_container,
        )

    def pod_at_address(self) -> Pod:
        """The Pod with the address that it has, which its status in the API may not say yet."""
        status = self.pod.status.model_copy(update={"pod_ip": self.facts.pod_ip})
        return self.pod.model_copy(update={"status": status})

    async def open_volume(self, name: str) -> Path:
        """Return the host directory of one of the Pod's volumes, made and written if need be.

        Raises:
            ContainerConfigError: There is no such volume, or something that it shows is missing.
        """
        volume = next((v for v in self.pod.spec.volumes if v.name == name), None)
        if volume is None:
            raise ContainerConfigError(f"volume mount {name!r} has no matching volume")
        if name not in self._folders:
            references = await self._references((), [volume])
            async with self._writing:
                await self._write_volume(volume, references)
        return self._folders[name]

    def is_in_memory(self, name: str) -> bool:
        """Whether a volume is in memory, and different in each container therefore."""
        volumes = (v for v in self.pod.spec.volumes if v.name == name)
        return any(v.empty_dir is not None and v.empty_dir.medium == "Memory" for v in volumes)

    def termination_message(self, container: Container, attempt: int) -> str:
        """What the run wrote for its owner, at most 4 KiB."""
        path = self._message_path(container, attempt)
        try:
            return path.read_bytes()[:4096].decode(errors="replace")
        except OSError:
            return ""

    def _message_path(self, container: Container, attempt: int) -> Path:
        return self._node.pod_dir(self.pod.metadata.uid) / f"{container.name}.{attempt}.message"

    def _message_file(self, container: Container, attempt: int) -> Path:
        path = self._message_path(container, attempt)
        try:
            descriptor = _create(path)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = _create(path)
        os.fchmod(descriptor, 0o666)  # whoever the program runs as
        os.close(descriptor)
        return path

    def _service_environment(self) -> dict[str, str]:
        """Where the API server is, as in-cluster clients read it."""
        identity = self._node.identity
        host = identity.api_host or self._node.runtime.describe().gateway
        if not host or not identity.api_port:
            return {}
        port, address = str(identity.api_port), f"tcp://{host}:{identity.api_port}"
        return {
            "KUBERNETES_SERVICE_HOST": host,
            "KUBERNETES_SERVICE_PORT": port,
            "KUBERNETES_SERVICE_PORT_HTTPS": port,
            "KUBERNETES_PORT": address,
        }

    async def _references(
        self, containers: Sequence[Container], volumes: Sequence[Volume]
    ) -> References:
        maps, secrets = referenced_by_env(containers)
        more_maps, more_secrets = referenced_by_volumes(volumes)
        namespace, client = self.pod.metadata.namespace, self._node.client
        return References(
            {m: await client.find(ConfigMap, m, namespace) for m in maps | more_maps},
            {s: await client.find(Secret, s, namespace) for s in secrets | more_secrets},
        )

    async def _prepare_volumes(self, container: Container, references: References) -> None:
        by_name = {v.name: v for v in self.pod.spec.volumes}
        async with self._writing:
            for mount in container.volume_mounts:
                volume = by_name.get(mount.name)
                if volume is None:
                    raise ContainerConfigError(
                        f"volume mount {mount.name!r} has no matching volume"
                    )
                await self._write_volume(volume, references)

    async def refresh(self) -> None:
        """Bring the volumes that containers see up to date with what they show.

        What cannot be read now stays as it is.
        """
        volumes = [v for v in self._followed() if v.name in self._folders]
        if not volumes:
            return
        try:
            references = await self._references((), volumes)
            async with self._writing:
                for volume in volumes:
                    await self._write_volume(volume, references)
        except (ContainerConfigError, APIStatusError, OSError) as err:
            log.warning("volumes not refreshed", pod=str(self.pod.key), error=str(err))

    def adopt(self) -> None:
        """The containers of a former agent have their volumes already; keep those in date."""
        for volume in self.pod.spec.volumes:
            if is_shareable(self.pod, volume):
                self._shared.volumes.use(self.pod, volume)
        for volume in self._followed():
            uid = self.pod.metadata.uid
            self._folders[volume.name] = self._node.pod_dir(uid) / "volumes" / volume.name

    def _followed(self) -> list[Volume]:
        """The volumes that this Pod alone has, and that follow objects."""
        pod = self.pod
        return [v for v in pod.spec.volumes if is_projected(v) and not is_shareable(pod, v)]

    @property
    def has_followed(self) -> bool:
        """Whether there is anything for :meth:`refresh` to do."""
        return bool(self._followed())

    def next_token(self) -> float | None:
        """Seconds until a token in a volume has to be renewed; None without one."""
        wanted = [
            (t.audience, t.expiration_seconds) for c in self._contents.values() for t in c.tokens
        ]
        times = [self._shared.tokens.seconds_left(account_of(self.pod), *one) for one in wanted]
        return min(times, default=None)

    async def _write_volume(self, volume: Volume, references: References) -> None:
        if is_shareable(self.pod, volume):
            self._folders[volume.name] = await self._shared.volumes.get(self.pod, volume)
            self._contents[volume.name] = VolumeContent(projected=True)
            return
        content = volume_content(volume, self.pod, self.facts, references, self._node.claims_dir)
        folder = self._node.pod_dir(self.pod.metadata.uid) / "volumes" / volume.name
        security = self.pod.spec.security_context
        self._folders[volume.name] = await write_volume(
            content,
            folder,
            self._token,
            now=self._node.clock.now(),
            owner=security.fs_group if security else None,
        )
        self._contents[volume.name] = content
        if content.tokens:
            self.tokens_written.set()

    async def _token(self, audience: str, seconds: int) -> str:
        return await self._shared.tokens.get(account_of(self.pod), audience, seconds)


def _create(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o666)
