"""Our own certificate authority: ECDSA P-256, hosts as SANs, users and groups as in Kubernetes.

Certificates carry the extensions that strict verifiers (Python 3.13, Go) ask for.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from wakeful.pki.errors import PKIError

AUTHORITY_LIFETIME = timedelta(days=3650)
LEAF_LIFETIME = timedelta(days=365)
_BACKDATED = timedelta(hours=1)
"""Certificates are valid a little earlier, so that clocks may differ."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its key, as PEM."""

    certificate_pem: bytes
    key_pem: bytes

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate, parsed.

        Raises:
            PKIError: The text is no certificate.
        """
        try:
            return x509.load_pem_x509_certificate(self.certificate_pem)
        except ValueError as err:
            raise PKIError(f"certificate cannot be read: {err}") from err

    @property
    def names(self) -> frozenset[str]:
        """DNS names and addresses it speaks for."""
        try:
            san = self.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        except x509.ExtensionNotFound:
            return frozenset()
        return frozenset(str(name.value) for name in san.value)

    @property
    def user(self) -> str:
        """The common name."""
        found = self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(found[0].value) if found else ""

    @property
    def groups(self) -> tuple[str, ...]:
        """The organizations."""
        found = self.certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        return tuple(str(name.value) for name in found)

    def is_due(self, now: datetime) -> bool:
        """Whether less than a third of its life is left."""
        begin = self.certificate.not_valid_before_utc
        end = self.certificate.not_valid_after_utc
        return now >= end - (end - begin) / 3


class CertificateAuthority:
    """Signs certificates for servers and clients."""

    def __init__(self, pair: KeyPair) -> None:
        self.pair = pair
        self._certificate = pair.certificate
        self._key = load_key(pair.key_pem)

    @classmethod
    def create(cls, name: str = "wakeful", *, now: datetime | None = None) -> CertificateAuthority:
        """Make a new authority with a fresh key."""
        now = now or datetime.now(UTC)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            _builder(subject, subject, key, now, AUTHORITY_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(sign_certificates=True), critical=True)
        )
        certificate = builder.sign(key, hashes.SHA256())
        return cls(KeyPair(_pem(certificate), key_pem(key)))

    @property
    def certificate_pem(self) -> bytes:
        """What clients need to trust us."""
        return self.pair.certificate_pem

    def issue_server(self, names: Sequence[str], *, now: datetime | None = None) -> KeyPair:
        """Issue a certificate for DNS names and IP addresses; the first is its common name."""
        sans = [_general_name(name) for name in dict.fromkeys(names)]
        common_name = x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])
        return self._issue(
            x509.Name([common_name]), ExtendedKeyUsageOID.SERVER_AUTH, now, sans=sans
        )

    def issue_client(
        self, user: str, groups: Sequence[str] = (), *, now: datetime | None = None
    ) -> KeyPair:
        """Issue a certificate that authenticates ``user`` as a member of ``groups``."""
        attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, user))
        return self._issue(x509.Name(attributes), ExtendedKeyUsageOID.CLIENT_AUTH, now)

    def issued(self, certificate: x509.Certificate) -> bool:
        """Whether our key signed it."""
        try:
            certificate.verify_directly_issued_by(self._certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True

    def _issue(
        self,
        subject: x509.Name,
        purpose: x509.ObjectIdentifier,
        now: datetime | None,
        *,
        sans: Sequence[x509.GeneralName] = (),
    ) -> KeyPair:
        key = ec.generate_private_key(ec.SECP256R1())
        now = now or datetime.now(UTC)
        issuer_key = self._key.public_key()
        builder = (
            _builder(subject, self._certificate.subject, key, now, LEAF_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False
            )
        )
        if sans:
            builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=False)
        return KeyPair(_pem(builder.sign(self._key, hashes.SHA256())), key_pem(key))


def load_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    """Read a private key.

    Raises:
        PKIError: The text is not an EC key.
    """
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as err:
        raise PKIError(f"private key cannot be read: {err}") from err
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise PKIError("private key is not an elliptic curve key")
    return key


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Write a private key as PKCS #8."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    lifetime: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
