"""Change a definition. Its stages change by a new version, so that what was submitted keeps its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.db import violates
from core.errors import ChangedMeanwhile, NameTaken, NotFound
from core.models import TaskDefinition
from core.services import audit
from core.services.audit import Deed
from core.services.definitions.create import check_trust, find_source
from core.services.definitions.drafts import (
    DefinitionChange,
    DefinitionDraft,
    StageDraft,
    StagePlan,
    check_images,
    check_names,
    draft_of,
    plan_stages,
)
from core.services.definitions.images import Image, store_images, superfluous
from core.services.definitions.queues import assign_queues, bind_stages, lock_bindings
from core.services.definitions.reading import Definition, Stage, find_stage, read_definition
from core.services.definitions.rows import (
    NAME_KEY,
    add_version,
    check_name_free,
    lock_definition,
    require_owner,
)
from core.services.leftovers import note_unneeded, remove_soon, removed_on_failure
from core.vocabulary import AuditAction


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be changed, judged by the definition as it was when it was read."""

    draft: DefinitionDraft
    before: Definition
    plans: Sequence[StagePlan]

    @property
    def touches_stages(self) -> bool:
        """Whether anything of a stage differs, so that a new version is called for."""
        if len(self.plans) != len(self.before.stages):
            return True
        return any(
            not _is_same(plan, stage) for plan, stage in zip(self.plans, self.before.stages, strict=True)
        )


def check_may_update(ctx: Context, actor: Actor, definition_id: int) -> None:
    """Whether `actor` may change the definition, before the images travel.

    Raises:
        NotFound, NotAllowed: as `update_definition`.

    """
    with ctx.db.transaction() as session:
        _owned(session, actor, definition_id)


def update_definition(
    ctx: Context, actor: Actor, definition_id: int, change: DefinitionChange, images: Mapping[str, BinaryIO]
) -> Definition:
    """Change name, description and stages of a definition; all or nothing.

    A stage of `change` is what it was before, by its `own_id` or its name: it keeps its image unless
    an upload comes for it. What was submitted keeps the stages and images that it was submitted
    under. An image that nothing needs any more is deleted after the commit.

    Raises:
        NotFound: there is no such definition.
        NotAllowed: only the professor who owns it; only an admin marks a stage as trusted.
        ChangedMeanwhile: somebody else has saved it in between.
        QueueTaken: another queue serves the routing key of a stage.
        Invalid, NameTaken, TooLarge, StorageUnavailable, DatabaseUnavailable: it stays as it was.

    """
    wanted = judge_change(ctx, actor, definition_id, change, images)
    with removed_on_failure(ctx) as stored:
        placed = store_images(ctx, wanted.plans, images, stored) if wanted.touches_stages else []
        try:
            with ctx.db.transaction() as session:
                after = _apply(session, ctx, actor, wanted, images=placed)
        except IntegrityError as error:
            if violates(error, NAME_KEY):
                raise NameTaken(name=wanted.draft.definition_name) from error
            raise
    remove_soon(ctx)
    return after


def judge_change(
    ctx: Context, actor: Actor, definition_id: int, change: DefinitionChange, images: Mapping[str, BinaryIO]
) -> Wanted:
    """What `change` comes to, judged by the definition as it is.

    Raises:
        NotFound, NotAllowed, ChangedMeanwhile, Invalid, NameTaken, QueueTaken: as `update_definition`.

    """
    with ctx.db.transaction() as session:
        definition = _owned(session, actor, definition_id)
        if change.version not in (None, definition.current_version):
            raise ChangedMeanwhile
        wanted = _judge(session, definition_id, change, images)
        check_trust(actor, wanted.draft.stages)
        check_name_free(session, definition.owner_id, wanted.draft.definition_name, definition_id)
    check_images(wanted.plans, images)
    return wanted


def _owned(session: Session, actor: Actor, definition_id: int) -> TaskDefinition:
    require(session, actor, Right.CREATE_DEFINITION)
    definition = session.get(TaskDefinition, definition_id)
    if definition is None:
        raise NotFound(what="task definition")
    require_owner(session, actor, definition)
    return definition


def _judge(
    session: Session, definition_id: int, change: DefinitionChange, images: Mapping[str, BinaryIO]
) -> Wanted:
    before = read_definition(session, definition_id)
    draft = check_names(_fill(change, before))
    befores = _match(session, draft.stages, before.stages)
    sources = []
    for position, (stage, own) in enumerate(zip(draft.stages, befores, strict=True)):
        is_uploaded = (stage.upload or stage.container_filename) in images
        sources.append(find_source(session, position, stage) or (None if is_uploaded else own))
    plans = plan_stages(draft.definition_name, draft.stages, sources=sources, befores=befores)
    return Wanted(draft, before, assign_queues(session, plans, definition_id))


def _fill(change: DefinitionChange, before: Definition) -> DefinitionDraft:
    name, description, stages = change.definition_name, change.definition_description, change.stages
    return DefinitionDraft(
        definition_name=before.definition_name if name is None else name,
        definition_description=before.definition_description if description is None else description,
        stages=[draft_of(stage) for stage in before.stages] if stages is None else stages,
        requeue_stalled=(
            before.requeue_stalled if change.requeue_stalled is None else change.requeue_stalled
        ),
    )


def _match(session: Session, drafts: Sequence[StageDraft], stages: Sequence[Stage]) -> list[Stage | None]:
    """What each draft was until now: by its own id, else by its name, else as a copy of itself.

    No stage is matched twice, so each keeps an image of its own.
    """
    free = {stage.id: stage for stage in stages}
    ids = {stage.stage_name: stage.id for stage in stages}
    befores: list[Stage | None] = [None] * len(drafts)
    ways: tuple[Callable[[StageDraft], int | None], ...] = (
        lambda draft: _as_it_is_now(session, draft.own_id),
        lambda draft: ids.get(draft.stage_name.strip()),
        lambda draft: _as_it_is_now(session, draft.copy_of),
    )
    for way in ways:
        for position, draft in enumerate(drafts):
            if befores[position] is None:
                befores[position] = free.pop(way(draft) or 0, None)
    return befores


def _as_it_is_now(session: Session, stage_id: int | None) -> int | None:
    if stage_id is None:
        return None
    try:
        return find_stage(session, stage_id).id
    except NotFound:
        return None


def _apply(
    session: Session, ctx: Context, actor: Actor, wanted: Wanted, *, images: Sequence[Image]
) -> Definition:
    definition = lock_definition(session, wanted.before.id)
    require_owner(session, actor, definition)
    if definition.current_version != wanted.before.version:
        raise ChangedMeanwhile
    definition.definition_name = wanted.draft.definition_name
    definition.definition_description = wanted.draft.definition_description
    definition.requeue_stalled = wanted.draft.requeue_stalled
    if wanted.touches_stages:
        lock_bindings(session)
        plans = assign_queues(session, wanted.plans, definition.id)
        definition.current_version += 1
        session.flush()
        add_version(session, ctx, definition, plans, images)
        bind_stages(session, ctx, plans)
        old = {stage.remote_storage_path for stage in wanted.before.stages}
        note_unneeded(session, ctx, superfluous(session, ctx, old - {image.path for image in images}))
    session.flush()
    deed = Deed(
        AuditAction.DEFINITION_CHANGED,
        definition.definition_name,
        before={"name": wanted.before.definition_name, "version": wanted.before.version},
        after={"name": definition.definition_name, "version": definition.current_version},
    )
    audit.record(session, ctx, actor, deed)
    return read_definition(session, definition.id)


def _is_same(plan: StagePlan, stage: Stage) -> bool:
    routing = plan.routing
    return (
        plan.keeps_image
        and plan.source == stage
        and (
            plan.stage_name,
            plan.stage_description,
            plan.container_name,
            plan.container_description,
            plan.run_command,
            (routing.exchange, routing.routing_key, routing.queue, routing.timeout_seconds),
            plan.is_trusted,
        )
        == (
            stage.stage_name,
            stage.stage_description,
            stage.container_name,
            stage.container_description,
            stage.run_command,
            (stage.exchange, stage.routing_key, stage.queue, stage.timeout_seconds),
            stage.is_trusted,
        )
    )
