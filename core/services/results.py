"""What the stages left behind: outputs and result files, read from the attempt's archive."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import partial

from core import archive
from core.archive import Member
from core.auth import Right
from core.context import Actor, Context
from core.errors import NotFound, NotReady
from core.services.downloads import Download
from core.services.submissions.reading import AttemptView, StageView, find_task, get_task

OUTPUT_LIMIT = 200_000
"""Bytes of a stage's output that are shown; the download has all of it."""


@dataclass(frozen=True, slots=True)
class StageOutput:
    """What a stage printed. `text` is None when the archive has no output of it."""

    stage_name: str
    text: str | None
    size: int
    truncated: bool


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A file that the stages left under `results/`. `size` in bytes, unpacked."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Results:
    """Outputs of the stages that ended, and what they left under `results/`."""

    outputs: tuple[StageOutput, ...]
    files: tuple[ResultFile, ...]


def read_results(ctx: Context, actor: Actor, task_id: int, attempt: int | None = None) -> Results:
    """Outputs of one attempt (None: the current one), of its final stages only.

    The node replaces the archive while it works, so nothing is read before a stage has ended.

    Where the attempt's file is gone the outputs are without text.

    Raises:
        NotFound: no such submission or attempt.
        StorageUnavailable: the file server does not answer.

    """
    chosen = _find_attempt(ctx, actor, task_id, attempt)
    ended = [stage for stage in chosen.stages if stage.status.is_final]
    if not ended:
        return Results((), ())
    with tempfile.TemporaryFile() as file:
        try:
            ctx.storage.download_to(chosen.file_path, file)
        except NotFound:
            return Results(tuple(_without_text(stage) for stage in ended), ())
        members = {member.name: member.size for member in archive.list_members(file)}
        names = set(members)
        outputs = []
        for stage in ended:
            name = find_output(names, stage.exchange, stage.routing_key)
            if name is None:
                outputs.append(_without_text(stage))
                continue
            member = archive.read_output(file, name, max_bytes=OUTPUT_LIMIT)
            outputs.append(StageOutput(stage.stage_name, member.text, member.size, member.truncated))
    files = tuple(ResultFile(name, members[name]) for name in sorted(names) if _is_result(name))
    return Results(tuple(outputs), files)


def read_file(ctx: Context, actor: Actor, task_id: int, name: str, attempt: int | None = None) -> Member:
    """The beginning of one of the files that `read_results` names, as text if it is text.

    Raises:
        NotFound: no such submission, attempt or file.
        NotReady: no stage of the attempt has ended yet.
        StorageUnavailable: the file server does not answer.

    """
    chosen = _find_attempt(ctx, actor, task_id, attempt)
    if not any(stage.status.is_final for stage in chosen.stages):
        raise NotReady
    if not _is_result(name):
        raise NotFound(what="file")
    with tempfile.TemporaryFile() as file:
        ctx.storage.download_to(chosen.file_path, file)
        return archive.read_member(file, name, max_bytes=OUTPUT_LIMIT)


def open_results(ctx: Context, actor: Actor, task_id: int, attempt: int | None = None) -> Download:
    """The attempt's archive after its run, as a stream.

    Raises:
        NotReady: no stage of it has ended yet.

    """
    chosen = _find_attempt(ctx, actor, task_id, attempt)
    if not any(stage.status.is_final for stage in chosen.stages):
        raise NotReady
    size = ctx.storage.size(chosen.file_path)
    name = f"task-{task_id}-attempt-{chosen.number}.zip"
    return Download(name, size, partial(ctx.storage.stream, chosen.file_path))


def _without_text(stage: StageView) -> StageOutput:
    return StageOutput(stage.stage_name, None, 0, truncated=False)


def _find_attempt(ctx: Context, actor: Actor, task_id: int, number: int | None) -> AttemptView:
    with ctx.db.transaction() as session:
        find_task(session, actor, task_id, others=Right.READ_ANY_FILE)
    task = get_task(ctx, actor, task_id)
    if number is None:
        return task.current
    found = next((attempt for attempt in task.attempts if attempt.number == number), None)
    if found is None:
        raise NotFound(what="attempt")
    return found


def _is_result(name: str) -> bool:
    """Whether it is in a folder `results`, at the top or in the enclosing folder of the submission."""
    return "results" in name.split("/")[:-1] and not name.endswith("/")


def find_output(names: set[str], exchange: str, routing_key: str) -> str | None:
    """Return which of `names` is the output of a stage, if one is.

    Nodes write it at the top or inside the enclosing folder of the submission.
    """
    wanted = f"output_{exchange}_{routing_key}.txt".replace("/", "_")
    return next((name for name in sorted(names) if name.rsplit("/", 1)[-1] == wanted), None)
