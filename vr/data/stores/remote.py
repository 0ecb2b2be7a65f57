"""Object stores and other file systems by URL, through fsspec: `s3://bucket/folder`, `gs://…`, `file:///…`.

Access is set up where the store's own package looks for it: in the environment, or in its configuration.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Callable
from functools import cache
from typing import IO, Any, TypeVar

from attrgen.core.errors import UserError
from attrgen.core.names import readable
from attrgen.schema.image_names import is_hidden
from vr.data.formats.file_tree import MAX_FILE_BYTES, too_large

T = TypeVar("T")


def is_url(path: str) -> bool:
    """Whether a path names a store: `s3://…` and the like."""
    scheme, separator, _ = path.partition("://")
    return bool(separator) and scheme.replace("::", "").isalnum()


def exists(url: str) -> bool:
    """Whether there is a file or folder.

    Raises:
        UserError: the store cannot be reached.
    """
    store, name = _store(url)
    return _guarded(url, lambda: bool(store.exists(name)))


def is_folder(url: str) -> bool:
    """Whether files are below a URL; raises as `exists`."""
    store, name = _store(url)
    return _guarded(url, lambda: bool(store.isdir(name)))


def read(url: str) -> bytes:
    """The bytes of a file.

    Raises:
        UserError: there is none, it cannot be read, or it is larger than an image can be.
    """
    store, name = _store(url)
    size = _guarded(url, lambda: store.size(name))
    if size is not None:
        if size > MAX_FILE_BYTES:
            raise too_large(url)
        return _guarded(url, lambda: bytes(store.cat_file(name)))

    def read_to_the_bound() -> bytes:  # a server that does not say how much it sends may never end
        with store.open(name, "rb") as file:
            return bytes(file.read(MAX_FILE_BYTES + 1))

    content = _guarded(url, read_to_the_bound)
    if len(content) > MAX_FILE_BYTES:
        raise too_large(url)
    return content


def state(url: str) -> str:
    """What the store says of a file (size, time, version): another one was replaced. Raises as `read`."""
    store, name = _store(url)

    def said() -> str:
        store.invalidate_cache()  # of its listings
        return repr(sorted(store.info(name).items(), key=str))

    return _guarded(url, said)


def read_range(url: str, start: int, size: int) -> bytes:
    """Some bytes of a file; raises as `read`."""
    store, name = _store(url)
    return _guarded(url, lambda: bytes(store.cat_file(name, start=start, end=start + size)))


def open_file(url: str) -> IO[bytes]:
    """A file that can be searched; raises as `read`."""
    store, name = _store(url)
    return _guarded(url, lambda: store.open(name, "rb"))


class RemoteTree:
    """The files below a URL. See `vr.data.stores.container.Container`."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        store, root = _store(self._url)
        root = root.rstrip("/")
        paths = _guarded(url, lambda: store.find(root))
        below = (posixpath.relpath(path, root or "/") for path in paths)
        self.names: tuple[str, ...] = tuple(
            sorted(readable(name) for name in below if not any(map(is_hidden, name.split("/"))))
        )

    def read(self, name: str) -> bytes:
        return read(self.path_of(name))

    def head(self, name: str, size: int) -> bytes:
        return read_range(self.path_of(name), 0, size)

    def path_of(self, name: str) -> str:
        return f"{self._url}/{name}"


class RemoteZip:
    """A zip archive in a store. See `vr.data.stores.container.Container`."""

    def __init__(self, url: str) -> None:
        self._url = url
        with open_file(url) as file:
            entries = _guarded(url, lambda: zipfile.ZipFile(file).infolist())
        plain = [entry.filename for entry in entries if not entry.is_dir()]
        self.names = tuple(sorted(n for n in plain if not any(map(is_hidden, n.split("/")))))

    def read(self, name: str) -> bytes:
        return self.head(name, MAX_FILE_BYTES)

    def head(self, name: str, size: int) -> bytes:
        def read_member() -> bytes:
            with open_file(self._url) as file, zipfile.ZipFile(file) as archive, archive.open(name) as member:
                return member.read(size)

        return _guarded(self.path_of(name), read_member)

    def path_of(self, name: str) -> str:
        return f"{self._url}/{name}"


@cache
def _file_system(protocol: str) -> Any:
    import fsspec

    return fsspec.filesystem(protocol)


def _store(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the file's name in it."""
    protocol = url.partition("://")[0]
    try:
        store = _file_system(protocol)
    except ImportError as error:
        raise UserError(
            f"{protocol}:// needs another package: {error}",
            code="store-package-missing",
            file=url,
            remedy="Install it with pip.",
        ) from error
    except Exception as error:  # some kinds need more than an address, and raise whatever they like
        raise UserError(
            f"{protocol}:// is no known kind of store",
            code="store-unknown",
            file=url,
            remedy="Check the URL; s3://, gs://, az://, https:// and others of fsspec can be read.",
        ) from error
    return store, _guarded(url, lambda: str(store._strip_protocol(url)))


def _guarded(url: str, call: Callable[[], T]) -> T:
    """The result of a call to a store; whatever goes wrong there is told with the URL."""
    try:
        return call()
    except UserError:
        raise
    except FileNotFoundError as error:
        raise UserError(
            "there is no such file", code="store-no-file", file=url, remedy="Check the URL."
        ) from error
    except Exception as error:  # each store has its own exceptions: no network, no access, no credentials
        raise UserError(
            f"cannot be read: {type(error).__name__}: {error}",
            code="store-unreadable",
            file=url,
            remedy="Check the URL, the network and your access to the store.",
        ) from error
