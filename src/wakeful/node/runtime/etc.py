"""The files in /etc that belong to a pod: hosts, hostname, resolv.conf."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path

from wakeful.node.runtime.types import SandboxConfig

_SOURCES = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))


def hosts(config: SandboxConfig, ip: str) -> str:
    """Return /etc/hosts."""
    lines = [
        "127.0.0.1\tlocalhost",
        "::1\tlocalhost ip6-localhost ip6-loopback",
        f"{ip}\t{config.hostname}",
    ]
    lines += [f"{address}\t{' '.join(names)}" for address, names in config.host_aliases.items()]
    return "\n".join(lines) + "\n"


def resolv_conf(own_network: bool) -> str:
    """Return the host's settings, without resolvers that only the host itself reaches."""
    texts = []
    for path in _SOURCES:
        try:
            texts.append(path.read_text(encoding="utf-8", errors="replace"))
        except OSError:
            continue
    if not texts:
        return "# the host has no resolv.conf\n"
    if not own_network or not _only_loopback(texts[0]):
        return texts[0]
    return next((text for text in texts if not _only_loopback(text)), texts[0])


def _only_loopback(text: str) -> bool:
    servers = [line.split()[1] for line in text.splitlines() if _names_server(line)]
    return bool(servers) and all(_is_loopback(server) for server in servers)


def _names_server(line: str) -> bool:
    words = line.split()
    return len(words) >= 2 and words[0] == "nameserver"


def _is_loopback(server: str) -> bool:
    try:
        return ipaddress.ip_address(server.partition("%")[0]).is_loopback
    except ValueError:
        return False


def write_etc(directory: Path, config: SandboxConfig, ip: str) -> None:
    """Write the files, readable for everybody."""
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    directory.chmod(0o755)
    contents = {
        "hosts": hosts(config, ip),
        "hostname": f"{config.hostname}\n",
        "resolv.conf": config.resolv_conf or resolv_conf(own_network=ip != "127.0.0.1"),
    }
    for name, text in contents.items():
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        fd = os.open(directory / name, flags, 0o644)
        try:
            os.fchmod(fd, 0o644)
            os.write(fd, text.encode())
        finally:
            os.close(fd)
