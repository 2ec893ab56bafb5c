"""Create a definition: its rows and the image file of each stage, all or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import BinaryIO

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.db import violates
from core.errors import NameTaken, NotAllowed, NotFound, UnknownChoice
from core.models import TaskDefinition
from core.services import audit
from core.services.audit import Deed
from core.services.definitions.drafts import (
    DefinitionDraft,
    StageDraft,
    StagePlan,
    check_images,
    check_names,
    plan_stages,
)
from core.services.definitions.images import Image, store_images
from core.services.definitions.queues import assign_queues, bind_stages, lock_bindings
from core.services.definitions.reading import Definition, Stage, find_stage, read_definition
from core.services.definitions.rows import NAME_KEY, add_version, check_name_free
from core.services.leftovers import removed_on_failure
from core.vocabulary import AuditAction


def check_may_create(ctx: Context, actor: Actor) -> None:
    """Whether `actor` creates definitions at all, before the images travel.

    Raises:
        NotAllowed: only professors do.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.CREATE_DEFINITION)


def create_definition(
    ctx: Context, actor: Actor, draft: DefinitionDraft, images: Mapping[str, BinaryIO]
) -> Definition:
    """Create a definition and store the image of each stage on FTP; all or nothing.

    `images`: uploads by the name that the stages call them.

    Raises:
        NotAllowed: only professors create definitions; only an admin marks a stage as trusted.
        QueueTaken: another queue serves the routing key of a stage.
        Invalid, NameTaken, TooLarge, StorageUnavailable, DatabaseUnavailable: nothing was kept.

    """
    draft, plans = judge_new(ctx, actor, draft, images)
    with removed_on_failure(ctx) as stored:
        placed = store_images(ctx, plans, images, stored)
        try:
            with ctx.db.transaction() as session:
                require(session, actor, Right.CREATE_DEFINITION)
                definition_id = _insert(session, ctx, actor, draft, plans=plans, images=placed)
                deed = Deed(AuditAction.DEFINITION_CREATED, draft.definition_name, after={"version": 1})
                audit.record(session, ctx, actor, deed)
                return read_definition(session, definition_id)
        except IntegrityError as error:
            if violates(error, NAME_KEY):
                raise NameTaken(name=draft.definition_name) from error
            raise


def judge_new(
    ctx: Context, actor: Actor, draft: DefinitionDraft, images: Mapping[str, BinaryIO]
) -> tuple[DefinitionDraft, list[StagePlan]]:
    """`draft` with its texts cleaned, and what would be stored for its stages.

    Raises:
        NotAllowed, Invalid, NameTaken, QueueTaken: as `create_definition`.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.CREATE_DEFINITION)
        check_trust(actor, draft.stages)
        draft = check_names(draft)
        check_name_free(session, actor.user_id, draft.definition_name)
        sources = [find_source(session, *entry) for entry in enumerate(draft.stages)]
        befores = [None] * len(sources)
        plans = plan_stages(draft.definition_name, draft.stages, sources=sources, befores=befores)
        plans = assign_queues(session, plans)
    check_images(plans, images)
    return draft, plans


def check_trust(actor: Actor, stages: Sequence[StageDraft]) -> None:
    """Whether `actor` may mark what is marked as trusted here.

    Raises:
        NotAllowed: only an admin does that.

    """
    if any(stage.is_trusted for stage in stages) and not (actor.is_admin or actor.is_platform):
        raise NotAllowed


def find_source(session: Session, position: int, draft: StageDraft) -> Stage | None:
    """The stage that the draft at `position` is copied from, if any.

    Raises:
        UnknownChoice: it does not exist.

    """
    if draft.copy_of is None:
        return None
    try:
        return find_stage(session, draft.copy_of)
    except NotFound as error:
        raise UnknownChoice(field=f"stages.{position}.stage_id", value=draft.copy_of) from error


def _insert(
    session: Session,
    ctx: Context,
    actor: Actor,
    draft: DefinitionDraft,
    *,
    plans: Sequence[StagePlan],
    images: Sequence[Image],
) -> int:
    definition = TaskDefinition(
        definition_name=draft.definition_name,
        definition_description=draft.definition_description,
        owner_id=actor.user_id,
        current_version=1,
        is_demo=draft.is_demo,
        requeue_stalled=draft.requeue_stalled,
        creation_timestamp=ctx.now(),
    )
    lock_bindings(session)
    plans = assign_queues(session, plans)
    session.add(definition)
    session.flush()
    add_version(session, ctx, definition, plans, images)
    bind_stages(session, ctx, plans)
    return definition.id
