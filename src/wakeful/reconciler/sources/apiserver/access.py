"""Whether a service account may watch what its source asks for."""

from __future__ import annotations

from collections.abc import Sequence

from wakeful.apimachinery.meta import GroupVersionKind
from wakeful.apis.authorization import ResourceAttributes, SubjectAccessReview
from wakeful.apis.authorization.review_types import SubjectAccessReviewSpec
from wakeful.apis.sources import APIVersionKind
from wakeful.apis.sources.plurals import guess_plural
from wakeful.client import Client
from wakeful.controller.kinds import KindIndex

_VERBS = ("get", "list", "watch")


async def find_missing_access(
    client: Client,
    kinds: KindIndex,
    user: str,
    resources: Sequence[APIVersionKind],
    namespaces: Sequence[str],
) -> str:
    """What ``user`` may not do, in upstream's words; empty when nothing is missing."""
    missing: list[str] = []
    for resource in resources:
        gvk = GroupVersionKind.parse(resource.api_version, resource.kind)
        info = kinds.find(resource.api_version, resource.kind)
        plural = info.plural if info is not None else guess_plural(resource.kind)
        for namespace in namespaces:
            attributes = ResourceAttributes(namespace=namespace, group=gvk.group, resource=plural)
            verbs = [verb for verb in _VERBS if not await _may(client, user, attributes, verb)]
            if verbs:
                missing.append(
                    f'{", ".join(verbs)} resource "{plural}" in API group "{gvk.group}"'
                    f' in Namespace "{namespace}"'
                )
    return ", ".join(missing)


async def _may(client: Client, user: str, attributes: ResourceAttributes, verb: str) -> bool:
    namespace = user.split(":")[2]
    review = SubjectAccessReview(
        spec=SubjectAccessReviewSpec(
            user=user,
            groups=["system:serviceaccounts", f"system:serviceaccounts:{namespace}"],
            resource_attributes=attributes.model_copy(update={"verb": verb}),
        )
    )
    answer = await client.create(review)
    return bool(answer.status.allowed)
