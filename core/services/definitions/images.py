"""The image files of stages: each stage has its own, which nothing else refers to."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import BinaryIO

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.orm import Session

from core.context import Actor, Context
from core.errors import MissingImage, NotFound
from core.models import DefinitionStage, DefinitionVersion, Task, TaskAttempt, TaskDefinition
from core.services.definitions.drafts import StagePlan
from core.services.definitions.reading import Stage, get_definition
from core.services.downloads import Download
from core.services.uploads import measure
from core.vocabulary import StageStatus

KEPT_FOR_FAILED = timedelta(days=7)
"""How long an attempt that failed keeps its images: the orchestrator may put it back by itself."""


@dataclass(frozen=True, slots=True)
class Image:
    """Where an image is, its size in bytes and its SHA-256 (hexadecimal)."""

    path: str
    size: int
    sha256: str


def open_image(ctx: Context, actor: Actor, definition_id: int, stage: int | str) -> Download:
    """The image file of a stage, by its position (from 0) or its name.

    Raises:
        NotFound: there is no such definition or stage.

    """
    definition = get_definition(ctx, actor, definition_id)
    found = next((one for one in definition.stages if stage in (one.position, one.stage_name)), None)
    if found is None:
        raise NotFound(what="stage")
    return Download(
        found.container_filename,
        found.image_size,
        partial(ctx.storage.stream, found.remote_storage_path),
        found.image_sha256,
    )


def store_images(
    ctx: Context, plans: Sequence[StagePlan], uploads: Mapping[str, BinaryIO], stored: list[str]
) -> list[Image]:
    """Put the image of each plan in its place, in their order.

    `stored`: gets the path of each new file before its first byte travels.

    Raises:
        TooLarge: an upload.
        MissingImage: the image that was to be copied has just been replaced.
        StorageUnavailable: try again.

    """
    images = []
    for plan in plans:
        if plan.source is not None and plan.keeps_image:
            images.append(_image_of(plan.source, plan.source.remote_storage_path))
            continue
        path = ctx.storage.path("images", f"{secrets.token_hex(12)}.tar.gz")
        stored.append(path)
        if plan.source is None:
            source = uploads[plan.upload]
            measured = measure(source, ctx.settings)
            images.append(Image(path, ctx.storage.upload(path, source), measured.sha256))
        else:
            images.append(_copy(ctx, plan, plan.source, path))
    return images


def _copy(ctx: Context, plan: StagePlan, source: Stage, path: str) -> Image:
    try:
        ctx.storage.copy(source.remote_storage_path, path)
    except NotFound as error:
        raise MissingImage(stage=plan.stage_name) from error
    return _image_of(source, path)


def _image_of(stage: Stage, path: str) -> Image:
    return Image(path, stage.image_size, stage.image_sha256)


def needed_images(ctx: Context) -> Select[str]:
    """The paths that stages of current versions have, and those that attempts still need."""
    return (
        select(DefinitionStage.remote_storage_path)
        .join(DefinitionVersion, DefinitionVersion.id == DefinitionStage.version_id)
        .join(TaskDefinition, TaskDefinition.id == DefinitionVersion.definition_id)
        .where(is_needed(ctx))
    )


def is_needed(ctx: Context) -> ColumnElement[bool]:
    """Whether the stages of a version are needed, for queries that join it with its definition.

    A version that was replaced is needed while an attempt under it has not ended, or failed lately.
    No new attempt can come under it: `open_attempt` locks the definition.
    """
    is_current = TaskDefinition.current_version == DefinitionVersion.number
    runs_again = (Task.status_id == StageStatus.FAILED) & (TaskAttempt.ended_at > ctx.now() - KEPT_FOR_FAILED)
    is_used = exists().where(
        TaskAttempt.version_id == DefinitionVersion.id,
        TaskAttempt.closed_at.is_(None),
        Task.id == TaskAttempt.task_id,
        or_(TaskAttempt.ended_at.is_(None), runs_again),
    )
    return or_(is_current, is_used)


def superfluous(session: Session, ctx: Context, paths: Collection[str]) -> list[str]:
    """Those of `paths` that no stage or attempt needs any more."""
    needed = set(session.scalars(needed_images(ctx).where(DefinitionStage.remote_storage_path.in_(paths))))
    return [path for path in paths if path not in needed]
