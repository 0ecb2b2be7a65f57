"""`vr push`: send the small files of a run to the Hugging Face hub, so that others can predict with it.

What identifies this machine or shows images is not sent: paths are cut to their last part, and the report,
which contains images of the collection, is sent only on request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrgen.core.decoding import reason_of
from attrgen.core.errors import UserError
from attrgen.core.extras import needed
from attrgen.core.files import read_bytes
from attrgen.core.secrets import masked
from vr.report.model_card import CARD, model_card
from vr.report.run_facts import FILES, read_facts, without_folders
from vr.runs import run as runs

LARGEST = 50 * 2**20  # bytes of a file
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)


def files_to_push(path: Path, *, report: bool = False, predictions: bool = True) -> dict[str, bytes]:
    """The files of a run to send, by name: all but checkpoint and report, and its model card.

    A `README.md` in the run, as `vr card` writes it, is sent as it is; otherwise a card is made.

    Args:
        report: also send `report.html`; it shows images.
        predictions: also send `predictions.csv`; it names every test image.

    Raises:
        UserError: not a finished run, or a file is too large.
    """
    facts = read_facts(path)
    card = path / CARD
    sent = {CARD: read_bytes(card, what="model card") if card.is_file() else model_card(facts).encode()}
    left_out = {*(() if report else (runs.REPORT,)), *(() if predictions else (runs.PREDICTIONS,))}
    for name in FILES:
        file = path / name
        if not file.is_file() or name in left_out:
            continue
        if file.stat().st_size > LARGEST:
            raise UserError(
                "the file is larger than 50 MiB",
                code="push-too-large",
                file=file,
                remedy="Move it out of the run directory.",
            )
        sent[name] = read_bytes(file, what="file of a run", largest=LARGEST)
    sent[runs.CONFIG] = _without_paths(sent[runs.CONFIG])
    return sent


def push(
    path: Path,
    repository: str,
    *,
    public: bool = False,
    report: bool = False,
    predictions: bool = True,
    api: Any = None,
    say: Callable[[str], None] = lambda line: None,
) -> str:
    """Create the repository if it does not exist, and send the small files of a run in one commit.

    Args:
        repository: OWNER/NAME on the hub.
        public: whether everybody may read a repository that is created.
        api: a `huggingface_hub.HfApi`; by default one with the user's own token.

    Returns:
        The address of the repository.

    Raises:
        UserError: not a finished run, no such name, huggingface_hub is missing, or the hub refuses.
    """
    if not _REPOSITORY.fullmatch(repository):
        raise UserError(
            f"'{repository}' is not the name of a repository",
            code="push-repository-name",
            remedy="Write OWNER/NAME, as on the hub.",
        )
    files = files_to_push(path, report=report, predictions=predictions)
    for line in listing(files):
        say(line)
    hub = _hub()
    api = api or hub.HfApi()
    operations = [
        hub.CommitOperationAdd(path_in_repo=name, path_or_fileobj=content) for name, content in files.items()
    ]
    try:
        made = api.create_repo(repository, repo_type="model", private=not public, exist_ok=True)
        api.create_commit(repository, operations, commit_message=_message(path), repo_type="model")
    except UserError:
        raise
    except Exception as error:  # the client takes answers apart without a check of their form
        # The cause could hold the request, and with it the token.
        raise _failed(error, hub) from None
    return str(made)


def _failed(error: Exception, hub: Any) -> UserError:
    """What the hub's client raised, without the user's token."""
    what, code = "the hub refused the run", "push-refused"
    remedy = "Log in with `hf auth login`, or set HF_TOKEN to a token that may write; check the name."
    if _is_unreachable(error, hub):
        what, code = "the hub cannot be reached", "push-unreachable"
        remedy = "Nothing was sent. Check the network and HF_ENDPOINT, then push again."
    return UserError(f"{what}: {_without_token(error, hub)}", code=code, remedy=remedy)


def listing(files: Mapping[str, bytes]) -> list[str]:
    """The files to send, one line each."""
    return [f"  {name}: {len(content):,} bytes" for name, content in files.items()]


def _message(path: Path) -> str:
    config = runs.read_config(path)
    return f"{config.method} on {config.card.name}, {config.shots} shots, seed {config.seed}"


def _without_paths(config: bytes) -> bytes:
    values = json.loads(config)
    values["data"] = None
    values["backbone"]["name"] = without_folders(values["backbone"]["name"])
    if values["backbone"]["weights"]:
        values["backbone"]["weights"] = without_folders(values["backbone"]["weights"])
    if values["attributes"]:
        values["attributes"]["file"] = without_folders(values["attributes"]["file"])
    return masked(json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode()


def _is_unreachable(error: Exception, hub: Any) -> bool:
    """Whether there was no answer at all."""
    kinds = (hub.errors.HTTPError, ConnectionError, TimeoutError)
    return isinstance(error, kinds) and getattr(error, "response", None) is None


def _without_token(error: Exception, hub: Any) -> str:
    text = reason_of(error)
    token = hub.get_token()
    return text.replace(token, "***") if token else text


def _hub() -> Any:
    with needed(
        "vr push needs the package huggingface_hub",
        code="push-no-hub",
        remedy="pip install 'biomedvr[hub]'.",
    ):
        import huggingface_hub
        import huggingface_hub.errors
    return huggingface_hub
