"""``assayer serve``: the scoring service."""

from __future__ import annotations

from typing import Annotated

import typer


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 3000,
) -> None:
    """Score listings over HTTP: POST /v1/score, /livez, /readyz, /docs.json."""
    # BentoML takes a second to import, which no other command should pay
    from serving.run import serve as run_service

    run_service(host, port)
