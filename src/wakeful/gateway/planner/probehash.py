"""The hash by which Knative's probers tell that a gateway serves an Ingress as it is now.

They reckon it on their own side: SHA-256 of what Go's ``encoding/json`` makes of the spec, followed
by namespace and name. So these have to be the same bytes: fields in the order in which Go's
types declare them, left out when empty where those say so, and Go's way to escape text. Fields that
Knative does not have are not in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from wakeful.apis.networking import (
    HTTPIngressPath,
    Ingress,
    IngressBackendSplit,
    IngressRule,
    IngressSpec,
    IngressTLS,
)

_ESCAPED_FOR_HTML = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def probe_hash(ingress: Ingress) -> str:
    """The hash in hexadecimal digits."""
    meta = ingress.metadata
    text = _go_json(_spec(ingress.spec)) + meta.namespace + meta.name
    return hashlib.sha256(text.encode()).hexdigest()


def _go_json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.translate(_ESCAPED_FOR_HTML)


def _spec(spec: IngressSpec) -> dict[str, Any]:
    return _filled(
        tls=[_tls(tls) for tls in spec.tls],
        rules=[_rule(rule) for rule in spec.rules],
        httpOption=spec.http_option,
    )


def _tls(tls: IngressTLS) -> dict[str, Any]:
    return _filled(
        hosts=tls.hosts, secretName=tls.secret_name, secretNamespace=tls.secret_namespace
    )


def _rule(rule: IngressRule) -> dict[str, Any]:
    made = _filled(hosts=rule.hosts, visibility=rule.visibility)
    if rule.http is not None:
        paths = [_path(path) for path in rule.http.paths]
        made["http"] = {"paths": _listed(paths, given="paths" in rule.http.model_fields_set)}
    return made


def _path(path: HTTPIngressPath) -> dict[str, Any]:
    headers = {name: {"exact": match.exact} for name, match in path.headers.items()}
    splits = [_split(split) for split in path.splits]
    return {
        **_filled(path=path.path, rewriteHost=path.rewrite_host, headers=_sorted(headers)),
        "splits": _listed(splits, given="splits" in path.model_fields_set),
        **_filled(appendHeaders=_sorted(path.append_headers)),
    }


def _split(split: IngressBackendSplit) -> dict[str, Any]:
    return {
        "serviceNamespace": split.service_namespace,
        "serviceName": split.service_name,
        "servicePort": 0 if split.service_port is None else split.service_port,
        **_filled(percent=split.percent, appendHeaders=_sorted(split.append_headers)),
    }


def _filled(**fields: object) -> dict[str, Any]:
    """Without those that are empty."""
    return {name: value for name, value in fields.items() if value}


def _listed(items: Sequence[object], *, given: bool) -> Sequence[object] | None:
    """Go tells a list that is empty from one that is missing."""
    return items if items or given else None


def _sorted(fields: Mapping[str, object]) -> dict[str, object]:
    return dict(sorted(fields.items()))
