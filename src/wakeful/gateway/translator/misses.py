"""Requests for which Envoy finds no route at once: the second look that they get.

It finds scopes by the very characters of a host. What a name server would take for the same host
(capitals), and hosts that only a wildcard covers, are looked for by scripts. So is what a prober
asks for that knows the answer: one script takes less memory than a route for it in each scope.
None is part of the way of a request whose route was found at once: those routes turn them off.
"""

from __future__ import annotations

from collections.abc import Iterable

from envoy.config.core.v3 import base_pb2
from envoy.config.route.v3 import route_components_pb2
from envoy.extensions.filters.http.lua.v3 import lua_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as hcm_pb2,
)
from google.protobuf import any_pb2

from wakeful.gateway.translator._proto import any_of, flag
from wakeful.gateway.translator.names import (
    HASH_HEADER,
    HASH_OVERRIDE,
    PROBE_HEADER,
    PROBE_VALUE,
)

FOUND = "found"
"""Name of every route, by which a script sees that there is one."""
_NAME = "misses"
"""Of both filters, so that one word turns them off: thousands of routes have to say it."""
_LOOK = """
local function look(request, host)
  local written = request:headers():get(":authority")
  request:headers():replace(":authority", host)
  request:clearRouteCache()
  request:metadata()  -- Envoy looks only now, and once for each filter
  -- What was found stays; programs see the host as the client wrote it.
  request:headers():replace(":authority", written)
end
"""
_LOOK_FOR_CAPITALS = """
function envoy_on_request(request)
  local written = request:headers():get(":authority") or ""
  local host = written:lower()
  if host ~= written then look(request, host) end
end
"""
_LOOK_FOR_WILDCARDS = """
local wildcards = {%s}

local function wildcard_of(host)
  local dot = host:find(".", 1, true)
  while dot do
    local wildcard = "*" .. host:sub(dot)
    if wildcards[wildcard] then return wildcard end
    dot = host:find(".", dot + 1, true)
  end
  return wildcards["*"] and "*"
end

function envoy_on_request(request)
  if request:streamInfo():routeName() == "%s" then return end
  local wildcard = wildcard_of((request:headers():get(":authority") or ""):lower())
  if wildcard then look(request, wildcard) end
end
"""
_ANSWER_PROBES = f"""
function envoy_on_request(request)
  local headers = request:headers()
  local known = headers:get("{HASH_HEADER}") or ""
  if headers:get("{PROBE_HEADER}") ~= "{PROBE_VALUE}" or known == "" then return end
  headers:replace("{HASH_HEADER}", "{HASH_OVERRIDE}")
  request:clearRouteCache()
  request:metadata()
  if request:streamInfo():routeName() == "{FOUND}" then
    request:respond({{[":status"] = "200", ["{HASH_HEADER.lower()}"] = known}}, "")
  end
end
"""
"""To a prober that knows the hash already it is said back, as upstream's activator does: the way
leads here."""


def second_looks(wildcards: Iterable[str] = ()) -> list[hcm_pb2.HttpFilter]:
    """The filters of an entrance that serves these wildcards, which are in lower case."""
    filters = [_filter(_ANSWER_PROBES), _filter(_LOOK_FOR_CAPITALS)]
    known = ", ".join(f'["{wildcard}"]=true' for wildcard in sorted(wildcards))
    if known:
        filters.append(_filter(_LOOK_FOR_WILDCARDS % (known, FOUND)))
    return filters


def no_second_looks() -> dict[str, any_pb2.Any]:
    """What routes say for their requests not to pass those filters."""
    return {_NAME: any_of(route_components_pb2.FilterConfig(disabled=True))}


def _filter(script: str) -> hcm_pb2.HttpFilter:
    source = base_pb2.DataSource(inline_string=_LOOK + script)
    # The script itself says when Envoy is to look again.
    lua = lua_pb2.Lua(default_source_code=source, clear_route_cache=flag(False))
    return hcm_pb2.HttpFilter(name=_NAME, typed_config=any_of(lua))
