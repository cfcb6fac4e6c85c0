"""How the control plane ends when it cannot start."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from wakeful.cmd import controlplane
from wakeful.cmd.processes import CANNOT_START
from wakeful.config import Settings


def test_what_a_user_can_mend_is_said_without_a_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fault from deep inside arrives as its message, and as the exit code that means it."""

    async def serve(_: Settings) -> None:
        raise ExceptionGroup("tasks", [ExceptionGroup("more", [OSError("port 6443 is taken")])])

    settings = Settings(data_dir=tmp_path)
    settings.save()
    monkeypatch.setattr(controlplane, "serve", serve)
    monkeypatch.setattr(controlplane, "configure_logging", lambda _level: None)
    monkeypatch.setattr(sys, "setswitchinterval", lambda _seconds: None)
    monkeypatch.setattr(sys, "argv", ["controlplane", "--data-dir", str(tmp_path)])

    with pytest.raises(SystemExit) as ended:
        controlplane.main()

    assert ended.value.code == CANNOT_START
    assert capsys.readouterr().err == "port 6443 is taken\n"
