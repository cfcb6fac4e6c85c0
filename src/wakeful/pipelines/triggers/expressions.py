"""The CEL interceptor: filters and overlays over a request."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from wakeful.apimachinery.decoding import yaml_value
from wakeful.apimachinery.patterns import PatternError, replace_all
from wakeful.apis.pipeline.celfaults import cel_faults
from wakeful.pipelines.triggers.events import Event, Verdict, canonical

if TYPE_CHECKING:
    import cel

SecretReader = Callable[[str, str, str], str]
"""(secret, key, namespace) → value; an empty namespace is the trigger's own."""


class ExpressionError(ValueError):
    """An expression cannot be evaluated."""


def intercept(params: Mapping[str, Any], event: Event, read_secret: SecretReader) -> Verdict:
    """Let the request pass if ``filter`` is true; add the results of ``overlays``."""
    context = _context(event, read_secret)
    condition = params.get("filter")
    try:
        if condition:
            passed = _evaluate(str(condition), context)
            if not isinstance(passed, bool):
                return Verdict(False, f"expression {condition!r} did not return true or false")
            if not passed:
                return Verdict(False, f"expression {condition} did not return true")
        extensions = dict(event.extensions)
        for overlay in params.get("overlays") or ():
            value = _evaluate(str(overlay.get("expression", "")), context)
            _set(extensions, str(overlay.get("key", "")), value)
            context.add_variable("extensions", extensions)
    except ExpressionError as error:
        return Verdict(False, str(error))
    return Verdict(True, extensions=extensions)


def _evaluate(expression: str, context: cel.Context) -> Any:
    import cel  # see celfaults

    def fault(text: str) -> ExpressionError:
        return ExpressionError(f"expression {expression!r} failed to evaluate: {text}")

    with cel_faults(fault):
        return cel.evaluate(expression, context)


def _set(extensions: dict[str, Any], key: str, value: Any) -> None:
    """Set ``a.b.c``, making what is on the way."""
    *parents, last = key.split(".")
    place = extensions
    for name in parents:
        below = place.get(name)
        place[name] = dict(below) if isinstance(below, Mapping) else {}
        place = place[name]
    place[last] = value


def _context(event: Event, read_secret: SecretReader) -> cel.Context:
    import cel  # see celfaults

    headers = {name: list(values) for name, values in event.headers.items()}
    context = cel.Context(
        {
            "body": event.body,
            "header": headers,
            "extensions": dict(event.extensions),
            "requestURL": event.url,
        }
    )

    def compare_secret(given: str, key: str, secret: str, namespace: str = "") -> bool:
        return hmac.compare_digest(given.encode(), read_secret(secret, key, namespace).encode())

    functions: dict[str, Callable[..., Any]] = {**_FUNCTIONS, "compareSecret": compare_secret}
    for name, function in functions.items():
        context.add_function(name, function)
    return context


def _match(headers: Mapping[str, Sequence[str]], name: str, value: str) -> bool:
    return value in headers.get(canonical(name), ())


def _canonical(headers: Mapping[str, Sequence[str]], name: str) -> str:
    return next(iter(headers.get(canonical(name), ())), "")


def _decode(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError(f"failed to decode {text!r} in decodeB64: {error}") from error


def _translate(text: str, pattern: str, replacement: str) -> str:
    try:
        return replace_all(pattern, replacement, text)
    except PatternError as error:
        reason = f"failed to parse regex '{pattern}' for translation: {error}"
        raise ValueError(reason) from error


def _parse_url(text: str) -> dict[str, Any]:
    url = urlsplit(text)
    return {
        "scheme": url.scheme,
        "host": url.netloc.rpartition("@")[2],
        "path": url.path,
        "rawQuery": url.query,
        "fragment": url.fragment,
        "auth": {"username": url.username or "", "password": url.password or ""},
    }


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "match": _match,
    "canonical": _canonical,
    "truncate": lambda text, length: text[:length],
    "split": lambda text, separator: text.split(separator),
    "join": lambda items, separator="": separator.join(items),
    "decodeb64": _decode,
    "parseJSON": orjson.loads,
    "parseYAML": yaml_value,
    "parseURL": _parse_url,
    "marshalJSON": lambda value: orjson.dumps(value).decode(),
    "first": lambda items: items[0],
    "last": lambda items: items[-1],
    "translate": _translate,
    "lowerAscii": str.lower,
    "upperAscii": str.upper,
    "replace": lambda text, old, new: text.replace(old, new),
    "trim": str.strip,
    "indexOf": lambda text, part: text.find(part),
    "substring": lambda text, start, end=None: text[start:end],
}
