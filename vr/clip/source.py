"""Where a backbone comes from: a name and weights of a user, resolved to a configuration and files."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from attrgen.core.errors import UserError
from attrgen.core.files import expanded
from attrgen.core.resources import resource
from vr.clip import configuration as configurations
from vr.clip import hub, tags
from vr.clip import weights as weight_files
from vr.clip.configuration import CONFIG, Configuration
from vr.clip.weights import RANDOM

_log = logging.getLogger(__name__)
DEFAULT_NAME = "ViT-B-16-quickgelu"
DEFAULT_WEIGHTS = "openai"
MINI = "mini"
_LOCAL = "local-dir:"
_HUB_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
_TRY_MINI = "To try the program without it: --backbone mini."


@dataclass(frozen=True)
class Source:
    """A backbone's configuration and files; all of them are on this machine.

    Attributes:
        name, weights: as the user gave them.
        configuration: the architecture.
        preprocessing: values that the weights state.
        file: the weights, or None for random ones.
        folder: where files of the text tower may be, or None.
        older_preprocessing: values that were used before `preprocessing` was read from a file's tag or from
            the configuration beside it.
    """

    name: str
    weights: str | None
    configuration: Configuration
    preprocessing: Mapping[str, Any]
    file: Path | None
    folder: Path | None = None
    older_preprocessing: Mapping[str, Any] = field(default_factory=dict)


def resolve(name: str, weights: str | None = None) -> Source:
    """Find a backbone's configuration and weights; weights that are named are fetched.

    Args:
        name: `mini`, a folder (or `local-dir:FOLDER`), an open_clip model name, or `hf-hub:ORG/REPO` (or
            `ORG/REPO`).
        weights: for a model name, a tag or a weights file; for the others, another weights file of the same
            architecture; `random` for all.

    Raises:
        UserError: an unknown name or tag, weights that cannot be used with the name, missing files, a hub
            that cannot be reached.
    """
    folder = _model_folder(name)
    if folder is not None:
        return _from_folder(name, folder, weights)
    known = configurations.known(name)
    if known is not None:
        return _from_name(name, known, weights)
    repo = hub.repository(name)
    if repo is not None:
        return _from_hub(name, repo, weights)
    raise configurations.unknown(name)


def check_name(name: str, weights: str | None = None) -> None:
    """Check what can be checked of a backbone's name and weights before open_clip is loaded.

    Once it is loaded, nothing is gained: `resolve` checks everything. Tags are open_clip's: they are not
    checked here.

    Raises:
        UserError: an unknown name, a folder without a configuration, weights that cannot be used with it.
    """
    if "open_clip" in sys.modules:
        return
    folder = _model_folder(name)
    if folder is not None:
        _read(folder)
        if weights not in (None, RANDOM):
            _own_file(name, weights, folder)
    elif name.replace("/", "-") not in configurations.shipped() and hub.repository(name) is None:
        raise configurations.unknown(name)


def configuration_of(name: str) -> tuple[Configuration, Path | None]:
    """A backbone's configuration and its folder, if it has one; weights are neither fetched nor read.

    Raises:
        UserError: an unknown name, or a configuration that is missing or damaged.
    """
    folder = _model_folder(name)
    if folder is not None:
        return _read(folder), folder
    known, repo = configurations.known(name), hub.repository(name)
    if known is not None:
        return configurations.of_known(known), None
    if repo is None:
        raise configurations.unknown(name)
    return configurations.read(hub.fetch(repo, (CONFIG,), remedy=_by_hand(repo))), None


def _model_folder(name: str) -> Path | None:
    if name == MINI:
        return Path(resource("data", "mini"))
    folder = expanded(name.removeprefix(_LOCAL))
    if folder.is_dir():
        return folder
    if name.startswith(_LOCAL):
        raise UserError(
            "there is no such model folder",
            code="backbone-no-folder",
            file=folder,
            remedy="Check --backbone.",
        )
    return None


def _read(folder: Path) -> Configuration:
    if not (folder / CONFIG).is_file():
        raise UserError(
            f"the model folder has no {CONFIG}",
            code="backbone-no-config",
            file=folder,
            remedy=f"Put the model's {CONFIG} and open_clip_model.safetensors there.",
        )
    return configurations.read(folder / CONFIG)


def _from_folder(name: str, folder: Path, weights: str | None) -> Source:
    configuration = _read(folder)
    if weights is None:
        file: Path | None = weight_files.in_folder(folder)
    else:
        file = None if weights == RANDOM else _own_file(name, weights, folder)
    stated = configuration.preprocessing
    return Source(name, weights, configuration, stated, file, folder, stated)


def _by_hand(repo: str) -> str:
    return (
        f"On a machine with access download {CONFIG} and {' or '.join(_HUB_FILES)} of huggingface.co/{repo} "
        f"(and its tokenizer files) into one folder here and pass --backbone FOLDER. {_TRY_MINI}"
    )


def _from_hub(name: str, repo: str, weights: str | None) -> Source:
    remedy = _by_hand(repo)
    configuration = configurations.read(hub.fetch(repo, (CONFIG,), remedy=remedy))
    if weights is None:
        file: Path | None = hub.fetch(repo, _HUB_FILES, remedy=remedy)
    else:
        file = None if weights == RANDOM else _own_file(name, weights, None)
    stated = configuration.preprocessing
    return Source(name, weights, configuration, stated, file, None, stated)


def _own_file(name: str, weights: str, folder: Path | None) -> Path:
    """The weights file for a backbone that has weights already: by path, or by name in its folder."""
    candidates = [expanded(weights), *([folder / weights] if folder is not None else [])]
    file = next((path for path in candidates if path.is_file()), None)
    if file is None:
        raise UserError(
            f"'{weights}' is not a weights file, and {name} brings its own weights",
            code="backbone-weights-unused",
            remedy="Leave out --weights, or give a weights file of the same architecture or 'random'.",
        )
    return file


def _from_name(name: str, known: str, given: str | None) -> Source:
    if given is None and name != DEFAULT_NAME:
        raise UserError(
            f"'{name}' needs to know its weights",
            code="backbone-no-weights",
            remedy=f"Add --weights TAG, one of: {', '.join(tags.tags_of(known)) or 'none known'}; "
            "or a weights file; or 'random'.",
        )
    weights = DEFAULT_WEIGHTS if given is None else given
    configuration = configurations.of_known(known)
    if weights == RANDOM:
        return Source(name, given, configuration, {}, None)
    if entry := tags.entry(known, weights):
        tags.check_activation(known, weights, bool(entry.get("quick_gelu", False)))
        file = _fetch_tag(known, weights, entry)
        return Source(name, given, configuration, entry, file, older_preprocessing=entry)
    file = expanded(weights)
    if file.is_file():
        return _from_file(name, known, weights, file)
    raise _no_weights(known, weights)


def _from_file(name: str, known: str, weights: str, file: Path) -> Source:
    """A known architecture with weights in a file; what they want is read beside it, or known by its tag."""
    configuration = configurations.of_known(known)
    weight_files.read_shapes(file)  # an unusable file is reported before any note about it
    beside = file.parent / CONFIG
    if beside.is_file():
        stated = configurations.read(beside)
        _compare(stated, configuration, known)
        tags.check_activation(known, weights, bool(stated.model.get("quick_gelu", False)))
        preprocessing = stated.preprocessing
    else:
        published = tags.tag_of_file(known, file)
        quick = None if published is None else bool(published[1].get("quick_gelu", False))
        tags.check_activation(known, weights, weight_files.is_openai(file) or quick)
        preprocessing = tags.preprocessing_of_file(known, file, published and published[1])
    return Source(name, weights, configuration, preprocessing, file, file.parent)


def _compare(stated: Configuration, used: Configuration, known: str) -> None:
    """Log where the configuration beside weights is of another architecture than the one that was named."""
    if _structure(stated) != _structure(used):
        _log.warning(
            "note: %s describes another model than %s, which is used; --backbone %s uses what it describes",
            stated.file,
            known,
            stated.file and stated.file.parent,
        )


def _structure(configuration: Configuration) -> Any:
    """The configuration of both towers, without where their first weights come from."""
    towers = (configuration.model["vision_cfg"], configuration.text)
    return [{key: value for key, value in tower.items() if "pretrained" not in key} for tower in towers]


def _fetch_tag(known: str, tag: str, entry: Mapping[str, Any]) -> Path:
    """The weights of a tag, from the hub or, where it is elsewhere, as open_clip fetches it."""
    from open_clip.pretrained import download_pretrained_from_url

    repo, _, last = str(entry.get("hf_hub", "")).rpartition("/")
    if repo:
        files = (f"{Path(last).stem}.safetensors", last) if last else _HUB_FILES
        remedy = (
            f"On a machine with access download {files[0]} of huggingface.co/{repo}, copy it here and pass "
            f"--weights PATH/{files[0]}. {_TRY_MINI}"
        )
        return hub.fetch(repo, files, remedy=remedy)
    try:
        return Path(download_pretrained_from_url(entry["url"]))
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(
            f"the weights '{tag}' of {known} could not be fetched: {error}",
            code="hub-unreachable",
            remedy=f"On a machine with access download {entry['url']}, copy it here and pass --weights FILE. "
            f"{_TRY_MINI}",
        ) from error


def _no_weights(known: str, weights: str) -> UserError:
    if expanded(weights).is_dir() or hub.repository(weights) is not None:
        return UserError(
            f"'{weights}' is a whole model and not weights of {known}",
            code="backbone-weights-is-a-model",
            remedy=f"Use --backbone {weights} without --weights, or give the weights file in it.",
        )
    return UserError(
        f"'{weights}' is neither a tag of {known} nor a weights file",
        code="backbone-unknown-weights",
        remedy=f"Give a tag ({', '.join(tags.tags_of(known)) or 'none known'}), a file, or 'random'.",
    )
