"""Address translation for pods that talk to other machines, when the host has nftables.

The only thing beyond our own bridge that is touched: one nftables table of our own, and IPv4
forwarding, which has to be on already or is left off.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from wakeful.aio import run_program


def ruleset(bridge: str, cidr: str) -> str:
    """Return the table that translates what leaves ``cidr`` by another way than the bridge."""
    return (
        f"table ip {bridge} {{\n"
        "  chain postrouting {\n"
        "    type nat hook postrouting priority srcnat; policy accept;\n"
        f'    ip saddr {cidr} oifname != "{bridge}" masquerade\n'
        "  }\n"
        "}\n"
    )


async def enable(bridge: str, cidr: str) -> str:
    """Translate; return what is in the way, or nothing."""
    nft = shutil.which("nft")
    if nft is None:
        return "the nft program is not installed"
    if Path("/proc/sys/net/ipv4/ip_forward").read_text(encoding="ascii").strip() != "1":
        return "the host does not forward (sysctl net.ipv4.ip_forward is 0)"
    await disable(bridge)
    done = await run_program((nft, "-f", "-"), stdin=ruleset(bridge, cidr).encode())
    if done.code:
        return f"nft refused: {done.errors.decode(errors='replace').strip().splitlines()[0]}"
    return ""


async def disable(bridge: str) -> None:
    """Remove our table if it is there."""
    nft = shutil.which("nft")
    if nft is None:
        return
    await run_program((nft, "delete", "table", "ip", bridge))
