"""The rows of a definition's versions and stages, for the use cases that write them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.db import notify
from core.errors import NameTaken, NotAllowed, NotFound, NotOwner
from core.models import DefinitionStage, DefinitionVersion, ProcessingStage, TaskDefinition, User
from core.services.definitions.drafts import StagePlan
from core.services.definitions.images import Image

DEFINITIONS_TOPIC = "definitions"
"""What `NOTIFY` says when stages were made or changed, and with them where tasks are routed."""

NAME_KEY = "uq_task_definition_owner_id_definition_name"
"""The constraint that holds names distinct when two people save at once."""


def require_owner(session: Session, actor: Actor, definition: TaskDefinition) -> None:
    """Let `actor` pass if the definition is theirs.

    Raises:
        NotAllowed: no professor; NotOwner says whose it is.

    """
    require(session, actor, Right.CREATE_DEFINITION)
    try:
        require(session, actor, Right.EDIT_DEFINITION, owner_id=definition.owner_id)
    except NotAllowed as denied:
        owner = session.scalars(select(User.email).where(User.id == definition.owner_id)).one()
        raise NotOwner(owner=owner) from denied


def lock_definition(session: Session, definition_id: int) -> TaskDefinition:
    """The definition, until the transaction ends: no attempt or assignment begins meanwhile.

    Raises:
        NotFound: there is none with this id.

    """
    found = session.get(TaskDefinition, definition_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound(what="task definition")
    return found


def check_name_free(session: Session, owner_id: int | None, name: str, own_id: int | None = None) -> None:
    """Whether the owner has no other definition of this name.

    Raises:
        NameTaken: there is one.

    """
    twin = session.scalar(
        select(TaskDefinition.id).where(
            TaskDefinition.owner_id == owner_id, TaskDefinition.definition_name == name
        )
    )
    if twin is not None and twin != own_id:
        raise NameTaken(name=name)


def add_version(
    session: Session,
    ctx: Context,
    definition: TaskDefinition,
    plans: Sequence[StagePlan],
    images: Sequence[Image],
) -> None:
    """The stages of `definition.current_version`."""
    version = DefinitionVersion(
        definition_id=definition.id, number=definition.current_version, created_at=ctx.now()
    )
    session.add(version)
    session.flush()
    stage_ids = _stage_ids(session, [plan.stage_name for plan in plans])
    for position, (plan, image) in enumerate(zip(plans, images, strict=True)):
        session.add(
            DefinitionStage(
                version_id=version.id,
                position=position,
                stage_id=stage_ids[plan.stage_name],
                stage_description=plan.stage_description,
                container_name=plan.container_name,
                container_description=plan.container_description,
                container_filename=plan.container_filename,
                remote_storage_path=image.path,
                image_size=image.size,
                image_sha256=image.sha256,
                run_command=plan.run_command,
                exchange=plan.routing.exchange,
                routing_key=plan.routing.routing_key,
                queue=plan.routing.queue,
                timeout_seconds=plan.routing.timeout_seconds,
                is_trusted=plan.is_trusted,
            )
        )
    session.flush()
    notify(session, DEFINITIONS_TOPIC)


def _stage_ids(session: Session, names: Sequence[str]) -> dict[str, int]:
    rows = [
        {"stage_name": name} for name in sorted(names)
    ]  # in one order, so that no two wait for each other
    session.execute(insert(ProcessingStage).on_conflict_do_nothing(), rows)
    found = session.execute(
        select(ProcessingStage.stage_name, ProcessingStage.id).where(ProcessingStage.stage_name.in_(names))
    )
    return {row.stage_name: row.id for row in found}
