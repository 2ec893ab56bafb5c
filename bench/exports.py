"""Whether an archive of many originals is sent without growing the process that makes it.

    python bench/exports.py                  1 GB: 50 originals of 20 MB, through the embedded FTP server
    python bench/exports.py --megabytes 200

Starts Postgres and the FTP server, hands the originals in by the use case, reads the archive piece
by piece as the dashboard's route does, in a process of its own whose memory alone is watched, and
checks it. Goal: at most 32 MB more.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from installation import environment, servers  # beside this file; it finds the project  # isort: skip

from bench.big_files import GOAL_MB, MB, resident
from core.bootstrap import open_context
from core.config import Settings
from core.context import PLATFORM
from core.services.exports import Contents, open_archive
from core.services.submissions import StudentFilter
from tests import builders

ONE = 20 * MB


def original() -> io.BytesIO:
    """A ZIP of `ONE` bytes that cannot be compressed."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr(zipfile.ZipInfo("work/data.bin"), os.urandom(ONE))
    file.seek(0)
    return file


def read(assignment_id: int, target: Path) -> None:
    """Write the archive to `target`, printing by how much this process grew."""
    ctx = open_context(Settings(_env_file=None))
    small = open_archive(ctx, PLATFORM, StudentFilter(assignment_id, search="nobody"), Contents.ORIGINALS)
    assert b"".join(small.pieces)  # noqa: S101  everything is imported and connected once
    before, most = resident(os.getpid()), 0
    with target.open("wb") as file:
        for piece in open_archive(ctx, PLATFORM, StudentFilter(assignment_id), Contents.ORIGINALS).pieces:
            file.write(piece)
            most = max(most, resident(os.getpid()) - before)
    print(f"{target.stat().st_size / MB:.0f} MB, memory +{most / MB:.1f} MB (goal: at most {GOAL_MB})")


def main() -> None:
    """Make the originals, have them read in a process of its own, check what came."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--read", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.read:
        read(int(chosen.read[0]), Path(chosen.read[1]))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with servers(folder) as ctx:
            world = builders.world(ctx)
            for place in builders.classmates(ctx, world, chosen.megabytes * MB // ONE):
                builders.submit(ctx, place, file=original())
            target = folder / "all.zip"
            command = [sys.executable, __file__, "--read", str(world.assignment_id), str(target)]
            subprocess.run(command, env=environment(ctx), check=True)
            with zipfile.ZipFile(target) as made:
                assert made.testzip() is None  # noqa: S101  a broken archive is worth no figure
                print(f"{len(made.namelist())} files, all of them whole")


if __name__ == "__main__":
    main()
