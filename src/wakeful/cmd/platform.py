"""Commands that start, stop and look at the platform as a whole."""

from __future__ import annotations

import asyncio
import json
import shlex
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from wakeful.apimachinery.errors import WakefulError
from wakeful.apimachinery.names import dns_subdomain_faults
from wakeful.cli.options import DataDirOption, check_output
from wakeful.cli.output import console, fail, print_table, show_errors
from wakeful.cmd.addresses import Addresses
from wakeful.cmd.status import PlatformStatus, read_status
from wakeful.cmd.up import (
    AddressUnavailableError,
    AlreadyRunningError,
    DataDirError,
    PortUnavailableError,
    start,
    stop,
)
from wakeful.config import LogLevel, RuntimeName, Settings, StandInMode, default_data_dir

ApiPortOption = Annotated[
    int, typer.Option(min=0, max=65535, help="Port of the Kubernetes API; 0 takes a free one.")
]
HttpPortOption = Annotated[
    int, typer.Option(min=0, max=65535, help="Port of services; 0 takes a free one.")
]
HttpsPortOption = Annotated[
    int, typer.Option(min=0, max=65535, help="Port of services with a certificate.")
]
ConsolePortOption = Annotated[
    int, typer.Option(min=0, max=65535, help="Kept for the web console, which is not here yet.")
]


@show_errors
def up(
    data_dir: DataDirOption = None,
    api_port: ApiPortOption = 6443,
    http_port: HttpPortOption = 8080,
    https_port: HttpsPortOption = 8443,
    console_port: ConsolePortOption = 8081,
    bind: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    domain: Annotated[
        str, typer.Option(help="Domain of services, for a config-domain that names none.")
    ] = "localhost",
    runtime: Annotated[
        RuntimeName, typer.Option(help="What runs instances: sandbox, docker or podman.")
    ] = RuntimeName.SANDBOX,
    stand_ins: Annotated[
        StandInMode,
        typer.Option(
            "--built-in-images",
            help="When built-in images stand in for well-known ones: auto (for what cannot be "
            "pulled), always or never.",
        ),
    ] = StandInMode.AUTO,
    log_level: Annotated[
        LogLevel, typer.Option(help="How much is logged: debug, info, warning or error.")
    ] = LogLevel.INFO,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once ready.")] = False,
) -> None:
    """Start the platform."""
    if faults := dns_subdomain_faults(domain):
        fail(f"--domain {domain!r}: {faults[0]}")
    settings = Settings(
        data_dir=(data_dir or default_data_dir()).expanduser().resolve(),
        api_port=api_port,
        http_port=http_port,
        https_port=https_port,
        console_port=console_port,
        bind=bind,
        domain=domain,
        runtime=runtime,
        stand_ins=stand_ins,
        log_level=log_level,
    )
    asyncio.run(_up(settings, detach=detach))


async def _up(settings: Settings, *, detach: bool) -> None:
    loop = asyncio.get_running_loop()
    interrupted = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted.set)
    with console.status("starting") as spinner:
        starting = asyncio.ensure_future(start(settings, lambda text: spinner.update(text)))
        waiting = asyncio.ensure_future(interrupted.wait())
        await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if interrupted.is_set() and not starting.done():
            starting.cancel()
            await asyncio.wait({starting})
            raise typer.Exit(130)
        try:
            addresses = await starting
        except AlreadyRunningError as err:
            fail(str(err), hint="`wakeful status` shows it, `wakeful down` stops it.")
        except PortUnavailableError as err:
            fail(str(err), hint=f"Choose another with {err.option}; 0 takes any free one.")
        except AddressUnavailableError as err:
            fail(str(err), hint="`ip address` shows those of this machine; 0.0.0.0 means all.")
        except DataDirError as err:
            fail(str(err), hint="Choose another with --data-dir or $WAKEFUL_DATA_DIR.")
    _welcome(settings, addresses)
    if detach:
        return
    console.print("Press Ctrl-C to stop.", style="dim")
    await interrupted.wait()
    with console.status("stopping") as spinner:
        await stop(settings.data_dir, lambda text: spinner.update(text))


def _welcome(settings: Settings, addresses: Addresses) -> None:
    console.print(Text("Wakeful is up", style="bold green"))
    rows = [
        ("API", addresses.api),
        ("Services", f"http://NAME.NAMESPACE.{settings.domain}:{addresses.http_port}"),
        ("kubectl", f"export KUBECONFIG={shlex.quote(str(settings.layout.kubeconfig))}"),
    ]
    for label, value in rows:
        console.print(Text.assemble((f"  {label:<9} ", "dim"), value))


@show_errors
def down(data_dir: DataDirOption = None) -> None:
    """Stop the platform and everything it runs."""
    root = (data_dir or default_data_dir()).expanduser().resolve()
    with console.status("stopping") as spinner:
        ran = asyncio.run(stop(root, lambda text: spinner.update(text)))
    console.print("stopped" if ran else "nothing was running")


@show_errors
def status(
    data_dir: DataDirOption = None,
    output: Annotated[str, typer.Option("--output", "-o", help="table or json.")] = "table",
) -> None:
    """Show components, addresses and health; exits with 1 when not everything is well."""
    check_output(output, "table", "json")
    root = (data_dir or default_data_dir()).expanduser().resolve()
    found = asyncio.run(read_status(root))
    if output == "json":
        sys.stdout.write(json.dumps(found.to_json(), indent=2) + "\n")
    else:
        _print_status(found)
    if not found.ready:
        raise typer.Exit(1)


def _print_status(found: PlatformStatus) -> None:
    if not found.running:
        console.print(f"Nothing runs on {found.data_dir}. `wakeful up` starts it.")
        return
    rows = [
        (
            c.name,
            c.state,
            "ok" if c.healthy else "down",
            c.pid or "",
            c.restarts,
            f"{c.rss_bytes / 1e6:.0f} MB",
            c.address,
        )
        for c in found.components
    ]
    print_table(["Component", "State", "Health", "Pid", "Restarts", "Memory", "Address"], rows)
    count = found.instances
    run = "1 instance runs" if count == 1 else f"{count} instances run"
    console.print(f"\n{run}; data in {found.data_dir}")


def demo(
    keep: Annotated[
        bool | None, typer.Option("--keep/--no-keep", help="Leave the platform running.")
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", "-D", help="Directory for its state; else one that is removed."),
    ] = None,
) -> None:
    """Show the hello world end to end: asleep at zero, awake in milliseconds, five at once."""
    from wakeful.cmd.demo import run_demo

    try:
        asyncio.run(run_demo(data_dir, keep=keep))
    except WakefulError as err:
        fail(str(err))
