"""The files of a text tower that are not weights: its tokenizer, and a Hugging Face tower's configuration."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrgen.core.decoding import cached, decoding
from attrgen.core.errors import UserError
from attrgen.core.files import read_text
from vr.clip import hub
from vr.clip.configuration import Configuration

if TYPE_CHECKING:
    from torch import Tensor

_VOCABULARIES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "tokenizer.model",
    "sentencepiece.bpe.model",
)
_TEXT_CONFIG = "config.json"
_DEFAULT_CONTEXT = 77  # open_clip's


class DeferredTokenizer:
    """open_clip's own tokenizer, made when a text first needs it: that takes a quarter of a second.

    Predictions and runs whose texts are cached need none. Its vocabulary is a part of open_clip, so that no
    file can be missing then.
    """

    def __init__(self, context_length: int) -> None:
        self.context_length = context_length

    def __call__(self, texts: list[str], context_length: int | None = None) -> Tensor:
        """Tokens (N, context_length), int64."""
        tokens: Tensor = self._made(texts, context_length)
        return tokens

    def __getattr__(self, name: str) -> Any:
        """Whatever else it has."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._made, name)

    @cached_property
    def _made(self) -> Any:
        from open_clip.tokenizer import SimpleTokenizer

        return SimpleTokenizer(context_length=self.context_length)


def tokenizer(configuration: Configuration, *, name: str, folder: Path | None) -> Any:
    """The tokenizer that the text tower was trained with.

    Args:
        name: of the backbone, for messages.
        folder: where its files may be beside the weights; else the hub's cache or the hub have them.

    Raises:
        UserError: its files are nowhere, or cannot be read; with the files and where to put them.
    """
    text = configuration.text
    context = text.get("context_length", _DEFAULT_CONTEXT)
    options = _tokenizer_options(configuration, name)
    repo = text.get("hf_tokenizer_name")
    if not repo and not options:
        return DeferredTokenizer(context)
    from open_clip.tokenizer import HFTokenizer, SimpleTokenizer

    if not repo:
        return SimpleTokenizer(context_length=context, **options)
    _need_transformers(name)
    has_files = folder is not None and any((folder / file).is_file() for file in _VOCABULARIES)

    def loaded(location: str) -> Any:
        made = HFTokenizer(
            location,
            context_length=context,
            tokenizer_mode=text.get("tokenizer_mode"),
            **{**options, "trust_remote_code": False},
        )
        made(["a"])  # one that has no token for padding fails here
        return made

    if has_files:
        with decoding(
            str(folder),
            what="the tokenizer files cannot be read",
            code="backbone-tokenizer-unreadable",
            remedy=f"Copy tokenizer.json and tokenizer_config.json of huggingface.co/{repo} there "
            "again, or update transformers: pip install --upgrade transformers.",
        ):
            return loaded(str(folder))
    try:
        return loaded(repo)
    except Exception as error:  # the tokenizers' own errors have no common base
        files = ("tokenizer.json (or vocab.txt)", "tokenizer_config.json")
        raise hub.explained(error, repo, files, remedy=_beside(files, repo, folder)) from error


def _tokenizer_options(configuration: Configuration, name: str) -> dict[str, Any]:
    """What the configuration passes to the tokenizer; never leave to run code that comes with its files."""
    options = configuration.text.get("tokenizer_kwargs") or {}
    if not isinstance(options, dict) or options.get("trust_remote_code"):
        runs_code = isinstance(options, dict)
        raise UserError(
            f"the tokenizer of {name} would run code of its own"
            if runs_code
            else f"tokenizer_kwargs of {name} is no object",
            code="backbone-config-runs-code" if runs_code else "backbone-config-unusable",
            file=configuration.file,
            remedy="Remove tokenizer_kwargs.trust_remote_code, and use a tokenizer that transformers has."
            if runs_code
            else "Correct text_cfg.tokenizer_kwargs.",
        )
    return options


def text_config(configuration: Configuration, *, name: str, folder: Path | None) -> Path | str | None:
    """Where the configuration of a Hugging Face text tower is; None for open_clip's own text towers.

    Raises:
        UserError: it is nowhere; with the file and where to put it.
    """
    repo = configuration.text.get("hf_model_name")
    if not repo:
        return None
    _need_transformers(name)
    from transformers import AutoConfig

    if folder is not None and _is_text_config(folder / _TEXT_CONFIG):
        with decoding(
            folder / _TEXT_CONFIG,
            what="the configuration of the text tower cannot be read",
            code="backbone-config-unusable",
            remedy="Copy the file again.",
        ):
            AutoConfig.from_pretrained(folder, trust_remote_code=False)
        return folder
    try:
        AutoConfig.from_pretrained(repo, trust_remote_code=False)
    except Exception as error:  # transformers and the hub raise many kinds
        files = (_TEXT_CONFIG,)
        raise hub.explained(error, repo, files, remedy=_beside(files, repo, folder)) from error
    return str(repo)


def _is_text_config(file: Path) -> bool:
    """Whether it describes a text model; a repository may have another model's config.json."""
    from open_clip.hf_configs import arch_dict

    text = cached(lambda: read_text(file, what="text configuration"))
    return text is not None and cached(lambda: json.loads(text).get("model_type") in arch_dict) is True


def _need_transformers(name: str) -> None:
    import importlib.util

    if importlib.util.find_spec("transformers") is None:
        raise UserError(
            f"{name} needs the package transformers for its texts",
            code="backbone-needs-transformers",
            remedy="Install it: pip install 'biomedvr[biomedclip]'.",
        )


def _beside(files: tuple[str, ...], repo: str, folder: Path | None) -> str:
    where = f"into {folder}" if folder is not None else "and the model's own files into one folder"
    use = "" if folder is not None else " and pass --backbone FOLDER"
    return (
        f"On a machine with access download {' and '.join(files)} of huggingface.co/{repo} {where}{use}. "
        "To try the program without it: --backbone mini."
    )
