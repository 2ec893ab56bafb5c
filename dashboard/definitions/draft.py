"""A definition while it is written: what was typed and chosen, whatever step is on screen."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from core.services import definitions
from core.services.definitions import (
    Definition,
    DefinitionChange,
    DefinitionDraft,
    Stage,
    StageDraft,
    StagePlan,
)
from core.vocabulary import EXECUTION, PARSING
from dashboard import i18n, shell
from dashboard.uploads import KeptFile

_ = i18n.gettext


@dataclass
class StageForm:
    """One stage. `image` is a chosen file, on disk; without one the image of `origin` stays or is copied."""

    uid: str = field(default_factory=lambda: secrets.token_hex(4))
    stage_name: str = ""
    stage_description: str = ""
    run_command: str = ""
    routing_key: str = ""
    queue: str = ""
    exchange: str = ""
    timeout_seconds: int = definitions.suggest_timeout("")
    origin: Stage | None = None
    is_copy: bool = False
    image: KeptFile | None = None
    image_name: str = ""
    image_size: int = 0

    def take(self, kept: KeptFile) -> None:
        """Make a chosen file the image."""
        self.image, self.image_name, self.image_size = kept, kept.name, kept.size

    @property
    def upload(self) -> str:
        """What the draft calls the chosen file; two stages may have files of the same name."""
        return f"image-{self.uid}"

    def draft(self) -> StageDraft:
        """As the use cases take it."""
        copies = self.is_copy and self.image is None
        return StageDraft(
            stage_name=self.stage_name,
            run_command=self.run_command,
            container_name="",
            container_filename=self.image_name,
            stage_description=self.stage_description,
            routing_key=self.routing_key.strip(),
            queue=self.queue.strip(),
            exchange=self.exchange.strip(),
            timeout_seconds=self.timeout_seconds,
            copy_of=self.origin.id if self.origin and copies else None,
            own_id=self.origin.id if self.origin and not self.is_copy else None,
            upload=self.upload,
        )


@dataclass
class DefinitionForm:
    """The whole; `definition_id` and `version` of the one that is edited, None for a new one."""

    definition_name: str = ""
    definition_description: str = ""
    stages: list[StageForm] = field(default_factory=list)
    definition_id: int | None = None
    version: int | None = None
    title: str = ""
    step: int = 0
    uid: str = field(default_factory=lambda: secrets.token_hex(4))
    saved: Definition | None = None
    """Set before anything is drawn: a second click finds the work done."""

    def draft(self) -> DefinitionDraft:
        """As the use cases take it."""
        stages = [stage.draft() for stage in self.stages]
        return DefinitionDraft(self.definition_name, stages, self.definition_description)

    def images(self) -> Mapping[str, BinaryIO]:
        """The chosen files."""
        chosen = ((stage.upload, stage.image) for stage in self.stages)
        return {name: cast("BinaryIO", image.file) for name, image in chosen if image is not None}

    def check(self, visit: shell.Visit) -> tuple[StagePlan, ...]:
        """What would be stored.

        Raises:
            UlosError: what is wrong.

        """
        return definitions.check_definition(
            visit.ctx,
            visit.actor,
            self.draft(),
            self.images(),
            definition_id=self.definition_id,
            version=self.version,
        )

    def save(self, visit: shell.Visit) -> None:
        """Create or change it, once.

        Raises:
            UlosError: what is wrong; nothing was kept.

        """
        draft, images = self.draft(), self.images()
        if self.saved is not None:
            return
        if self.definition_id is None:
            self.saved = definitions.create_definition(visit.ctx, visit.actor, draft, images)
            return
        change = DefinitionChange(
            draft.definition_name, draft.definition_description, draft.stages, self.version
        )
        self.saved = definitions.update_definition(visit.ctx, visit.actor, self.definition_id, change, images)


def new() -> DefinitionForm:
    """A form with the two usual stages."""
    stages = [
        StageForm(stage_name=name, timeout_seconds=definitions.suggest_timeout(name))
        for name in (PARSING, EXECUTION)
    ]
    return DefinitionForm(stages=stages)


def of(definition: Definition) -> DefinitionForm:
    """A form that edits `definition`."""
    return DefinitionForm(
        definition_name=definition.definition_name,
        definition_description=definition.definition_description,
        stages=[_stage(stage, is_copy=False) for stage in definition.stages],
        definition_id=definition.id,
        version=definition.version,
        title=definition.definition_name,
    )


def copy_of(definition: Definition) -> DefinitionForm:
    """A form that makes a new definition from the stages of `definition`, with images of its own."""
    return DefinitionForm(
        definition_name=_("{name} (copy)").format(name=definition.definition_name),
        definition_description=definition.definition_description,
        stages=[_stage(stage, is_copy=True) for stage in definition.stages],
    )


def _stage(stage: Stage, *, is_copy: bool) -> StageForm:
    return StageForm(
        stage_name=stage.stage_name,
        stage_description=stage.stage_description,
        run_command=stage.run_command,
        routing_key=stage.routing_key,
        queue="" if stage.queue == stage.routing_key else stage.queue,
        exchange=stage.exchange,
        timeout_seconds=stage.timeout_seconds,
        origin=stage,
        is_copy=is_copy,
    )
