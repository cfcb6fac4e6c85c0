"""Everything a Pod's containers need before they can start: objects, volumes, tokens."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from wakeful.apimachinery.meta import parse_time
from wakeful.apimachinery.request import APIRequest, Verb
from wakeful.apis.core import ConfigMap, Secret
from wakeful.apis.core.pod_types import Container, Pod
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
from wakeful.node.runtime import ContainerConfig, Mount
from wakeful.node.volumes import (
    VolumeContent,
    mounts_for,
    referenced_by_volumes,
    volume_content,
    write_volume,
)
from wakeful.oci import Keychain, RootfsPlan

_TERMINATION_LOG = "/dev/termination-log"


@dataclass(slots=True)
class _Token:
    text: str
    renew_at: datetime


class TokenCache:
    """Tokens of service accounts, reused until four fifths of their life are over.

    They are bound to the account, not to the Pod: a cold start does not wait for a signature.
    """

    def __init__(self, node: NodeContext) -> None:
        self._node = node
        self._tokens: dict[tuple[str, str, str, int], _Token] = {}

    async def get(self, namespace: str, account: str, audience: str, seconds: int) -> str:
        """A token that is good for at least a fifth of ``seconds``."""
        key = (namespace, account, audience, seconds)
        now = self._node.clock.now()
        cached = self._tokens.get(key)
        if cached is not None and now < cached.renew_at:
            return cached.text
        spec: dict[str, Any] = {"expirationSeconds": seconds}
        if audience:
            spec["audiences"] = [audience]
        answer = await self._node.client.transport.call(
            APIRequest(
                Verb.CREATE,
                "",
                "v1",
                "serviceaccounts",
                namespace=namespace,
                name=account,
                subresource="token",
                body={
                    "apiVersion": "authentication.k8s.io/v1",
                    "kind": "TokenRequest",
                    "metadata": {"name": account, "namespace": namespace},
                    "spec": spec,
                },
            )
        )
        status = answer["status"]
        expires = parse_time(status["expirationTimestamp"])
        life: timedelta = expires - now
        self._tokens[key] = _Token(status["token"], now + life * 0.8)
        return str(status["token"])


class Materials:
    """Gathers what one Pod reads and turns its containers into runtime configurations."""

    def __init__(self, node: NodeContext, tokens: TokenCache, pod: Pod, pod_ip: str) -> None:
        self._node, self._tokens, self._pod = node, tokens, pod
        self.facts = PodFacts(
            pod_ip=pod_ip,
            host_ip=node.identity.host_ip,
            node_name=node.identity.name,
            cpu_cores=node.cpu_cores,
            memory_bytes=node.memory_bytes,
        )
        self._folders: dict[str, Path] = {}
        self._contents: dict[str, VolumeContent] = {}

    async def keychain(self) -> Keychain | None:
        """Credentials from the Pod's ``imagePullSecrets``; None when it has none."""
        found: list[Keychain] = []
        for reference in self._pod.spec.image_pull_secrets:
            secret = await self._node.client.find(
                Secret, reference.name, self._pod.metadata.namespace
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
        references = await self._references(container)
        await self._prepare_volumes(container, references)
        env = make_environment(
            container,
            self._pod,
            self.facts,
            references,
            base=base_environment(plan, self._pod) | self._service_environment(),
        )
        mounts, memory = mounts_for(container, self._folders, self._contents, env)
        path = container.termination_message_path or _TERMINATION_LOG
        mounts.append(Mount(self._message_file(container, attempt), PurePosixPath(path), False))
        return make_container_config(
            self._pod,
            container,
            plan,
            env,
            attempt=attempt,
            mounts=mounts,
            tmpfs=memory,
            log_path=self._node.log_path(self._pod.metadata.uid, container.name, attempt),
            pids=self._node.pids_per_container,
        )

    def termination_message(self, container: Container, attempt: int) -> str:
        """What the run wrote for its owner, at most 4 KiB."""
        path = self._message_path(container, attempt)
        try:
            return path.read_bytes()[:4096].decode(errors="replace")
        except OSError:
            return ""

    def _message_path(self, container: Container, attempt: int) -> Path:
        return (
            self._node.pod_dir(self._pod.metadata.uid) / "messages" / container.name / str(attempt)
        )

    def _message_file(self, container: Container, attempt: int) -> Path:
        path = self._message_path(container, attempt)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        path.chmod(0o666)
        return path

    def _service_environment(self) -> dict[str, str]:
        """Where the API server is, as in-cluster clients read it."""
        identity = self._node.identity
        if not identity.api_host:
            return {}
        port, address = str(identity.api_port), f"tcp://{identity.api_host}:{identity.api_port}"
        return {
            "KUBERNETES_SERVICE_HOST": identity.api_host,
            "KUBERNETES_SERVICE_PORT": port,
            "KUBERNETES_SERVICE_PORT_HTTPS": port,
            "KUBERNETES_PORT": address,
        }

    async def _references(self, container: Container) -> References:
        used = {m.name for m in container.volume_mounts}
        volumes = [v for v in self._pod.spec.volumes if v.name in used]
        maps, secrets = referenced_by_env([container])
        more_maps, more_secrets = referenced_by_volumes(volumes)
        maps, secrets = maps | more_maps, secrets | more_secrets
        namespace = self._pod.metadata.namespace
        client = self._node.client
        found_maps = await asyncio.gather(*(client.find(ConfigMap, m, namespace) for m in maps))
        found_secrets = await asyncio.gather(*(client.find(Secret, s, namespace) for s in secrets))
        return References(
            dict(zip(maps, found_maps, strict=True)), dict(zip(secrets, found_secrets, strict=True))
        )

    async def _prepare_volumes(self, container: Container, references: References) -> None:
        by_name = {v.name: v for v in self._pod.spec.volumes}
        security = self._pod.spec.security_context
        owner = security.fs_group if security else None
        for mount in container.volume_mounts:
            volume = by_name.get(mount.name)
            if volume is None:
                raise ContainerConfigError(f"volume mount {mount.name!r} has no matching volume")
            if mount.name in self._folders and volume.empty_dir is not None:
                continue
            content = volume_content(
                volume, self._pod, self.facts, references, self._node.claims_dir
            )
            folder = self._node.pod_dir(self._pod.metadata.uid) / "volumes" / volume.name
            self._contents[volume.name] = content
            self._folders[volume.name] = await write_volume(
                content, folder, self._token, owner=owner
            )

    async def _token(self, audience: str, seconds: int) -> str:
        account = self._pod.spec.service_account_name or "default"
        return await self._tokens.get(self._pod.metadata.namespace, account, audience, seconds)
