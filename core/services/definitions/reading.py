"""Definitions as they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, literal, select, tuple_
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.db import natural
from core.errors import BadCursor, NotFound
from core.models import DefinitionStage, DefinitionVersion, ProcessingStage, TaskDefinition
from core.services.paging import decode_cursor, encode_cursor


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
    requeue_stalled: bool
    version: int
    creation_timestamp: datetime
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class DefinitionPage:
    """Some definitions, by name; `next_cursor` is None on the last page."""

    items: tuple[Definition, ...]
    next_cursor: str | None


def list_definitions(ctx: Context, actor: Actor) -> list[Definition]:
    """All definitions, by name."""
    with ctx.db.transaction() as session:
        require(session, actor, Right.READ_DEFINITIONS)
        return _views(session, _by_name())


def page_definitions(ctx: Context, actor: Actor, *, limit: int, cursor: str | None = None) -> DefinitionPage:
    """`limit` definitions, by name, after those of the page that answered `cursor`.

    Raises:
        BadCursor: no page answered it, or the definition that it ended with is gone.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.READ_DEFINITIONS)
        query = _by_name().limit(limit + 1)
        if cursor is not None:
            last = session.get(TaskDefinition, decode_cursor(cursor))
            if last is None:
                raise BadCursor
            place = tuple_(natural(TaskDefinition.definition_name), TaskDefinition.id)
            query = query.where(place > tuple_(natural(literal(last.definition_name)), literal(last.id)))
        found = _views(session, query)
    items = tuple(found[:limit])
    return DefinitionPage(items, encode_cursor(items[-1].id) if len(found) > limit else None)


def get_definition(ctx: Context, actor: Actor, definition_id: int) -> Definition:
    """One definition.

    Raises:
        NotFound: there is none with this id.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.READ_DEFINITIONS)
        return read_definition(session, definition_id)


def read_definition(session: Session, definition_id: int) -> Definition:
    """One definition, for use cases that have asked for their right.

    Raises:
        NotFound: there is none with this id.

    """
    found = _views(session, select(TaskDefinition).where(TaskDefinition.id == definition_id))
    if not found:
        raise NotFound(what="task definition")
    return found[0]


def find_stage(session: Session, stage_id: int) -> Stage:
    """The stage `stage_id` as it is now, by the id of it in whatever version of its definition.

    Raises:
        NotFound: there is none, or its definition has no stage of this name any more.

    """
    then = session.execute(
        select(DefinitionVersion.definition_id, ProcessingStage.stage_name)
        .join(DefinitionStage, DefinitionStage.version_id == DefinitionVersion.id)
        .join(ProcessingStage, ProcessingStage.id == DefinitionStage.stage_id)
        .where(DefinitionStage.id == stage_id)
    ).one_or_none()
    if then is None:
        raise NotFound(what="stage")
    definition_id, stage_name = then
    stages = _stages_of(session, [definition_id])[definition_id]
    by_id = next((stage for stage in stages if stage.id == stage_id), None)
    now = by_id or next((stage for stage in stages if stage.stage_name == stage_name), None)
    if now is None:
        raise NotFound(what="stage")
    return now


def _by_name() -> Select[TaskDefinition]:
    return select(TaskDefinition).order_by(natural(TaskDefinition.definition_name), TaskDefinition.id)


def _views(session: Session, query: Select[TaskDefinition]) -> list[Definition]:
    found = session.scalars(query).all()
    stages = _stages_of(session, [definition.id for definition in found])
    return [_view(definition, stages[definition.id]) for definition in found]


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
        requeue_stalled=definition.requeue_stalled,
        version=definition.current_version,
        creation_timestamp=definition.creation_timestamp,
        stages=stages,
    )
