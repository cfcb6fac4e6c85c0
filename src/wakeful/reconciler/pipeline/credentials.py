"""Which secrets of a service account the steps of a run are given, and what for."""

from __future__ import annotations

from collections.abc import Iterator

from wakeful.apis.core import Secret
from wakeful.apis.core.config_types import (
    BASIC_AUTH,
    DOCKERCFG,
    DOCKERCONFIGJSON,
    SSH_AUTH,
    ServiceAccount,
)
from wakeful.client import Client
from wakeful.pipelines.credentials import DOCKER_PREFIX, GIT_PREFIX
from wakeful.reconciler.pipeline.taskrun.plan import SecretUse


class MissingAccountError(Exception):
    """The run's service account does not exist."""


async def secrets_of_account(
    client: Client, name: str, namespace: str
) -> tuple[list[SecretUse], list[str]]:
    """The secrets to use, and the names of those that do not exist.

    Raises:
        MissingAccountError: There is no such account.
    """
    account = await client.find(ServiceAccount, name, namespace)
    if account is None:
        raise MissingAccountError(f'serviceaccounts "{name}" not found')
    uses, missing = [], []
    for secret_name in dict.fromkeys(s.name for s in account.secrets if s.name):
        secret = await client.find(Secret, secret_name, namespace)
        if secret is None:
            missing.append(secret_name)
        elif flags := tuple(_flags(secret)):
            uses.append(SecretUse(secret_name, flags))
    return uses, missing


def _flags(secret: Secret) -> Iterator[tuple[str, str]]:
    """What the entrypoint is told about a secret, by Tekton's rules for types and annotations."""
    name = secret.metadata.name
    notes = sorted(secret.metadata.annotations.items())
    git = [value for key, value in notes if key.startswith(GIT_PREFIX)]
    docker = [value for key, value in notes if key.startswith(DOCKER_PREFIX)]
    match secret.type:
        case t if t == BASIC_AUTH:
            yield from (("basic-git", f"{name}={url}") for url in git)
            yield from (("basic-docker", f"{name}={url}") for url in docker)
        case t if t == SSH_AUTH:
            yield from (("ssh-git", f"{name}={host}") for host in git)
        case t if t == DOCKERCONFIGJSON:
            yield ("docker-config", name)
        case t if t == DOCKERCFG:
            yield ("docker-cfg", name)
