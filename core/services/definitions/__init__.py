"""Task definitions: how work is processed, stage by stage."""

from core.services.definitions.check import check_definition
from core.services.definitions.create import check_may_create, create_definition
from core.services.definitions.delete import delete_definition
from core.services.definitions.drafts import (
    MOST_STAGES,
    NAME_LIMIT,
    DefinitionChange,
    DefinitionDraft,
    StageDraft,
    StagePlan,
    slug,
    suggest_timeout,
)
from core.services.definitions.images import needed_images, open_image
from core.services.definitions.queues import (
    RoutingKey,
    list_keys,
    list_stray,
    move_key,
    release_unneeded,
)
from core.services.definitions.reading import (
    Definition,
    DefinitionPage,
    Stage,
    get_definition,
    list_definitions,
    page_definitions,
)
from core.services.definitions.rows import DEFINITIONS_TOPIC
from core.services.definitions.update import check_may_update, update_definition
from core.services.definitions.usage import DefinitionUsage, UsingAssignment, list_usage
from core.services.downloads import Download

__all__ = [
    "DEFINITIONS_TOPIC",
    "MOST_STAGES",
    "NAME_LIMIT",
    "Definition",
    "DefinitionChange",
    "DefinitionDraft",
    "DefinitionPage",
    "DefinitionUsage",
    "Download",
    "RoutingKey",
    "Stage",
    "StageDraft",
    "StagePlan",
    "UsingAssignment",
    "check_definition",
    "check_may_create",
    "check_may_update",
    "create_definition",
    "delete_definition",
    "get_definition",
    "list_definitions",
    "list_keys",
    "list_stray",
    "list_usage",
    "move_key",
    "needed_images",
    "open_image",
    "page_definitions",
    "release_unneeded",
    "slug",
    "suggest_timeout",
    "update_definition",
]
