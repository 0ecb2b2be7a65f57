"""`attrgen push` and `pull`: attribute sets in a dataset repository of the Hugging Face hub or a mirror.

A repository has, for each set, `NAME.json` and `NAME.id` with the set's id, and a README, which is written if
there is none. `HF_ENDPOINT` names a mirror. The token comes from `HF_TOKEN` or `hf auth login`; only
`huggingface_hub` uses it, and it is in no message.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from attrgen.core.decoding import reason_of
from attrgen.core.errors import UserError
from attrgen.core.extras import needed
from attrgen.core.files import read_text
from attrgen.core.names import did_you_mean
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

_KIND = "dataset"
_ID = re.compile(r"^[0-9a-f]{8,64}$")
_README = """\
---
tags: [attribute-set]
viewer: false
---

# {name}

Visual attributes of the classes of `{dataset}`, as an attribute set: one JSON file to read, edit and diff.

    attrgen pull {repo}

`NAME.id` is the SHA-256 of the set's texts: `attrgen pull` checks it, `attrgen cite` says how to cite it.
"""


def push(attributes: AttributeSet, repo: str, *, message: str | None = None, private: bool = False) -> str:
    """Commit a set to a dataset repository, which is created if needed; gives the commit's address.

    Raises:
        UserError: huggingface_hub is not installed, the hub cannot be reached, or it refuses.
    """
    name = file_name(attributes.dataset)
    with _hub(repo) as api:
        from huggingface_hub import CommitOperationAdd

        api.create_repo(repo, repo_type=_KIND, private=private, exist_ok=True)
        contents = {f"{name}.json": attribute_set.dumps(attributes), f"{name}.id": f"{attributes.id}\n"}
        if "README.md" not in api.list_repo_files(repo, repo_type=_KIND):
            title = repo.rpartition("/")[2]
            contents["README.md"] = _README.format(name=title, dataset=attributes.dataset, repo=repo)
        commit = api.create_commit(
            repo,
            [CommitOperationAdd(path, text.encode("utf-8")) for path, text in contents.items()],
            repo_type=_KIND,
            commit_message=message or f"{name}: attribute set {attributes.id[:12]}",
        )
        return str(commit.commit_url)


def pull(
    repo: str, *, dataset: str | None = None, revision: str | None = None, expected: str | None = None
) -> tuple[AttributeSet, str | None]:
    """Fetch a set and verify its id; gives the set and the id that it was compared with, if any.

    Args:
        dataset: which set, where the repository has several.
        revision: branch, tag or commit.
        expected: the id, or at least its first 8 digits, in place of the one that the repository states.

    Raises:
        UserError: as for `push`; also no or several sets, a set that is not valid or has another id.
    """
    if expected is not None and not _ID.match(expected):
        raise UserError(
            f"'{expected}' is not an id",
            code="hub-not-an-id",
            remedy="An id has 64 hexadecimal digits; give 8 or more of them.",
        )
    with tempfile.TemporaryDirectory() as folder:
        with _hub(repo) as api:
            files = [str(path) for path in api.list_repo_files(repo, repo_type=_KIND, revision=revision)]
            name = _chosen(repo, files, dataset)
            for path in sorted({f"{name}.json", f"{name}.id"} & set(files)):
                api.hf_hub_download(repo, path, repo_type=_KIND, revision=revision, local_dir=folder)
        stated = Path(folder) / f"{name}.id"
        try:
            attributes = attribute_set.load(Path(folder) / f"{name}.json")
            required = expected or (read_text(stated, what="id").strip() if stated.exists() else None)
        except UserError as error:
            raise UserError(str(error).replace(f"{folder}{os.sep}", f"{repo}/"), code=error.code) from error
    if required is not None and not (_ID.match(required) and attributes.id.startswith(required)):
        raise UserError(
            f"{repo}/{name}.json has the id {attributes.id}, not {required[:64]}",
            code="hub-other-id",
            remedy="It was changed after it was cited or pushed. Nothing was written; "
            "--revision names an earlier state of the repository.",
        )
    return attributes, required


def file_name(dataset: str) -> str:
    """The dataset's name as a file name that is the same everywhere."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", dataset).strip(".-") or "set"


def _chosen(repo: str, files: list[str], dataset: str | None) -> str:
    names = sorted(path.removesuffix(".json") for path in files if path.endswith(".json") and "/" not in path)
    if dataset is not None:
        if file_name(dataset) in names:
            return file_name(dataset)
        raise UserError(
            f"{repo} has no set of '{dataset}'", code="hub-no-set", remedy=did_you_mean(dataset, names)
        )
    sets = [name for name in names if f"{name}.id" in files] or names
    if len(sets) != 1:
        listed = ", ".join(sets) if sets else "none"
        raise UserError(
            f"which set of {repo}? It has {listed}",
            code="hub-which-set",
            remedy="Name one with --dataset.",
        )
    return sets[0]


@contextmanager
def _hub(repo: str) -> Iterator[HfApi]:
    """The hub's client; what it raises within the block becomes a `UserError` without a token in it."""
    api = _client()
    from huggingface_hub import get_token
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    host = api.endpoint.partition("://")[2].rpartition("@")[2]
    token = get_token()
    unreachable: tuple[type[Exception], ...] = (OSError, *HfHubHTTPError.__bases__)
    try:
        yield api
    except HFValidationError as error:
        raise UserError(
            f"'{repo}' is not the name of a repository",
            code="hub-repository-name",
            remedy="Write OWNER/NAME.",
        ) from error
    except HfHubHTTPError as error:
        # Without its cause: the request in it has the token.
        raise _refused(error, repo, host, token) from None
    except UserError:
        raise
    except ValueError as error:  # before the next: the errors of some libraries are both
        raise _bad_answer(error, host, token) from None
    except unreachable as error:
        raise UserError(
            f"{host} cannot be reached: {_first_line(str(error), token)}",
            code="hub-unreachable",
            remedy="Check the network, or name a mirror with HF_ENDPOINT.",
        ) from None
    except Exception as error:  # the client takes an answer apart without a check of its form
        raise _bad_answer(error, host, token) from None


def _client() -> HfApi:
    with needed(
        "the hub needs huggingface_hub",
        code="hub-not-installed",
        remedy="pip install 'biomedvr[hub]'.",
    ):
        import huggingface_hub
        from huggingface_hub.utils import disable_progress_bars
    disable_progress_bars()
    return huggingface_hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, library_name="attrgen")


def _bad_answer(error: Exception, host: str, token: str | None) -> UserError:
    reason = _first_line(reason_of(error), token)
    return UserError(
        f"{host} sends an answer that the client does not understand: {reason}",
        code="hub-bad-answer",
        remedy="Check HF_ENDPOINT, or update huggingface_hub.",
    )


def _refused(error: HfHubHTTPError, repo: str, host: str, token: str | None) -> UserError:
    """The error for an HTTP status of the hub."""
    from huggingface_hub.errors import RepositoryNotFoundError

    status = error.response.status_code
    if status in (401, 403):
        remedy = "Set HF_TOKEN, or `hf auth login`, with a token that may do this; and check the name."
    elif isinstance(error, RepositoryNotFoundError) or status == 404:
        remedy = "Check the name and --revision; a private repository needs HF_TOKEN."
    else:
        remedy = "Try again later."
    explanation = _first_line(error.server_message or str(error), token)
    what = f"{host} answers {status} for {repo}: {explanation}"
    return UserError(what, code=f"hub-status-{status}", remedy=remedy)


def _first_line(text: str, token: str | None) -> str:
    line = next(iter(text.strip().splitlines()), "no reason")[:300]
    return line.replace(token, "***") if token else line
