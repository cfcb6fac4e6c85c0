"""kaniko's command line. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

DEFAULT_CONTEXT = "/workspace/"

_SWITCHES = """
    cache cache-copy-layers cache-run-layers cleanup compressed-caching credential-helpers force
    force-build-metadata ignore-var-run insecure insecure-pull log-timestamp no-push no-push-cache
    push-ignore-immutable-tag-errors reproducible single-snapshot skip-default-registry-fallback
    skip-push-permission-check skip-tls-verify skip-tls-verify-pull skip-unused-stages use-new-run
    preserve-context materialize
"""
"""Flags that stand alone."""
_KNOWN = """
    dockerfile destination context context-sub-path build-arg target digest-file
    image-name-with-digest-file image-name-tag-with-digest-file oci-layout-path tar-path tarPath
    insecure-registry skip-tls-verify-registry insecure skip-tls-verify no-push label
"""
_IGNORED = """
    cache cache-copy-layers cache-dir cache-repo cache-ttl cache-run-layers cleanup
    compressed-caching compression compression-level customPlatform custom-platform force
    force-build-metadata ignore-path ignore-var-run image-download-retry image-fs-extract-retry
    insecure-pull kaniko-dir log-format log-timestamp no-push-cache push-retry
    push-ignore-immutable-tag-errors registry-certificate registry-client-cert registry-mirror
    registry-map reproducible single-snapshot skip-default-registry-fallback
    skip-push-permission-check skip-tls-verify-pull skip-unused-stages snapshotMode snapshot-mode
    use-new-run verbosity preserve-context git credential-helpers
"""
"""Flags that change nothing about the result here."""


class UsageError(ValueError):
    """A command line that cannot be meant."""


_SHORT = {"f": "dockerfile", "d": "destination", "c": "context", "v": "verbosity"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asks for."""

    dockerfile: str = "Dockerfile"
    """Relative to the context, or absolute."""
    context: str = DEFAULT_CONTEXT
    """A directory."""
    destinations: tuple[str, ...] = ()
    build_args: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    insecure: bool = False
    """Speak plain HTTP with every destination's registry."""
    insecure_registries: tuple[str, ...] = ()
    skip_tls_verify: bool = False
    unverified_registries: tuple[str, ...] = ()
    no_push: bool = False
    digest_file: str = ""
    name_with_digest_file: str = ""
    tag_with_digest_file: str = ""
    layout_path: str = ""
    tar_path: str = ""
    notices: tuple[str, ...] = ()
    """What was given and has no meaning here."""


def parse_flags(argv: Sequence[str], environ: Mapping[str, str]) -> Options:
    """Read the words after the program's name, as kaniko does: ``--a=b``, ``--a b``, ``-d b``.

    A build argument without a value takes it from ``environ``.

    Raises:
        UsageError: A word that is no flag, a flag without its value, a context of another kind.
    """
    given, notices = _collect(list(argv))

    def last(name: str) -> str:
        return given.get(name, [""])[-1]

    def is_set(name: str) -> bool:
        return last(name).lower() in ("true", "1", "t")

    return Options(
        dockerfile=last("dockerfile") or "Dockerfile",
        context=_context(last("context"), last("context-sub-path")),
        destinations=tuple(given.get("destination", ())),
        build_args=_pairs(given.get("build-arg", ()), environ),
        labels=_pairs(given.get("label", ()), {}),
        target=last("target"),
        insecure=is_set("insecure"),
        insecure_registries=tuple(given.get("insecure-registry", ())),
        skip_tls_verify=is_set("skip-tls-verify"),
        unverified_registries=tuple(given.get("skip-tls-verify-registry", ())),
        no_push=is_set("no-push"),
        digest_file=last("digest-file"),
        name_with_digest_file=last("image-name-with-digest-file"),
        tag_with_digest_file=last("image-name-tag-with-digest-file"),
        layout_path=last("oci-layout-path"),
        tar_path=last("tar-path") or last("tarPath"),
        notices=tuple(notices),
    )


def _collect(words: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    """The values of each flag, and what is to be said about those that mean nothing here."""
    switches, known = frozenset(_SWITCHES.split()), frozenset(_KNOWN.split())
    ignored = frozenset(_IGNORED.split())
    given: dict[str, list[str]] = {}
    notices: list[str] = []
    while words:
        word = words.pop(0)
        if not word.startswith("-"):
            raise UsageError(f"unknown command {word!r}: kaniko takes flags only")
        name, equals, value = word.lstrip("-").partition("=")
        name = _SHORT.get(name, name)
        if not equals:
            if name in switches:
                value = "true"
            elif words and not (words[0].startswith("-") and name not in known):
                value = words.pop(0)
            elif name in known:
                raise UsageError(f"flag needs an argument: --{name}")
        if name not in known and name not in ignored:
            notices.append(f"flag --{name} is not known here and changes nothing")
        given.setdefault(name, []).append(value)
    return given, notices


def _context(text: str, below: str) -> str:
    scheme, found, path = text.partition("://")
    if not found:
        path = text or DEFAULT_CONTEXT
    elif scheme != "dir":
        raise UsageError(
            f"--context {text!r}: only directories are built here; fetch the source in a step "
            "before, and give its path"
        )
    return posixpath.join(path, below) if below else path


def _pairs(given: Sequence[str], environ: Mapping[str, str]) -> dict[str, str]:
    pairs = {}
    for text in given:
        name, equals, value = text.partition("=")
        if equals or name in environ:
            pairs[name] = value if equals else environ[name]
    return pairs
