"""Issue what a Certificate asks for, and issue it anew before it ends."""

from __future__ import annotations

import base64
from datetime import datetime

from cryptography import x509

from wakeful.aio import Clock
from wakeful.apimachinery.errors import AlreadyExistsError, TerminalError
from wakeful.apimachinery.meta import ObjectMeta, is_controlled_by, owner_reference
from wakeful.apis.core import Secret
from wakeful.apis.networking import Certificate
from wakeful.client import Client, Lister
from wakeful.controller import Result
from wakeful.pki.authority import CertificateAuthority, KeyPair
from wakeful.pki.errors import PKIError

_LOOK_AGAIN_SECONDS = 3600.0
_TLS_TYPE = "kubernetes.io/tls"


class CertificateReconciler:
    """Keeps the Secret of a Certificate valid, with an authority that is given."""

    def __init__(
        self,
        client: Client,
        secrets: Lister[Secret],
        authority: CertificateAuthority,
        clock: Clock,
    ) -> None:
        self._client, self._secrets = client, secrets
        self._authority, self._clock = authority, clock

    async def reconcile_kind(self, certificate: Certificate) -> Result | None:
        """Look at the Secret now and then: its time passes without any event."""
        now = self._clock.now()
        meta, name = certificate.metadata, certificate.spec.secret_name
        have = self._secrets.get(name, meta.namespace)
        if have is not None and not is_controlled_by(have, certificate):
            message = f'There is an existing Secret "{name}" that we do not own.'
            certificate.status.mark_failed("NotOwned", message)
            raise TerminalError(f"{certificate} does not own {have}")
        pair = _pair_of(have)
        if pair is None or not self._is_good(pair, certificate, now):
            pair = self._authority.issue_server(certificate.spec.dns_names, now=now)
            await self._write(certificate, have, pair)
        certificate.status.not_after = pair.certificate.not_valid_after_utc
        certificate.status.mark_ready()
        return Result(requeue_after=_LOOK_AGAIN_SECONDS)

    def _is_good(self, pair: KeyPair, certificate: Certificate, now: datetime) -> bool:
        return (
            self._authority.issued(pair.certificate)
            and pair.names == frozenset(certificate.spec.dns_names)
            and not pair.is_due(now)
        )

    async def _write(self, certificate: Certificate, have: Secret | None, pair: KeyPair) -> None:
        data = {
            "tls.crt": base64.b64encode(pair.certificate_pem).decode(),
            "tls.key": base64.b64encode(pair.key_pem).decode(),
        }
        if have is not None:
            await self._client.update(have.model_copy(update={"data": data}))
            return
        meta = ObjectMeta(
            name=certificate.spec.secret_name,
            namespace=certificate.metadata.namespace,
            labels={"networking.internal.knative.dev/certificate-uid": certificate.metadata.uid},
            owner_references=[owner_reference(certificate)],
        )
        try:
            await self._client.create(Secret(metadata=meta, type=_TLS_TYPE, data=data))
        except AlreadyExistsError as err:
            # The cache is behind; the Secret's event brings us back.
            raise TerminalError(str(err)) from err


def _pair_of(secret: Secret | None) -> KeyPair | None:
    """What the Secret holds; None when that is no certificate."""
    if secret is None:
        return None
    try:
        pem = secret.decoded()
        pair = KeyPair(pem["tls.crt"], pem["tls.key"])
        x509.load_pem_x509_certificate(pair.certificate_pem)
    except (KeyError, ValueError, PKIError):
        return None
    return pair
