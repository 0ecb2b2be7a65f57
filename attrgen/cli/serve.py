"""`attrgen serve` on the command line: parse, call, print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from attrgen.cli.options import SetCard, SetFile

if TYPE_CHECKING:
    from starlette.applications import Starlette


def serve(
    file: SetFile,
    dataset: SetCard = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")
    ] = True,
) -> None:
    """Edit a set in the browser, with the checks beside each text.

    The page is on this computer only. Every change is kept in a draft beside the set, and a crash loses
    nothing; Save writes the set.
    """
    from attrgen.core.local_server import serve as serve_app
    from attrgen.curation.serving.app import make_app
    from attrgen.curation.serving.session import Session
    from attrgen.schema import card

    session = Session.open(file, None if dataset is None else card.find(dataset))

    def make(secret: str) -> Starlette:
        return make_app(session, secret)

    serve_app(make, port=port, opens=browser, say=lambda line: print(line, flush=True))
