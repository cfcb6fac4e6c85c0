"""The API server with its certificates, identities and the paths that reach into other parts."""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import yaml
from aiohttp import web

from wakeful.aio import SystemClock
from wakeful.apimachinery.errors import NotFoundError
from wakeful.apimachinery.request import AUTHENTICATED, SYSTEM_MASTERS, UserInfo
from wakeful.apimachinery.scheme import Scheme
from wakeful.apiserver.admission import AdmissionHook
from wakeful.apiserver.auth import (
    CertificateAuthenticator,
    ChainAuthenticator,
    EscalationGuard,
    RBACAuthorizer,
    RuleFeed,
    ServiceAccountTokens,
    StaticTokens,
)
from wakeful.apiserver.http.aggregated import AggregatedAPI
from wakeful.apiserver.http.app import HTTPApplication
from wakeful.apiserver.http.component import ApiServerComponent
from wakeful.apiserver.http.health import json_response
from wakeful.apiserver.protocols import NodeConnector
from wakeful.apiserver.registry.core import APIServer
from wakeful.apiserver.streams import PodStreams
from wakeful.autoscaler import ExplainReport
from wakeful.autoscaler.explain import EXPLAIN_PREFIX
from wakeful.autoscaler.usage import UsageSource
from wakeful.cmd.figures import scrape_answer
from wakeful.cmd.metricsapi import MetricsAPI
from wakeful.config import Settings
from wakeful.pki import (
    CertificateAuthority,
    PairPaths,
    ensure_client_pair,
    ensure_server_pair,
    load_or_create_authority,
    load_or_create_token_issuer,
    server_context,
)
from wakeful.storage import Store
from wakeful.telemetry.metrics import Metric

_ISSUER = "https://kubernetes.default.svc.cluster.local"
_ADMIN = "wakeful-admin"
Explainer = Callable[[str, str], ExplainReport | None]
Scraped = Callable[[], Awaitable[list[Metric]]]


class ApiServing:
    """Makes the API server, then its HTTP side once the parts it reaches into exist."""

    def __init__(
        self, settings: Settings, scheme: Scheme, store: Store, hooks: Sequence[AdmissionHook]
    ) -> None:
        self._settings, self._store = settings, store
        self._authority = load_or_create_authority(settings.layout.pki)
        self._rules = RuleFeed(store)
        self._tokens = ServiceAccountTokens(
            load_or_create_token_issuer(settings.layout.pki, _ISSUER), self._uid_of, SystemClock()
        )
        self.authorizer = RBACAuthorizer(self._rules.current)
        self.server = APIServer(
            store,
            scheme,
            authorizer=self.authorizer,
            hooks=[EscalationGuard(self._rules.current), *hooks],
            tokens=self._tokens,
        )

    @property
    def root_ca(self) -> str:
        """The certificate that clients check us by, as PEM."""
        return self._authority.certificate_pem.decode()

    def make_component(
        self,
        node: NodeConnector,
        explain: Explainer,
        figures: Scraped,
        usage: UsageSource,
        ready: asyncio.Event,
        *,
        others: Sequence[AggregatedAPI] = (),
        pods_gateway: str | None = None,
    ) -> ApiServerComponent:
        """Build the HTTP side and write the administrator's kubeconfig.

        ``others`` are groups that other parts answer for. ``pods_gateway`` is this host's address
        as instances see it, for the certificate. ``ready`` is for ``/readyz``.
        """
        settings, pki = self._settings, self._settings.layout.pki
        names = ["localhost", "127.0.0.1", "::1", settings.bind]
        names += [pods_gateway] if pods_gateway is not None else []
        service = ["kubernetes", "default", "svc", "cluster", "local"]
        names += [".".join(service[:length]) for length in (1, 2, 3, 5)]
        server_pair = ensure_server_pair(
            self._authority, pki, "apiserver", list(dict.fromkeys(names))
        )
        admin_pair = ensure_client_pair(self._authority, pki, "admin", _ADMIN, [SYSTEM_MASTERS])
        admin_token = _load_or_create_secret(pki / "admin-token")
        write_kubeconfig(settings, self._authority, admin_pair)
        application = HTTPApplication(
            self.server,
            authenticator=ChainAuthenticator(
                CertificateAuthenticator(),
                StaticTokens({admin_token: UserInfo(_ADMIN, (SYSTEM_MASTERS, AUTHENTICATED))}),
                self._tokens,
            ),
            raw={EXPLAIN_PREFIX: _explain_handler(explain), "/metrics": _metrics_handler(figures)},
            streams=PodStreams(node, self.server.objects).handlers(),
            aggregated=(MetricsAPI(usage, self.server), *others),
            is_synced=ready.is_set,
        )
        return ApiServerComponent(
            application,
            self._store,
            hosts=[settings.bind],
            port=settings.api_port,
            ssl_context=server_context(server_pair, self._authority.certificate_pem),
            renew_after=ready,
        )

    def _uid_of(self, resource: str, namespace: str, name: str) -> str | None:
        found = self.server.objects.get("", resource, name, namespace)
        return found["metadata"]["uid"] if found else None


def write_kubeconfig(settings: Settings, authority: CertificateAuthority, admin: PairPaths) -> None:
    """Write ``D/kubeconfig`` for kubectl and friends, readable by its owner only."""

    def encoded(data: bytes) -> str:
        return base64.b64encode(data).decode()

    name = "wakeful"
    text = yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": name,
                    "cluster": {
                        "server": f"https://{settings.bind}:{settings.api_port}",
                        "certificate-authority-data": encoded(authority.certificate_pem),
                    },
                }
            ],
            "users": [
                {
                    "name": _ADMIN,
                    "user": {
                        "client-certificate-data": encoded(admin.certificate.read_bytes()),
                        "client-key-data": encoded(admin.key.read_bytes()),
                    },
                }
            ],
            "contexts": [
                {
                    "name": name,
                    "context": {"cluster": name, "user": _ADMIN, "namespace": "default"},
                }
            ],
            "current-context": name,
        },
        sort_keys=False,
    )
    _write_private(settings.layout.kubeconfig, text)


def _write_private(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
    fresh.replace(path)


def _load_or_create_secret(path: Path) -> str:
    if not path.exists():
        _write_private(path, secrets.token_urlsafe(32))
    return path.read_text().strip()


def _explain_handler(
    explain: Explainer,
) -> Callable[[web.Request, UserInfo], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request, user: UserInfo) -> web.StreamResponse:
        """``GET /wakeful/v1/explain/NAMESPACE/REVISION``."""
        del user
        namespace, _, revision = request.path.removeprefix(f"{EXPLAIN_PREFIX}/").partition("/")
        report = explain(namespace, revision)
        if report is None:
            raise NotFoundError(f"nothing is decided for revision {namespace}/{revision}")
        return json_response(report.to_wire())

    return handle


def _metrics_handler(
    figures: Scraped,
) -> Callable[[web.Request, UserInfo], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request, user: UserInfo) -> web.StreamResponse:
        """``GET /metrics``."""
        del request, user
        return await scrape_answer(await figures())

    return handle
