"""Judge a definition before it is saved: what would be stored, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import BinaryIO

from core.context import Actor, Context
from core.services.definitions.create import judge_new
from core.services.definitions.drafts import DefinitionChange, DefinitionDraft, StagePlan
from core.services.definitions.update import judge_change


def check_definition(
    ctx: Context,
    actor: Actor,
    draft: DefinitionDraft,
    images: Mapping[str, BinaryIO],
    *,
    definition_id: int | None = None,
    version: int | None = None,
) -> tuple[StagePlan, ...]:
    """The stages as `create_definition` would store them or, with an id, `update_definition`.

    Nothing is stored. Defaults are filled in, so that a person sees them before they save.

    Raises:
        NotFound, NotAllowed, ChangedMeanwhile, Invalid, NameTaken: as those two.

    """
    if definition_id is None:
        return tuple(judge_new(ctx, actor, draft, images)[1])
    change = DefinitionChange(draft.definition_name, draft.definition_description, draft.stages, version)
    return tuple(judge_change(ctx, actor, definition_id, change, images).plans)
