"""What people start web applications with, let go by its zygote."""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from support_hook import Folder, Parked

from wakeful.node.zygote.messages import Loaded
from wakeful.testing.ports import held_port

SLOW = "import time\nimported_at = time.time()\n"
TOLD = 'json.dumps({"imported_at": slow.imported_at}).encode()'
WSGI = f"""
import json, slow
def app(environ, start_response):
    start_response("200 OK", [])
    return [{TOLD}]
"""
ASGI = f"""
import json, os, slow
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({{"type": "http.response.start", "status": 200, "headers": []}})
        await send({{"type": "http.response.body", "body": {TOLD}}})
if __name__ == "__main__":
    import uvicorn
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]))
"""
FLASK = """
import os, slow
from flask import Flask
app = Flask(__name__)
@app.route("/")
def index():
    return {"imported_at": slow.imported_at}
if __name__ == "__main__":
    app.run(port=int(os.environ["PORT"]))
"""
AIOHTTP = """
import os, slow
from aiohttp import web
async def index(request):
    return web.json_response({"imported_at": slow.imported_at})
app = web.Application()
app.router.add_get("/", index)
web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), print=None)
"""
FUNCTION = """
import slow
def handle(context):
    return {"imported_at": slow.imported_at}
"""
GUNICORN = ("gunicorn", "--bind", "127.0.0.1:{port}", "--log-level", "error")
UVICORN = ("--port", "{port}", "--log-level", "error")
SERVERS = {
    "gunicorn": (WSGI, (*GUNICORN, "main:app")),
    "gunicorn --threads": (WSGI, (*GUNICORN, "--threads", "4", "--workers", "2", "main:app")),
    "gunicorn --preload": (WSGI, (*GUNICORN, "--preload", "main:app")),
    "gunicorn -k uvicorn": (ASGI, (*GUNICORN, "-k", "uvicorn.workers.UvicornWorker", "main:app")),
    "uvicorn": (ASGI, ("uvicorn", *UVICORN, "main:app")),
    "python -m uvicorn": (ASGI, (sys.executable, "-m", "uvicorn", *UVICORN, "main:app")),
    "uvicorn.run": (ASGI, (sys.executable, "main.py")),
    "app.run": (FLASK, (sys.executable, "main.py")),
    "flask run": (FLASK, ("flask", "--app", "main", "run", "--port", "{port}")),
    "aiohttp": (AIOHTTP, (sys.executable, "main.py")),
    "func.py": (FUNCTION, (sys.executable, "launcher.py")),
    "sh -c": (ASGI, ("/bin/sh", "-c", "exec uvicorn --port $PORT main:app")),
}


class Served:
    """A folder whose program serves HTTP on a port of its own."""

    def __init__(self, folder: Folder, text: str, command: tuple[str, ...], port: int) -> None:
        self.folder, self._port = folder, port
        folder.module("main", text)
        folder.module("func", text)
        folder.module("slow", SLOW)
        launcher = files("wakeful.oci.build").joinpath("launcher.py").read_text(encoding="utf-8")
        folder.module("launcher", launcher)
        words = [word.format(port=port) for word in command]
        found = shutil.which(words[0], path=str(Path(sys.executable).parent))
        folder.command = (found or words[0], *words[1:])
        folder.env = {"PORT": str(port), "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}

    def ask(self) -> Any:
        """Ask until it is answered."""
        deadline = time.monotonic() + 60
        while True:
            with suppress(ConnectionError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
                connection.request("GET", "/")
                response = connection.getresponse()
                assert response.status == 200
                return json.loads(response.read())
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.fixture
def served(folder: Folder, server: str) -> Iterator[Served]:
    text, command = SERVERS[server]
    with held_port() as port:
        yield Served(folder, text, command, port)


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[None]:
    """End a server as an instance is ended."""
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=20)
        process.kill()
        process.communicate()


@pytest.mark.parametrize("server", SERVERS)
def test_it_serves_with_everything_imported_before(
    served: Served, park: Callable[..., Parked]
) -> None:
    """The application's modules are those that were imported while it waited."""
    with served.folder.recorded() as (process, notes), ended(process):
        served.ask()
        recipe = notes()
    assert recipe is not None
    assert "slow" in recipe.ahead
    assert (recipe.apart, recipe.unfit) == ("", "")

    parked = park(served.folder, recipe)
    loaded = parked.hear()
    assert isinstance(loaded, Loaded), loaded
    asked_at = time.time()
    with ended(parked.process):
        parked.release()
        assert served.ask()["imported_at"] < asked_at


@pytest.mark.parametrize("server", ["uvicorn --workers", "flask --debug"])
def test_what_others_import_is_told(
    folder: Folder, server: str, park: Callable[..., Parked]
) -> None:
    """Workers that are spawned, and reloaders, import for themselves; they work as ever."""
    text, command = {
        "uvicorn --workers": (ASGI, ("uvicorn", *UVICORN, "--workers", "2", "main:app")),
        "flask --debug": (
            FLASK,
            ("flask", "--app", "main", "--debug", "run", "--port", "{port}"),
        ),
    }[server]
    with held_port() as port:
        served = Served(folder, text, command, port)
        with served.folder.recorded() as (process, notes), ended(process):
            served.ask()
            recipe = notes()
        assert recipe is not None
        assert "starts interpreters of its own" in recipe.apart
        parked = park(served.folder, recipe)
        assert isinstance(parked.hear(), Loaded)
        with ended(parked.process):
            parked.release()
            assert served.ask()
