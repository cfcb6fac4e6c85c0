"""The event process: ``python -m wakeful.cmd.eventworker DIR RUN_DIR [INDEX]``, started by procd.

The listening socket is descriptor 3. Nothing here may import the API's types: the process starts
(again) while events wait for it.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import sys
from pathlib import Path

# nats-py would load it for WebSockets, which take longer to import than all of this process. None
# stands for what may not be imported.
sys.modules.setdefault("aiohttp", None)  # type: ignore[arg-type]

import uvloop  # noqa: E402

from wakeful.eventing.worker.files import LISTEN_FD, EventingPaths  # noqa: E402
from wakeful.eventing.worker.process import run_process  # noqa: E402


def main() -> None:
    """Run the event process until it is told to end."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    paths = EventingPaths(Path(sys.argv[1]), Path(sys.argv[2]))
    index = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    listener = socket.socket(fileno=LISTEN_FD)
    listener.setblocking(False)
    gc.freeze()
    # Events come and go without cycles; looking for some after every 700 objects is time lost.
    gc.set_threshold(50_000, 20, 50)
    # The history's thread is to give the interpreter back soon when events wait for it.
    sys.setswitchinterval(0.0005)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run_process(paths, listener, index))


if __name__ == "__main__":
    main()
