"""Lines about requests, chosen by whom they are about."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from wakeful.apis.serving.config.requestlog import RequestLine
from wakeful.cli.requestlog import show_requests, wanted_lines
from wakeful.procd.logreader import LogQuery

LINE = RequestLine("x", "default", "shop", "shop-00002", "shop-00002-deployment-abc")


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        ("", True),
        ("shop", True),
        ("shop-00002", True),
        ("shop-00002-deployment-abc", True),
        ("other", False),
        ("ksvc/shop", True),
        ("ksvc/shop-00002", False),
        ("revision/shop-00002", True),
        ("revision/shop", False),
        ("pod/shop-00002-deployment-abc", True),
        ("pod/shop", False),
    ],
)
def test_a_target_is_a_service_a_revision_or_a_pod(target: str, wanted: bool) -> None:
    assert wanted_lines("default", target)(LINE) is wanted
    assert not wanted_lines("elsewhere", target)(LINE)


def test_other_kinds_have_no_requests() -> None:
    with pytest.raises(typer.Exit):
        wanted_lines("default", "route/shop")


async def test_lines_are_shown_as_they_were_wanted_or_why_there_are_none(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "logs").mkdir()
    stored = [
        {"line": {"status": 200}, "namespace": "default", "service": "shop", "pod": ""},
        {"line": "as text", "namespace": "default", "service": "other", "pod": ""},
    ]
    (tmp_path / "logs" / "envoy.log").write_text(
        "".join(f"2026-01-01T00:00:00.0Z stdout F {json.dumps(line)}\n" for line in stored)
    )

    await show_requests(tmp_path, "default", "shop", LogQuery())
    assert capfd.readouterr().out == '{"status":200}\n'
    await show_requests(tmp_path, "default", "", LogQuery(tail_lines=1, timestamps=True))
    assert capfd.readouterr().out == "2026-01-01T00:00:00.0Z as text\n"
    await show_requests(tmp_path, "default", "nobody", LogQuery())
    assert "no request to 'nobody'" in " ".join(capfd.readouterr().err.split())
