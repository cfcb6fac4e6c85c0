"""Faults of GitHubSources: what upstream's schema and webhook refuse, and what cannot work."""

from __future__ import annotations

from wakeful.apimachinery.fields import (
    FieldErrors,
    invalid_value,
    missing_field,
    under,
    under_index,
)
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.duck import load_features, validate_source
from wakeful.apis.duck.destination_validation import split_uri
from wakeful.apis.duck.features import EventingFeatures
from wakeful.apis.sources.githubsource_types import (
    GITHUB_EVENTS,
    GitHubSource,
    GitHubSourceSpec,
    SecretValueFromSource,
)


def validate_githubsource(
    new: GitHubSource, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault."""
    if context.subresource == "status":
        return []
    return under("spec", validate_githubsource_spec(new.spec, load_features(context.config)))


def validate_githubsource_spec(spec: GitHubSourceSpec, features: EventingFeatures) -> FieldErrors:
    """Every fault of a spec."""
    errors: FieldErrors = []
    if not spec.owner_and_repository:
        errors.append(missing_field("ownerAndRepository"))
    else:
        try:
            parse_owner_and_repository(spec.owner_and_repository)
        except ValueError as err:
            errors.append(invalid_value(spec.owner_and_repository, "ownerAndRepository", str(err)))
    if not spec.event_types:
        errors.append(missing_field("eventTypes"))
    for index, event in enumerate(spec.event_types):
        if event not in GITHUB_EVENTS:
            errors += under_index("eventTypes", index, [invalid_value(event, "")])
    errors += under("accessToken", _validate_secret(spec.access_token))
    errors += under("secretToken", _validate_secret(spec.secret_token))
    if spec.github_api_url and not _is_http(spec.github_api_url):
        errors.append(invalid_value(spec.github_api_url, "githubAPIURL", "not an HTTP URL"))
    return errors + validate_source(spec, features)


def parse_owner_and_repository(text: str) -> tuple[str, str]:
    """Split ``owner/repository``; the repository is empty for a whole organization.

    Raises:
        ValueError: It has another shape.
    """
    owner, slash, repository = text.partition("/")
    expected = f"expected 'owner/repository' but found \"{text}\""
    if "/" in repository:
        raise ValueError(f"ownerAndRepository is malformatted, {expected}")
    if not owner:
        raise ValueError(f"owner is empty, {expected}")
    if slash and not repository:
        raise ValueError(f"repository is empty, {expected}")
    return owner, repository


def _is_http(url: str) -> bool:
    parts = split_uri(url)
    return parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname)


def _validate_secret(value: SecretValueFromSource) -> FieldErrors:
    ref = value.secret_key_ref
    if ref is None:
        return [missing_field("secretKeyRef")]
    missing = [name for name in ("name", "key") if not getattr(ref, name)]
    return [missing_field(f"secretKeyRef.{name}") for name in missing]
