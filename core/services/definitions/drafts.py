"""What a professor asks for, and what will be stored for it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from core import wire
from core.errors import (
    BadName,
    BadRange,
    MissingImage,
    NotDistinct,
    Required,
    ReservedKey,
    TooLong,
    UnexpectedFile,
)
from core.services.definitions.reading import Stage
from core.services.texts import clean_text, shown_file_name
from core.vocabulary import PARSING

NAME_LIMIT = 100
TEXT_LIMIT = 10_000
COMMAND_LIMIT = 4_000
FILE_NAME_LIMIT = 200
KEY_LIMIT = 255
"""Bytes of a name in AMQP 0-9-1 (a short string)."""

MOST_STAGES = 20
LONGEST_TIMEOUT = 24 * 3600
DEFAULT_TIMEOUT = 300
"""Seconds that a stage gets when a program names none (contract 1.2); screens suggest `suggest_timeout`."""

_REPORT_KEYS = frozenset({wire.DONE_KEY, wire.FAILED_KEY, "task.log", "task.crashed"})
"""What reports are sent under (contract, section 2): a stage there would get them instead of tasks."""


@dataclass(frozen=True, slots=True)
class StageDraft:
    """A stage as a professor describes it (contract 1.2).

    `container_filename` is what the image file is called, and names the upload that holds it unless
    `upload` does. With `copy_of`, the id of a stage of any definition, its command and image are
    taken over as they are now, and so is each name and description that is empty here. `own_id` is
    the id of the stage that this one was before a change; without it the name tells. Where a stage
    goes, and its time limit, has a default or stays as it was when it is empty or None here.
    """

    stage_name: str
    run_command: str
    container_name: str
    container_filename: str
    stage_description: str = ""
    container_description: str = ""
    routing_key: str = ""
    queue: str = ""
    exchange: str = ""
    timeout_seconds: int | None = None
    is_trusted: bool = False
    copy_of: int | None = None
    own_id: int | None = None
    upload: str = ""


@dataclass(frozen=True, slots=True)
class DefinitionDraft:
    """A definition to be created: its name and its stages in processing order.

    `requeue_stalled`: a task that nothing is heard of any more gets another attempt by itself.
    """

    definition_name: str
    stages: Sequence[StageDraft]
    definition_description: str = ""
    is_demo: bool = False
    requeue_stalled: bool = False


@dataclass(frozen=True, slots=True)
class DefinitionChange:
    """What is to change of a definition; what is None stays as it is.

    `version` is the one that the change was written for, where that is known.
    """

    definition_name: str | None = None
    definition_description: str | None = None
    stages: Sequence[StageDraft] | None = None
    version: int | None = None
    requeue_stalled: bool | None = None


@dataclass(frozen=True, slots=True)
class Routing:
    """Where tasks of a stage go, and for how many seconds a node may work on one.

    `names_queue`: the draft asks for this queue; otherwise the queue that serves the key is taken.
    """

    exchange: str
    routing_key: str
    queue: str
    timeout_seconds: int
    names_queue: bool


@dataclass(frozen=True, slots=True)
class StagePlan:
    """A stage as it will be stored, but for the place of its image.

    The image is the upload called `upload` unless there is a `source`: then it is a copy of that
    stage's or, with `keeps_image`, the very same file.
    """

    stage_name: str
    stage_description: str
    container_name: str
    container_description: str
    container_filename: str
    run_command: str
    routing: Routing
    is_trusted: bool
    upload: str
    source: Stage | None
    keeps_image: bool


def check_names(draft: DefinitionDraft) -> DefinitionDraft:
    """`draft` with its own texts cleaned.

    Raises:
        Invalid: which field, and why.

    """
    if not draft.stages:
        raise Required(field="stages")
    if len(draft.stages) > MOST_STAGES:
        raise BadRange(field="stages", low=1, high=MOST_STAGES)
    return replace(
        draft,
        definition_name=clean_text("definition_name", draft.definition_name, limit=NAME_LIMIT, required=True),
        definition_description=clean_text(
            "definition_description", draft.definition_description, limit=TEXT_LIMIT
        ),
    )


def plan_stages(
    definition_name: str,
    drafts: Sequence[StageDraft],
    *,
    sources: Sequence[Stage | None],
    befores: Sequence[Stage | None],
) -> list[StagePlan]:
    """What will be stored for `drafts`, in their order.

    `sources`: the stage that each takes its image from, None for an upload. `befores`: the stage
    that each was until now, None for a new one.

    Raises:
        Invalid: which field, and why.

    """
    plans = [
        _plan(definition_name, position, draft, source, before)
        for position, (draft, source, before) in enumerate(zip(drafts, sources, befores, strict=True))
    ]
    _check_distinct("stage_name", [plan.stage_name for plan in plans])
    _check_distinct("routing_key", [f"{plan.routing.exchange}/{plan.routing.routing_key}" for plan in plans])
    return plans


def draft_of(stage: Stage) -> StageDraft:
    """The draft that leaves `stage` as it is."""
    return StageDraft(
        stage_name=stage.stage_name,
        run_command=stage.run_command,
        container_name=stage.container_name,
        container_filename="",
        stage_description=stage.stage_description,
        container_description=stage.container_description,
        own_id=stage.id,
    )


def check_images(plans: Sequence[StagePlan], images: Mapping[str, BinaryIO]) -> None:
    """Whether `images` are those that `plans` call for, by name.

    Raises:
        MissingImage, UnexpectedFile: one is missing or empty, or nothing calls for it.

    """
    wanted = {plan.upload: plan.stage_name for plan in plans if plan.source is None}
    for upload, stage_name in wanted.items():
        image = images.get(upload)
        if image is None or not image.seek(0, 2):
            raise MissingImage(stage=stage_name)
        image.seek(0)
    for name in images:
        if name not in wanted:
            raise UnexpectedFile(name=name[:FILE_NAME_LIMIT])


def suggest_timeout(stage_name: str) -> int:
    """Return the time limit in seconds that a screen suggests: a node sleeps it out whole, so it is small."""
    return 60 if stage_name == PARSING else 120


def slug(text: str) -> str:
    """`text` in lower-case ASCII with hyphens, as a routing key can carry it."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "stage"


def _plan(
    definition_name: str, position: int, draft: StageDraft, source: Stage | None, before: Stage | None
) -> StagePlan:
    def text(field: str, value: str, limit: int, *, required: bool = False) -> str:
        return clean_text(f"stages.{position}.{field}", value, limit=limit, required=required)

    copied = source if draft.copy_of is not None else None

    def mine(field: str) -> str:
        return str(getattr(draft, field)) or _of(copied, field)

    name = text("stage_name", mine("stage_name"), NAME_LIMIT, required=True)
    command = copied.run_command if copied else draft.run_command
    command = text("run_command", command, COMMAND_LIMIT, required=True)
    container = mine("container_name") or _of(before, "container_name") or name
    is_as_trusted = source is not None and source.is_trusted and source.run_command == command
    return StagePlan(
        stage_name=name,
        stage_description=text("stage_description", mine("stage_description"), TEXT_LIMIT),
        container_name=text("container_name", container, NAME_LIMIT),
        container_description=text("container_description", mine("container_description"), TEXT_LIMIT),
        container_filename=source.container_filename if source else _file_name(draft),
        run_command=command,
        routing=_route(position, draft, before, slug(f"{definition_name}-{name}")),
        is_trusted=draft.is_trusted or is_as_trusted,
        upload=draft.upload or draft.container_filename,
        source=source,
        keeps_image=source is not None and before is not None and source.id == before.id,
    )


def _route(position: int, draft: StageDraft, before: Stage | None, default_key: str) -> Routing:
    key = draft.routing_key or _of(before, "routing_key") or default_key
    queue = draft.queue or key
    exchange = draft.exchange or _of(before, "exchange") or wire.EXCHANGE
    timeout = draft.timeout_seconds
    if timeout is None:
        timeout = before.timeout_seconds if before else DEFAULT_TIMEOUT
    for name, value in (("routing_key", key), ("exchange", exchange), ("queue", queue)):
        check_address(f"stages.{position}.{name}", value)
    if key in _REPORT_KEYS:
        raise ReservedKey(field=f"stages.{position}.routing_key", value=key)
    if not 1 <= timeout <= LONGEST_TIMEOUT:
        raise BadRange(field=f"stages.{position}.timeout_seconds", low=1, high=LONGEST_TIMEOUT)
    return Routing(exchange, key, queue, timeout, names_queue=bool(draft.queue))


def check_address(field: str, value: str) -> None:
    """Check the name of an exchange, a routing key or a queue.

    Raises:
        BadName, TooLong: nodes cannot read it, or AMQP cannot carry it.

    """
    if not wire.PLAIN.fullmatch(value):
        raise BadName(field=field, value=value[:KEY_LIMIT])
    if len(value) > KEY_LIMIT:
        raise TooLong(field=field, limit=KEY_LIMIT)


def _of(stage: Stage | None, field: str) -> str:
    return "" if stage is None else str(getattr(stage, field))


def _file_name(draft: StageDraft) -> str:
    return shown_file_name(draft.container_filename, limit=FILE_NAME_LIMIT, otherwise="image.tar.gz")


def _check_distinct(field: str, values: list[str]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise NotDistinct(field=field, value=value)
