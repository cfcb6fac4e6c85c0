from __future__ import annotations

import asyncio
import hashlib
import os
import pty
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from .conftest import Cluster

SPDY = {
    "KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false",
    "KUBECTL_PORT_FORWARD_WEBSOCKETS": "false",
}
BOTH = pytest.mark.parametrize("env", [{}, SPDY], ids=["websocket", "spdy"])


@BOTH
class TestExec:
    async def test_output_and_success(self, cluster: Cluster, env: dict[str, str]) -> None:
        result = await cluster.kubectl(
            "exec", "web", "-c", "main", "--", "sh", "-c", "echo out; echo err >&2", env=env
        )
        assert (result.code, result.out) == (0, "out\n"), result
        assert "err\n" in result.err
        assert cluster.node.asked[-1].container == "main"

    async def test_exit_code(self, cluster: Cluster, env: dict[str, str]) -> None:
        result = await cluster.kubectl("exec", "web", "--", "sh", "-c", "exit 3", env=env)
        assert result.code == 3, result
        assert "exit code 3" in result.err

    async def test_standard_input_both_ways(self, cluster: Cluster, env: dict[str, str]) -> None:
        """Three megabytes go in and out unharmed, and the end of input is seen."""
        data = os.urandom(3 << 20)
        command = ("exec", "-i", "web", "--", "sh", "-c", "cat | sha256sum; seq 200000")
        result = await cluster.kubectl(*command, stdin=data, env=env)
        assert result.code == 0, result.err
        digest, _, rest = result.out.partition("\n")
        assert digest.split()[0] == hashlib.sha256(data).hexdigest()
        assert rest.endswith("199999\n200000\n")

    async def test_a_process_that_does_not_read(
        self, cluster: Cluster, env: dict[str, str]
    ) -> None:
        result = await cluster.kubectl(
            "exec", "-i", "web", "--", "true", stdin=b"x" * (2 << 20), env=env
        )
        assert result.code == 0, result

    async def test_a_missing_program_is_a_clear_error(
        self, cluster: Cluster, env: dict[str, str]
    ) -> None:
        result = await cluster.kubectl("exec", "web", "--", "missing", env=env)
        assert result.code == 1
        assert "executable file not found" in result.err

    async def test_a_wrong_container_is_a_clear_error(
        self, cluster: Cluster, env: dict[str, str]
    ) -> None:
        result = await cluster.kubectl("exec", "web", "-c", "nope", "--", "true", env=env)
        assert result.code == 1
        assert "nope" in result.err

    async def test_who_may_not_is_told(self, cluster: Cluster, env: dict[str, str]) -> None:
        result = await cluster.kubectl("exec", "web", "--", "true", user="viewer", env=env)
        assert result.code == 1
        assert 'User "viewer" cannot get resource "pods"' in result.err

    async def test_interrupting_kubectl_ends_the_process(
        self, cluster: Cluster, env: dict[str, str]
    ) -> None:
        process = await asyncio.create_subprocess_exec(
            *cluster.command("exec", "web", "--", "sh", "-c", "echo up; exec sleep 100"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=cluster.environment(env),
        )
        assert process.stdout is not None
        assert await process.stdout.readline() == b"up\n"
        assert cluster.node.running == 1
        process.kill()
        await process.communicate()
        await asyncio.wait_for(cluster.node.ended.wait(), 60)
        assert cluster.node.running == 0

    async def test_terminal(self, cluster: Cluster, env: dict[str, str]) -> None:
        """kubectl passes the size of its own terminal on, and what is typed."""
        master, slave = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            *cluster.command(
                "exec", "-it", "web", "--", "sh", "-c", "read line; echo got $line; tty"
            ),
            stdin=slave,
            stdout=slave,
            stderr=asyncio.subprocess.PIPE,
            env=cluster.environment(env),
        )
        os.close(slave)
        os.write(master, b"typed\n")
        _, err = await asyncio.wait_for(process.communicate(), 60)
        os.set_blocking(master, False)
        seen = os.read(master, 65536).decode()
        os.close(master)
        assert process.returncode == 0, err
        assert "got typed" in seen
        assert "/dev/pts/" in seen
        assert cluster.node.asked[-1].tty

    async def test_attach(self, cluster: Cluster, env: dict[str, str]) -> None:
        result = await cluster.kubectl("attach", "web", "-c", "main", env=env)
        assert result.code == 0, result
        assert result.out == "attached\n"


async def test_copy_both_ways(cluster: Cluster) -> None:
    source, target = cluster.directory / "source", cluster.directory / "target"
    source.write_bytes(os.urandom(300_000))
    result = await cluster.kubectl("cp", str(source), f"web:{target}", "-c", "main")
    assert result.code == 0, result
    assert target.read_bytes() == source.read_bytes()
    back = cluster.directory / "back"
    result = await cluster.kubectl("cp", f"web:{target}", str(back), "-c", "main")
    assert result.code == 0, result
    assert back.read_bytes() == source.read_bytes()


@asynccontextmanager
async def echo_server() -> AsyncIterator[int]:
    """Answers each line in capitals, and ends when its peer does."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data.upper())
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def port_forward(
    cluster: Cluster, port: int, env: dict[str, str]
) -> AsyncIterator[tuple[int, asyncio.subprocess.Process]]:
    process = await asyncio.create_subprocess_exec(
        *cluster.command("port-forward", "pod/web", f":{port}", "--address", "127.0.0.1"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=cluster.environment(env),
    )
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
        found = re.search(r"127\.0\.0\.1:(\d+)", line)
        assert found, line
        yield int(found.group(1)), process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@BOTH
class TestPortForward:
    async def test_several_connections_at_once(self, cluster: Cluster, env: dict[str, str]) -> None:
        async def talk(local: int, word: bytes) -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", local)
            data = word * 50_000
            writer.write(data)
            await writer.drain()
            writer.write_eof()
            answer = await reader.read(-1)
            writer.close()
            return answer

        async with echo_server() as port:
            cluster.node.ports[8080] = port
            async with port_forward(cluster, 8080, env) as (local, _):
                words = [f"w{i};".encode() for i in range(8)]
                async with asyncio.timeout(60):
                    answers = await asyncio.gather(*(talk(local, w) for w in words))
                assert answers == [(w * 50_000).upper() for w in words]
                assert await talk(local, b"again") == b"AGAIN" * 50_000

    async def test_a_closed_port_is_a_clear_error(
        self, cluster: Cluster, env: dict[str, str]
    ) -> None:
        async with port_forward(cluster, 9999, env) as (local, process):
            reader, writer = await asyncio.open_connection("127.0.0.1", local)
            assert await asyncio.wait_for(reader.read(), 60) == b""
            writer.close()
            _, err = await asyncio.wait_for(process.communicate(), 60)
        assert b"error forwarding port 9999" in err
        assert b"connection refused" in err


class TestLogs:
    async def test_a_log_is_sent_as_it_is(self, cluster: Cluster) -> None:
        cluster.node.log = [b"one\n", b"two\n"]
        result = await cluster.kubectl(
            "logs", "web", "-c", "main", "--tail=5", "--since=1h", "--timestamps", "-f"
        )
        assert (result.code, result.out) == (0, "one\ntwo\n"), result
        options = cluster.node.asked[-1]
        assert (options.container, options.tail_lines, options.follow) == ("main", 5, True)
        assert options.timestamps
        assert options.since is not None

    async def test_an_empty_log(self, cluster: Cluster) -> None:
        result = await cluster.kubectl("logs", "web", "-c", "side")
        assert (result.code, result.out) == (0, ""), result

    async def test_what_cannot_be_read_is_a_clear_error(self, cluster: Cluster) -> None:
        result = await cluster.kubectl("logs", "web", "-c", "main", "--previous")
        assert result.code == 1
        assert "previous terminated container not found" in result.err
        result = await cluster.kubectl("logs", "web", "-c", "nope")
        assert "container nope is not valid for pod web" in result.err
        result = await cluster.kubectl("logs", "ghost")
        assert 'pods "ghost" not found' in result.err

    async def test_bad_queries(self, cluster: Cluster) -> None:
        for query, text in (
            ("container=main&tailLines=x", "is not an integer"),
            ("container=main&tailLines=-1", "must be greater than or equal to 0"),
            ("container=main&sinceTime=yesterday", "is not RFC 3339"),
            ("container=main&follow=perhaps", "is not a boolean"),
            ("", "choose one of: [main side]"),
        ):
            path = f"/api/v1/namespaces/default/pods/web/log?{query}"
            result = await cluster.kubectl("get", "--raw", path)
            assert text in result.err, (query, result)


class TestAccess:
    """Authentication and access control, as kubectl sees them."""

    async def test_tokens_of_service_accounts(self, cluster: Cluster) -> None:
        token = (await cluster.kubectl("create", "token", "bot")).out.strip()
        who = await cluster.kubectl("auth", "whoami", user=token)
        assert "system:serviceaccount:default:bot" in who.out
        pods = await cluster.kubectl("get", "pods", user=token)
        assert pods.code == 1
        assert (
            'pods is forbidden: User "system:serviceaccount:default:bot" cannot list resource'
            ' "pods" in API group "" in the namespace "default"'
        ) in pods.err
        bind = ("create", "rolebinding", "b", "--clusterrole=view", "--serviceaccount=default:bot")
        assert (await cluster.kubectl(*bind)).code == 0
        pods = await cluster.kubectl("get", "pods", user=token)
        assert "web" in pods.out, pods

    async def test_can_i(self, cluster: Cluster) -> None:
        yes = await cluster.kubectl("auth", "can-i", "delete", "nodes")
        assert (yes.code, yes.out.strip()) == (0, "yes"), yes
        no = await cluster.kubectl("auth", "can-i", "list", "pods", user="viewer")
        assert (no.code, no.out.strip()) == (1, "no"), no
        rules = await cluster.kubectl("auth", "can-i", "--list", user="viewer")
        assert "selfsubjectaccessreviews.authorization.k8s.io" in rules.out

    async def test_unknown_tokens_are_refused(self, cluster: Cluster) -> None:
        result = await cluster.kubectl("get", "pods", user="stranger")
        assert result.code == 1
        assert "logged in" in result.err or "Unauthorized" in result.err
