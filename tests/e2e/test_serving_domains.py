"""Names of one's own: DomainMappings, their claims, and certificates that users bring."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from wakeful.testing.platform import run, until
from wakeful.testing.services import Namespace, a_service, condition


def a_mapping(name: str, service: str, **spec: Any) -> dict[str, Any]:
    ref = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": service}
    return {
        "apiVersion": "serving.knative.dev/v1beta1",
        "kind": "DomainMapping",
        "metadata": {"name": name},
        "spec": {"ref": ref} | spec,
    }


def a_claim(name: str, namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "networking.internal.knative.dev/v1alpha1",
        "kind": "ClusterDomainClaim",
        "metadata": {"name": name},
        "spec": {"namespace": namespace},
    }


def a_tls_secret(name: str, certificate: bytes, key: bytes) -> dict[str, Any]:
    data = {"tls.crt": certificate, "tls.key": key}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "type": "kubernetes.io/tls",
        "data": {member: base64.b64encode(pem).decode() for member, pem in data.items()},
    }


def is_ready(namespace: Namespace, name: str) -> bool:
    return bool(condition(namespace.get("domainmapping", name)).get("status") == "True")


@pytest.fixture(scope="module", autouse=True)
def service(namespace: Namespace) -> None:
    namespace.apply(a_service("shop", env={"TARGET": "shop"}))
    namespace.ready("shop")


def test_a_mapping_needs_a_claim(namespace: Namespace) -> None:
    """Nobody takes a name that was not given to the namespace; with it, the name leads there."""
    name = "given.example.org"
    namespace.apply(a_mapping(name, "shop"))
    until(
        lambda: (
            condition(namespace.get("dm", name), "DomainClaimed").get("reason")
            == "DomainAlreadyClaimed"
        )
    )
    assert namespace.ask(name).status == 404
    until(
        lambda: (
            f'no ClusterDomainClaim found for domain "{name}"'
            in namespace.kubectl("describe", "dm", name).out
        )
    )

    namespace.apply(a_claim(name, namespace.name))
    until(lambda: is_ready(namespace, name))
    assert namespace.ask(name).text == "Hello shop!\n"
    port = namespace.address.rpartition(":")[2]
    assert namespace.get("dm", name)["status"]["url"] == f"http://{name}:{port}"
    headers = namespace.ask(name, "/info").json()["headers"]
    seen = {header.lower(): value for header, value in headers.items()}
    assert seen["host"] == name
    assert "k-original-host" not in seen


def test_the_second_waits_until_the_first_lets_go(namespace: Namespace) -> None:
    """One namespace has a name at a time; what the other one asked for is kept."""
    name = "contested.example.org"
    namespace.apply(a_claim(name, namespace.name), a_mapping(name, "shop"))
    until(lambda: is_ready(namespace, name))
    other = Namespace(namespace.platform, f"{namespace.name}-too")
    namespace.platform.kubectl("create", "namespace", other.name)
    try:
        other.apply(a_service("shop", env={"TARGET": "other"}), a_mapping(name, "shop"))
        other.ready("shop")
        until(lambda: condition(other.get("dm", name), "DomainClaimed").get("status") == "False")
        assert namespace.ask(name).text == "Hello shop!\n"

        namespace.kubectl("delete", "domainmapping", name)
        other.apply(a_claim(name, other.name))
        until(lambda: is_ready(other, name))
        until(lambda: namespace.ask(name).text == "Hello other!\n")
    finally:
        namespace.platform.kubectl("delete", "namespace", other.name, "--wait=false")


def test_what_cannot_be_mapped_says_why(namespace: Namespace) -> None:
    namespace.apply(
        a_claim("lost.example.org", namespace.name), a_mapping("lost.example.org", "missing")
    )
    found = until(
        lambda: (
            (c := condition(namespace.get("dm", "lost.example.org"), "ReferenceResolved")).get(
                "status"
            )
            == "False"
            and c
        )
    )
    assert found["reason"] == "ResolveFailed"
    assert '"missing" not found' in found["message"]
    refused = namespace.apply(a_mapping("x.svc.cluster.local", "shop"), check=False)
    assert refused.code != 0
    assert "must not be a subdomain of cluster local domain" in refused.err


def test_a_certificate_that_the_user_brings(namespace: Namespace, tmp_path: Path) -> None:
    """HTTPS with the Secret's certificate; plain HTTP leads there when told to."""
    name = "secure.example.org"
    key, certificate = make_certificate(name)
    secret = a_tls_secret("secure", certificate, key)
    mapping = a_mapping(name, "shop", tls={"secretName": "secure"})
    mapping["metadata"]["annotations"] = {"networking.knative.dev/http-protocol": "redirected"}
    namespace.apply(secret, a_claim(name, namespace.name), mapping)
    until(lambda: is_ready(namespace, name))

    https = namespace.platform.addresses["https"].rpartition(":")[2]
    url = f"https://{name}:{https}/"
    trust = tmp_path / "ca.pem"
    trust.write_bytes(certificate)
    resolve = f"{name}:{https}:127.0.0.1"
    answer = run(["curl", "-sS", "--cacert", str(trust), "--resolve", resolve, url])
    assert answer.out == "Hello shop!\n"
    assert namespace.get("dm", name)["status"]["url"] == url.removesuffix("/")
    moved = namespace.ask(name)
    assert moved.status == 301


def test_a_certificate_that_cannot_be_offered_says_why(namespace: Namespace) -> None:
    """Ready only when HTTPS would work, and again as soon as the Secret is mended."""
    name = "broken.example.org"
    (key, certificate), (other, _) = make_certificate(name), make_certificate(name)
    mapping = a_mapping(name, "shop", tls={"secretName": "broken"})
    namespace.apply(a_claim(name, namespace.name), mapping)

    def said(words: str) -> bool:
        found = condition(namespace.get("dm", name), "IngressReady")
        return found.get("status") == "False" and words in found["message"]

    until(lambda: said(f'Secret "{namespace.name}/broken" with the certificate does not exist.'))
    namespace.apply(a_tls_secret("broken", certificate, other))
    until(lambda: said("tls.key does not belong to tls.crt"))
    assert namespace.ask(name).text == "Hello shop!\n"
    namespace.apply(a_tls_secret("broken", certificate, key))
    until(lambda: is_ready(namespace, name))


@pytest.fixture
def certificates(namespace: Namespace) -> Iterator[Path]:
    """The platform makes certificates for public hosts; yields what to trust."""
    platform = namespace.platform
    with platform.configured("config-network", {"external-domain-tls": "enabled"}):
        yield platform.data_dir / "pki" / "services.crt"


def test_certificates_that_the_platform_makes(namespace: Namespace, certificates: Path) -> None:
    """HTTPS for public hosts and tags, unless a service wants none; back to HTTP afterwards."""
    plain = a_service("plain", env={"TARGET": "plain"})
    plain["metadata"]["annotations"] = {
        "networking.knative.dev/disable-external-domain-tls": "true"
    }
    namespace.apply(plain)
    https = namespace.platform.addresses["https"].rpartition(":")[2]
    host = namespace.host("shop")
    until(lambda: namespace.get("ksvc", "shop")["status"]["url"] == f"https://{host}:{https}")
    until(lambda: condition(namespace.get("ksvc", "shop"))["status"] == "True")

    resolve = f"{host}:{https}:127.0.0.1"
    url = f"https://{host}:{https}/"
    answer = run(["curl", "-sS", "--cacert", str(certificates), "--resolve", resolve, url])
    assert answer.out == "Hello shop!\n"
    assert namespace.ask("shop").text == "Hello shop!\n"
    found = namespace.get("certificates.networking.internal.knative.dev")["items"]
    assert [host] in [certificate["spec"]["dnsNames"] for certificate in found]

    namespace.ready("plain")
    assert namespace.get("ksvc", "plain")["status"]["url"].startswith("http://")
    reason = condition(
        namespace.get("route.serving.knative.dev", "plain"), "CertificateProvisioned"
    )
    assert reason["reason"] == "TLSNotEnabled"


def make_certificate(name: str) -> tuple[bytes, bytes]:
    """A key and a certificate that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return (
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        certificate.public_bytes(serialization.Encoding.PEM),
    )
