"""The child process of `attrgen.llm.rendering`: a line of JSON in, a line of JSON out, within a memory limit.

It is run by its path, in an interpreter that may not find this project's packages.
"""

from __future__ import annotations

import json
import signal
import sys
from contextlib import suppress
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

_MEMORY = 2**30  # bytes


def main() -> None:
    """Answer requests until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted, and ends this process
    sandbox = _module("sandbox")
    _limit_memory()
    with suppress(BrokenPipeError):
        for line in sys.stdin:
            body, values = json.loads(line)
            print(json.dumps(sandbox.render(body, values)), flush=True)


def _module(name: str) -> ModuleType:
    spec = spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows: only the time is limited
        return
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


if __name__ == "__main__":
    main()
