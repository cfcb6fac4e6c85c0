"""Where the API server is and who we are there: the kubeconfig file."""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from wakeful.apimachinery.errors import WakefulError

_IN_CLUSTER = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class KubeConfigError(WakefulError):
    """The kubeconfig cannot be used; the message says which entry is at fault."""


@dataclass(frozen=True, slots=True, repr=False)
class KubeConfig:
    """One context of a kubeconfig, resolved. Holds secrets: never printed."""

    server: str
    ca_data: bytes | None = None
    insecure_skip_tls_verify: bool = False
    tls_server_name: str = ""
    token: str = ""
    client_cert_data: bytes | None = None
    client_key_data: bytes | None = None
    namespace: str = "default"

    def __repr__(self) -> str:
        return f"KubeConfig(server={self.server!r}, namespace={self.namespace!r})"

    def ssl_context(self) -> ssl.SSLContext | None:
        """TLS settings for this server; None for plain http."""
        if not self.server.startswith("https://"):
            return None
        cadata = self.ca_data.decode() if self.ca_data else None
        context = ssl.create_default_context(cadata=cadata)
        if self.insecure_skip_tls_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.client_cert_data and self.client_key_data:
            # The ssl module reads key pairs from files only.
            with tempfile.TemporaryDirectory() as folder:
                pair = Path(folder, "pair.pem")
                pair.touch(mode=0o600)
                pair.write_bytes(self.client_cert_data + b"\n" + self.client_key_data)
                context.load_cert_chain(pair)
        return context


def load_kubeconfig(path: Path | None = None, context: str = "") -> KubeConfig:
    """Read ``path``, else ``$KUBECONFIG``, else ``~/.kube/config``, else the in-cluster files.

    Raises:
        KubeConfigError: There is no such file, context, cluster or user.
    """
    if path is None and os.environ.get("KUBECONFIG"):
        path = Path(os.environ["KUBECONFIG"])
    if path is None:
        path = Path.home() / ".kube" / "config"
        if not path.exists() and (_IN_CLUSTER / "token").exists():
            return in_cluster_config()
    try:
        data = yaml.safe_load(path.read_text())
    except FileNotFoundError as err:
        raise KubeConfigError(f"kubeconfig {str(path)!r}: no such file") from err
    except yaml.YAMLError as err:
        raise KubeConfigError(f"kubeconfig {str(path)!r}: {err}") from err
    return _resolve(data or {}, context, path)


def _named(items: list[dict[str, Any]] | None, name: str, key: str, path: Path) -> dict[str, Any]:
    for item in items or ():
        if item.get("name") == name:
            found: dict[str, Any] = item.get(key) or {}
            return found
    raise KubeConfigError(f"kubeconfig {str(path)!r}: no {key} {name!r}")


def _resolve(data: dict[str, Any], context: str, path: Path) -> KubeConfig:
    ctx = _named(data.get("contexts"), context or data.get("current-context", ""), "context", path)
    cluster = _named(data.get("clusters"), ctx.get("cluster", ""), "cluster", path)
    user = _named(data.get("users"), ctx["user"], "user", path) if ctx.get("user") else {}

    def material(source: dict[str, Any], key: str) -> bytes | None:
        if inline := source.get(f"{key}-data"):
            return base64.b64decode(inline)
        if file := source.get(key):
            return (path.parent / str(file)).read_bytes()
        return None

    token: str = user.get("token", "")
    if not token and (token_file := user.get("tokenFile")):
        token = (path.parent / str(token_file)).read_text().strip()
    return KubeConfig(
        server=cluster.get("server", "").rstrip("/"),
        ca_data=material(cluster, "certificate-authority"),
        insecure_skip_tls_verify=bool(cluster.get("insecure-skip-tls-verify")),
        tls_server_name=cluster.get("tls-server-name", ""),
        token=token,
        client_cert_data=material(user, "client-certificate"),
        client_key_data=material(user, "client-key"),
        namespace=ctx.get("namespace") or "default",
    )


def in_cluster_config() -> KubeConfig:
    """What the service account of the pod we run in may use.

    Raises:
        KubeConfigError: This is not a pod, or one without a token.
    """
    host = os.environ.get("KUBERNETES_SERVICE_HOST", "")
    port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise KubeConfigError("in-cluster config: KUBERNETES_SERVICE_HOST is not set")
    if not (_IN_CLUSTER / "token").exists():
        raise KubeConfigError(f"in-cluster config: no token in {str(_IN_CLUSTER)!r}")
    return KubeConfig(
        server=f"https://{host}:{port}",
        ca_data=(_IN_CLUSTER / "ca.crt").read_bytes(),
        token=(_IN_CLUSTER / "token").read_text().strip(),
        namespace=(_IN_CLUSTER / "namespace").read_text().strip(),
    )
