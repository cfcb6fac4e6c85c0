"""Answers requests: each at most once, within a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial

from wakeful.apimachinery.conditions import ConditionSet
from wakeful.apis.resolution import ResolutionReason, ResolutionRequest
from wakeful.apis.resolution.request_types import RESOLVER_LABEL
from wakeful.controller import Result
from wakeful.reconciler.pipeline.resolution.cache import ResolutionCache, check_mode
from wakeful.reconciler.pipeline.resolution.model import Question, ResolutionError, Resolver

CONDITIONS = ConditionSet.batch()
_TRUE = frozenset(("1", "t", "true", ""))
_TOLD = 2000
"""So many letters of a failure are kept."""


class ResolutionReconciler:
    """Hands requests to the resolver that their label names."""

    def __init__(
        self,
        resolvers: Iterable[Resolver],
        *,
        now: Callable[[], datetime],
        limit_seconds: Callable[[], float],
        cache: ResolutionCache,
        flags: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._resolvers = {resolver.name: resolver for resolver in resolvers}
        self._now, self._limit, self._flags, self._cache = now, limit_seconds, flags, cache

    async def reconcile_kind(self, request: ResolutionRequest) -> Result | None:
        """Resolve what was not resolved yet."""
        status = request.status
        if status.is_done:
            return None
        manager = CONDITIONS.manage(status, self._now)
        name = request.metadata.labels.get(RESOLVER_LABEL, "")
        resolver = self._resolvers.get(name)
        if resolver is None:
            known = ", ".join(self._resolvers)
            manager.mark_false(
                "Succeeded",
                ResolutionReason.FAILED,
                f"there is no resolver {name!r}; there are {known}",
            )
            return None
        params = {param.name: param.value for param in request.spec.params}
        if request.spec.url:
            params.setdefault("url", request.spec.url)
        question = Question(params, request.metadata.namespace)
        limit = self._limit()
        try:
            self._check_allowed(name)
            check_mode(question)
            async with asyncio.timeout(limit or None):
                found, status.annotations = await self._cache.resolve(
                    name, question, partial(resolver.resolve, question)
                )
            status.data = found.encoded()
        except TimeoutError:
            manager.mark_false(
                "Succeeded",
                ResolutionReason.TIMED_OUT,
                f"resolution took longer than the maximum allowed time of {limit:g}s",
            )
        except ResolutionError as error:
            text = f"error getting {name!r} {request.metadata.namespace}: {error}"[:_TOLD]
            manager.mark_false("Succeeded", ResolutionReason.FAILED, text)
        else:
            status.source = status.ref_source = found.source
            manager.mark_true("Succeeded")
        return None

    def _check_allowed(self, name: str) -> None:
        flag = f"enable-{name}-resolver"
        if self._flags().get(flag, "true").strip().lower() not in _TRUE:
            raise ResolutionError(f"cannot handle resolution request, {flag} feature flag not true")
