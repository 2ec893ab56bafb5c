"""Task definitions: how work is processed, stage by stage."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core import wire
from core.auth import Right, require
from core.context import Actor, Context
from core.db import notify
from core.errors import (
    BadName,
    BadRange,
    MissingImage,
    NameTaken,
    NotAllowed,
    NotDistinct,
    NotFound,
    Required,
    TooLong,
)
from core.models import DefinitionStage, DefinitionVersion, ProcessingStage, TaskDefinition
from core.services.uploads import measure

DEFINITIONS_TOPIC = "definitions"
"""What `NOTIFY` says when a definition was made or changed."""

NAME_LIMIT = 100
LONGEST_TIMEOUT = 24 * 3600


@dataclass(frozen=True, slots=True)
class StageDraft:
    """A stage as a professor describes it (contract 1.2).

    `container_filename` names the upload that holds the image; with `copy_of`, the id of a stage
    of some definition, name, command and image are taken from there instead.
    """

    stage_name: str
    run_command: str
    container_name: str
    container_filename: str
    stage_description: str = ""
    container_description: str = ""
    routing_key: str = ""
    queue: str = ""
    exchange: str = wire.EXCHANGE
    timeout_seconds: int = 300
    is_trusted: bool = False
    copy_of: int | None = None


@dataclass(frozen=True, slots=True)
class DefinitionDraft:
    """A definition to be created: its name and its stages in processing order."""

    definition_name: str
    stages: Sequence[StageDraft]
    definition_description: str = ""
    is_demo: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a definition as it stands."""

    id: int
    position: int
    stage_name: str
    stage_description: str
    container_name: str
    container_description: str
    container_filename: str
    remote_storage_path: str
    image_size: int
    image_sha256: str
    run_command: str
    exchange: str
    routing_key: str
    queue: str
    timeout_seconds: int
    is_trusted: bool


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition with the stages of its current version, in processing order."""

    id: int
    definition_name: str
    definition_description: str
    owner_id: int
    is_demo: bool
    version: int
    creation_timestamp: datetime
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class Download:
    """A file on its way out: what to call it, its size in bytes, its content in pieces."""

    filename: str
    size: int | None
    pieces: Iterator[bytes]


def list_definitions(ctx: Context, actor: Actor) -> list[Definition]:
    """All definitions, by name."""
    with ctx.db.transaction() as session:
        require(session, actor, Right.READ_DEFINITIONS)
        found = session.scalars(select(TaskDefinition).order_by(TaskDefinition.definition_name)).all()
        stages = _stages_of(session, [definition.id for definition in found])
        return [_view(definition, stages[definition.id]) for definition in found]


def get_definition(ctx: Context, actor: Actor, definition_id: int) -> Definition:
    """One definition.

    Raises:
        NotFound: there is none with this id.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.READ_DEFINITIONS)
        definition = session.get(TaskDefinition, definition_id)
        if definition is None:
            raise NotFound(what="task definition")
        return _view(definition, _stages_of(session, [definition_id])[definition_id])


def open_image(ctx: Context, actor: Actor, definition_id: int, position: int) -> Download:
    """The image file of the stage at `position` (from 0), as a stream."""
    definition = get_definition(ctx, actor, definition_id)
    stage = next((stage for stage in definition.stages if stage.position == position), None)
    if stage is None:
        raise NotFound(what="stage")
    return Download(stage.container_filename, stage.image_size, ctx.storage.stream(stage.remote_storage_path))


def create_definition(
    ctx: Context, actor: Actor, draft: DefinitionDraft, images: Mapping[str, BinaryIO]
) -> Definition:
    """Create a definition and store the image of each stage on FTP; all or nothing.

    `images`: uploads by the file name that the stages call them.

    Raises:
        NotAllowed: only professors create definitions; only an admin marks a stage as trusted.
        Invalid, NameTaken, MissingImage, TooLarge: nothing was kept.
        StorageUnavailable: nothing was kept.

    """
    _check_draft(draft)
    with ctx.db.transaction() as session:
        require(session, actor, Right.CREATE_DEFINITION)
        _check_trust(actor, draft)
        _check_name_free(session, actor, draft.definition_name)
        copied = _copied_stages(session, draft)
    stored: dict[int, _Image] = {}
    try:
        for position, stage in enumerate(draft.stages):
            source = copied.get(position)
            stored[position] = (
                _Image(source.remote_storage_path, source.image_size, source.image_sha256, ours=False)
                if source is not None
                else _store_image(ctx, stage, images)
            )
        with ctx.db.transaction() as session:
            _check_name_free(session, actor, draft.definition_name)
            definition_id = _insert(session, ctx, actor, draft, images=stored, copied=copied)
            notify(session, DEFINITIONS_TOPIC)
    except BaseException:
        for image in stored.values():
            if image.ours:
                ctx.storage.delete(image.path)
        raise
    return get_definition(ctx, actor, definition_id)


@dataclass(frozen=True, slots=True)
class _Image:
    path: str
    size: int
    sha256: str
    ours: bool
    """Stored for this definition, so removed again if the definition does not come to be."""


def _check_draft(draft: DefinitionDraft) -> None:
    if not draft.definition_name.strip():
        raise Required(field="definition_name")
    if len(draft.definition_name) > NAME_LIMIT:
        raise TooLong(field="definition_name", limit=NAME_LIMIT)
    if not draft.stages:
        raise Required(field="stages")
    for stage in draft.stages:
        _check_stage(stage)
    _check_distinct("stage_name", [stage.stage_name.strip() for stage in draft.stages])
    _check_distinct("routing_key", [f"{s.exchange}/{_routing_key(draft, s)}" for s in draft.stages])


def _check_stage(stage: StageDraft) -> None:
    if not stage.stage_name.strip():
        raise Required(field="stage_name")
    if len(stage.stage_name) > NAME_LIMIT:
        raise TooLong(field="stage_name", limit=NAME_LIMIT)
    if stage.copy_of is None and not stage.run_command.strip():
        raise Required(field="run_command")
    for field, value in (("routing_key", stage.routing_key), ("exchange", stage.exchange)):
        if value and not wire.PLAIN.fullmatch(value):
            raise BadName(field=field, value=value)
    if not 1 <= stage.timeout_seconds <= LONGEST_TIMEOUT:
        raise BadRange(field="timeout_seconds", low=1, high=LONGEST_TIMEOUT)


def _check_distinct(field: str, values: list[str]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise NotDistinct(field=field, value=value)


def _check_trust(actor: Actor, draft: DefinitionDraft) -> None:
    if any(stage.is_trusted for stage in draft.stages) and not (actor.is_admin or actor.is_platform):
        raise NotAllowed


def _check_name_free(session: Session, actor: Actor, name: str) -> None:
    taken = select(TaskDefinition.id).where(
        TaskDefinition.owner_id == actor.user_id, TaskDefinition.definition_name == name.strip()
    )
    if session.scalar(taken):
        raise NameTaken(name=name.strip())


def _routing_key(draft: DefinitionDraft, stage: StageDraft) -> str:
    return stage.routing_key or slug(f"{draft.definition_name}-{stage.stage_name}")


def slug(text: str) -> str:
    """`text` in lower-case ASCII with hyphens, as a routing key can carry it."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "stage"


def _store_image(ctx: Context, stage: StageDraft, images: Mapping[str, BinaryIO]) -> _Image:
    source = images.get(stage.container_filename)
    if source is None:
        raise MissingImage(stage=stage.stage_name)
    measured = measure(source, ctx.settings)
    path = ctx.storage.path("images", f"{secrets.token_hex(12)}.tar.gz")
    return _Image(path, ctx.storage.upload(path, source), measured.sha256, ours=True)


def _copied_stages(session: Session, draft: DefinitionDraft) -> dict[int, DefinitionStage]:
    """The stages that the draft takes over from elsewhere, by their position in the draft."""
    copied: dict[int, DefinitionStage] = {}
    for position, stage in enumerate(draft.stages):
        if stage.copy_of is not None:
            row = session.get(DefinitionStage, stage.copy_of)
            if row is None:
                raise NotFound(what="stage")
            copied[position] = row
    return copied


def _insert(
    session: Session,
    ctx: Context,
    actor: Actor,
    draft: DefinitionDraft,
    *,
    images: Mapping[int, _Image],
    copied: Mapping[int, DefinitionStage],
) -> int:
    definition = TaskDefinition(
        definition_name=draft.definition_name.strip(),
        definition_description=draft.definition_description,
        owner_id=actor.user_id,
        is_demo=draft.is_demo,
        creation_timestamp=ctx.now(),
    )
    session.add(definition)
    session.flush()
    version = DefinitionVersion(definition_id=definition.id, number=1, created_at=ctx.now())
    session.add(version)
    session.flush()
    for position, stage in enumerate(draft.stages):
        source = copied.get(position)
        image = images[position]
        key = _routing_key(draft, stage)
        session.add(
            DefinitionStage(
                version_id=version.id,
                position=position,
                stage_id=_stage_id(session, stage.stage_name.strip()),
                stage_description=stage.stage_description,
                container_name=stage.container_name
                or (source.container_name if source else stage.stage_name),
                container_description=stage.container_description,
                container_filename=source.container_filename if source else stage.container_filename,
                remote_storage_path=image.path,
                image_size=image.size,
                image_sha256=image.sha256,
                run_command=source.run_command if source else stage.run_command.strip(),
                exchange=stage.exchange,
                routing_key=key,
                queue=stage.queue or key,
                timeout_seconds=stage.timeout_seconds,
                is_trusted=source.is_trusted if source else stage.is_trusted,
            )
        )
    return definition.id


def _stage_id(session: Session, name: str) -> int:
    session.execute(insert(ProcessingStage).values(stage_name=name).on_conflict_do_nothing())
    return session.scalars(select(ProcessingStage.id).where(ProcessingStage.stage_name == name)).one()


def _stages_of(session: Session, definition_ids: Sequence[int]) -> dict[int, tuple[Stage, ...]]:
    rows = session.execute(
        select(DefinitionStage, ProcessingStage.stage_name, TaskDefinition.id)
        .join(ProcessingStage, ProcessingStage.id == DefinitionStage.stage_id)
        .join(DefinitionVersion, DefinitionVersion.id == DefinitionStage.version_id)
        .join(
            TaskDefinition,
            (TaskDefinition.id == DefinitionVersion.definition_id)
            & (TaskDefinition.current_version == DefinitionVersion.number),
        )
        .where(TaskDefinition.id.in_(definition_ids))
        .order_by(DefinitionStage.position)
    )
    stages: dict[int, list[Stage]] = {definition_id: [] for definition_id in definition_ids}
    for row, stage_name, definition_id in rows:
        stages[definition_id].append(_stage_view(row, stage_name))
    return {definition_id: tuple(found) for definition_id, found in stages.items()}


def _stage_view(row: DefinitionStage, stage_name: str) -> Stage:
    own = {name: getattr(row, name) for name in Stage.__slots__ if name != "stage_name"}
    return Stage(stage_name=stage_name, **own)


def _view(definition: TaskDefinition, stages: tuple[Stage, ...]) -> Definition:
    return Definition(
        id=definition.id,
        definition_name=definition.definition_name,
        definition_description=definition.definition_description,
        owner_id=definition.owner_id,
        is_demo=definition.is_demo,
        version=definition.current_version,
        creation_timestamp=definition.creation_timestamp,
        stages=stages,
    )
