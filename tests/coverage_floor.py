"""Whether enough lines are run by the tests: `python tests/coverage_floor.py coverage.json`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ALL, EACH = 90.0, 70.0  # percent of the lines, in all and of each file


def main(report: Path) -> int:
    """Print the share in all and every file below its floor; the status is 1 where there is one."""
    content = json.loads(report.read_text(encoding="utf-8"))
    total = content["totals"]["percent_covered"]
    low = {
        name: file["summary"]["percent_covered"]
        for name, file in content["files"].items()
        if file["summary"]["num_statements"] and file["summary"]["percent_covered"] < EACH
    }
    print(f"{total:.1f}% of {content['totals']['num_statements']:,} lines are run; {ALL:g}% are the floor")
    for name, share in sorted(low.items(), key=lambda item: item[1]):
        print(f"{share:6.1f}%  {name}: below {EACH:g}%")
    return int(total < ALL or bool(low))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
