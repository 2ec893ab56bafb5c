"""Delete a definition that nothing uses."""

from __future__ import annotations

from sqlalchemy import select

from core.auth import Right, require
from core.context import Actor, Context
from core.db import natural, notify
from core.errors import InUse
from core.models import Assignment, DefinitionStage, DefinitionVersion, Task
from core.services import audit, dry_runs
from core.services.audit import Deed
from core.services.definitions.queues import release_unneeded
from core.services.definitions.rows import DEFINITIONS_TOPIC, lock_definition, require_owner
from core.services.leftovers import note_unneeded, remove_soon
from core.vocabulary import AuditAction


def delete_definition(ctx: Context, actor: Actor, definition_id: int) -> None:
    """Delete a definition with its stages and dry runs and, after the commit, their files.

    Raises:
        NotFound: there is none with this id.
        NotAllowed: only the professor who owns it.
        InUse: assignments use it; it names them.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.CREATE_DEFINITION)
        definition = lock_definition(session, definition_id)
        require_owner(session, actor, definition)
        users = session.scalars(
            select(Assignment.assignment_name)
            .where(Assignment.definition_id == definition_id)
            .order_by(natural(Assignment.assignment_name), Assignment.id)
        ).all()
        if users:
            raise InUse(names=tuple(users))
        paths = session.scalars(
            select(DefinitionStage.remote_storage_path)
            .join(DefinitionVersion, DefinitionVersion.id == DefinitionStage.version_id)
            .where(DefinitionVersion.definition_id == definition_id)
        )
        note_unneeded(session, ctx, set(paths))
        dry_runs.remove(session, ctx, Task.dry_run_of == definition_id)
        before: dict[str, object] = {"version": definition.current_version}
        deed = Deed(AuditAction.DEFINITION_DELETED, definition.definition_name, before=before)
        audit.record(session, ctx, actor, deed)
        session.delete(definition)
        session.flush()
        release_unneeded(session, ctx)
        notify(session, DEFINITIONS_TOPIC)
    remove_soon(ctx)
