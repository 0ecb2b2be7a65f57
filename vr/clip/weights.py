"""A weights file: its kind, whether it is whole, and loading it into a model without running code in it."""

from __future__ import annotations

import logging
import pickle
import shlex
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from attrgen.core.decoding import decoding
from attrgen.core.errors import UserError

if TYPE_CHECKING:
    from torch import nn

_log = logging.getLogger(__name__)
Shapes = Mapping[str, tuple[int, ...]]

RANDOM = "random"
SUFFIXES = (".safetensors", ".bin", ".pth", ".pt", ".npz")
_PREFERRED = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "open_clip_pytorch_model.pth",
    "model.safetensors",
    "pytorch_model.bin",
    "pytorch_model.pth",
    "model.pth",
)
_LFS = b"version https://git-lfs"
_OPENAI_ONLY = {"input_resolution", "context_length", "vocab_size"}
_TRANSFORMERS = ("vision_model.", "text_model.")
_AGAIN = "Download or copy it again."


def in_folder(folder: Path) -> Path:
    """The weights of a model folder, chosen as open_clip does; a choice among several is logged.

    Raises:
        UserError: there are none.
    """
    files = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES and path.is_file())
    if not files:
        raise UserError(
            "the model folder has no weights",
            code="weights-missing",
            file=folder,
            remedy="Put open_clip_model.safetensors there, or use --weights random.",
        )
    ranks = {name: rank for rank, name in enumerate(_PREFERRED)}
    files.sort(key=lambda path: (ranks.get(path.name, len(ranks)), path.suffix != ".safetensors"))
    if len(files) > 1 and files[0].name not in ranks:
        names = ", ".join(path.name for path in files)
        _log.warning("note: %s has several weights (%s): %s is used", folder, names, files[0].name)
    return files[0]


def load_into(model: nn.Module, file: Path, *, name: str) -> None:
    """Load a weights file into a model; nothing in the file can run.

    Args:
        name: of the architecture, for messages.

    Raises:
        UserError: the file is not whole, cannot be read without running code, or is of another architecture.
    """
    from open_clip import load_checkpoint
    from safetensors.torch import load_file

    shapes = read_shapes(file)
    _check_format(shapes, file)
    try:
        if file.suffix == ".safetensors" and shapes.keys() >= _OPENAI_ONLY:
            model.load_state_dict({k: v for k, v in load_file(file).items() if k not in _OPENAI_ONLY})
        else:
            load_checkpoint(model, str(file), strict=True, weights_only=True)
    except Exception as error:  # whatever open_clip and torch raise for tensors that do not fit
        raise _misfit(model, shapes, file, name, error) from error
    _tell_resized(model, shapes, file)


def read_shapes(file: Path) -> Shapes:
    """The shapes of the tensors in a weights file, by name, without reading their values.

    Raises:
        UserError: it is not a whole weights file, or one that only running its code can read.
    """
    with file.open("rb") as opened:
        head = opened.read(512)
    if head.startswith(_LFS):
        raise UserError(
            "this is a Git LFS pointer and not the weights",
            code="weights-lfs-pointer",
            file=file,
            remedy="Run `git lfs pull` in its folder, or download the file itself.",
        )
    if not head:
        raise UserError("the weights file is empty", code="weights-damaged", file=file, remedy=_AGAIN)
    if head.lstrip()[:1] == b"<":
        raise UserError(
            "this is a web page and not a weights file",
            code="weights-web-page",
            file=file,
            remedy="Download the file itself: the link of its page says 'download'.",
        )
    if file.suffix == ".npz":
        return {}  # big_vision's own form, which open_clip reads by its keys
    return _safetensors(file) if file.suffix == ".safetensors" else _pickled(file)


def is_openai(file: Path) -> bool:
    """Whether the file has the marks of OpenAI's own weights, which were trained with QuickGELU."""
    return read_shapes(file).keys() >= _OPENAI_ONLY


def _safetensors(file: Path) -> Shapes:
    from safetensors import safe_open

    with (
        decoding(file, what="not a whole safetensors file", code="weights-damaged", remedy=_AGAIN),
        safe_open(file, framework="pt") as tensors,
    ):
        return {key: tuple(tensors.get_slice(key).get_shape()) for key in tensors.keys()}  # noqa: SIM118


def _pickled(file: Path) -> Shapes:
    import torch
    from torch import Tensor

    with decoding(file, what="not a whole weights file", code="weights-damaged", remedy=_AGAIN):
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                if any(Path(name).name == "constants.pkl" for name in archive.namelist()):
                    raise _needs_conversion(file, "TorchScript", "torch.jit.load(f, 'cpu')")
        try:
            content = torch.load(file, map_location="meta", weights_only=True)
        except pickle.UnpicklingError as error:
            if not _is_pickle(file):
                raise
            load = "torch.load(f, 'cpu', weights_only=False)"
            raise _needs_conversion(file, "a pickle of more than tensors", load) from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not any(isinstance(value, Tensor) for value in content.values()):
        raise UserError(
            "the file holds no weights by name",
            code="weights-not-a-state-dict",
            file=file,
            remedy="Save `model.state_dict()` of an open_clip model.",
        )
    tensors = {key: value for key, value in content.items() if isinstance(value, Tensor)}
    return {key.removeprefix("module."): tuple(value.shape) for key, value in tensors.items()}


def _is_pickle(file: Path) -> bool:
    """Whether it is what torch saves, in the zip form or the older one."""
    with file.open("rb") as opened:
        return zipfile.is_zipfile(file) or opened.read(1) == pickle.PROTO


def _needs_conversion(file: Path, kind: str, load: str) -> UserError:
    target = file.with_suffix(".safetensors")
    code = (
        "import sys, torch; from safetensors.torch import save_file; f, to = sys.argv[1:]; "
        f"m = {load}; s = m.state_dict() if hasattr(m, 'state_dict') else m.get('state_dict', m); "
        f"save_file({{k: v.contiguous() for k, v in s.items() if k not in {sorted(_OPENAI_ONLY)}}}, to)"
    )
    return UserError(
        f"the weights are {kind}, and reading such a file can run code in it",
        code="weights-can-run-code",
        file=file,
        remedy=f"If you trust its source, convert it once: python -c {shlex.quote(code)} "
        f"{shlex.quote(str(file))} {shlex.quote(str(target))} and use the result.",
    )


def _check_format(shapes: Shapes, file: Path) -> None:
    if any(key.startswith(_TRANSFORMERS) for key in shapes):
        raise UserError(
            "these weights are in the form of `transformers`, not of open_clip",
            code="weights-transformers-format",
            file=file,
            remedy="Use the model's open_clip weights: a tag of --backbone, or a repository that has an "
            "open_clip_config.json.",
        )


def _misfit(model: nn.Module, shapes: Shapes, file: Path, name: str, error: Exception) -> UserError:
    """What does not fit, by the first tensor that differs."""
    expected = {_bare(key): tuple(value.shape) for key, value in model.state_dict().items()}
    actual = {_bare(key): shape for key, shape in shapes.items()}
    differing = [key for key in expected if key in actual and actual[key] != expected[key]]
    lacking = [key for key in expected if key not in actual]
    extra = [key for key in actual if key not in expected]
    if differing:
        key = differing[0]
        reason = (
            f"{key} is {_shape(actual[key])} in the file and {_shape(expected[key])} in the model"
            f" ({len(differing)} of {len(expected)} tensors differ in shape)"
        )
    elif lacking or extra:
        reason = f"the file lacks {len(lacking)} of {len(expected)} tensors and has {len(extra)} others"
        reason += f" (first: {(lacking or extra)[0]})"
    else:
        reason = str(error).strip().splitlines()[0]
    return UserError(
        f"the weights do not fit the architecture {name}: {reason}",
        code="weights-other-architecture",
        file=file,
        remedy="Choose the backbone that these weights were trained as.",
    )


def _tell_resized(model: nn.Module, shapes: Shapes, file: Path) -> None:
    """open_clip interpolates position embeddings of another number of positions; that is worth a note."""
    expected = {_bare(key): tuple(value.shape) for key, value in model.state_dict().items()}
    for key, shape in shapes.items():
        here = expected.get(_bare(key))
        if key.endswith("positional_embedding") and here is not None and here != shape:
            _log.warning(
                "note: %s was trained with %d positions and the model has %d (%s): they were interpolated",
                file,
                shape[0],
                here[0],
                key,
            )


def _bare(key: str) -> str:
    """A tensor's name, whether the text tower is inside the model or a part of it."""
    return key.removeprefix("text.")


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a number"
