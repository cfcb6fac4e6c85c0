"""Gives every namespace its service account and the root certificate."""

from __future__ import annotations

from wakeful.apimachinery.errors import AlreadyExistsError, APIStatusError, ForbiddenError
from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apis.core import ConfigMap, Namespace, ServiceAccount
from wakeful.apis.core.config_types import DEFAULT_SERVICE_ACCOUNT, ROOT_CA_CONFIG_MAP
from wakeful.client import Client, Lister
from wakeful.controller import Result

_CA_KEY = "ca.crt"
_DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal"
    " endpoints such as the internal service IP or kubernetes.default.svc. No other usage is"
    " guaranteed across distributions of Kubernetes clusters."
)


class NamespaceReconciler:
    """Makes what a namespace starts with, again when it was deleted."""

    def __init__(
        self,
        client: Client,
        accounts: Lister[ServiceAccount],
        config_maps: Lister[ConfigMap],
        root_ca: str,
    ) -> None:
        self._client, self._accounts, self._config_maps = client, accounts, config_maps
        self._root_ca = root_ca

    async def reconcile_kind(self, obj: Namespace) -> Result | None:
        """Create what is missing; give the certificate back its text."""
        name = obj.metadata.name
        if self._accounts.get(DEFAULT_SERVICE_ACCOUNT, name) is None:
            await self._create(_make_account(name))
        if not self._root_ca:
            return None
        have = self._config_maps.get(ROOT_CA_CONFIG_MAP, name)
        if have is None:
            await self._create(_make_config_map(name, self._root_ca))
        elif have.data != {_CA_KEY: self._root_ca}:
            update = {"data": {_CA_KEY: self._root_ca}, "binary_data": {}}
            await self._client.update(have.model_copy(update=update))
        return None

    async def _create(self, obj: ServiceAccount | ConfigMap) -> None:
        try:
            await self._client.create(obj)
        except AlreadyExistsError:
            return
        except ForbiddenError as err:
            if not _is_terminating(err):
                raise


def _is_terminating(err: APIStatusError) -> bool:
    causes = err.details.get("causes") or ()
    return any(c.get("reason") == "NamespaceTerminating" for c in causes)


def _make_account(namespace: str) -> ServiceAccount:
    return ServiceAccount(metadata=ObjectMeta(name=DEFAULT_SERVICE_ACCOUNT, namespace=namespace))


def _make_config_map(namespace: str, root_ca: str) -> ConfigMap:
    annotations = {"kubernetes.io/description": _DESCRIPTION}
    return ConfigMap(
        metadata=ObjectMeta(name=ROOT_CA_CONFIG_MAP, namespace=namespace, annotations=annotations),
        data={_CA_KEY: root_ca},
    )
