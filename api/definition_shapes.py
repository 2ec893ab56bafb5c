"""Task definitions as they come in and go out (contract 1.2)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from core.services.definitions import Definition, Stage, StageDraft

EXAMPLE_IN: dict[str, JsonValue] = {
    "definition_name": "G-code",
    "definition_description": "Parses a print and simulates it",
    "stages": [
        {
            "stage_id": None,
            "stage_name": "PARSING",
            "stage_description": "Reads the file",
            "use_existing": False,
            "container": {
                "container_name": "gcode-parser",
                "container_description": "",
                "run_command": "python parse.py",
                "container_filename": "parser.tar.gz",
            },
            "routing_key": "gcode-execution",
            "timeout_seconds": 60,
        }
    ],
}

EXAMPLE_OUT: dict[str, JsonValue] = {
    "id": 3,
    "definition_name": "G-code",
    "definition_description": "Parses a print and simulates it",
    "owner_id": 2,
    "version": 1,
    "is_demo": False,
    "requeue_stalled": False,
    "creation_timestamp": "2026-03-02T15:00:00Z",
    "stages": [
        {
            "stage_id": 5,
            "stage_name": "PARSING",
            "stage_description": "Reads the file",
            "container": {
                "container_name": "gcode-parser",
                "container_description": "",
                "container_filename": "parser.tar.gz",
                "remote_storage_path": "/ulos/images/5f2a9c0d1e3b4a6f7c8d9e0a.tar.gz",
                "run_command": "python parse.py",
                "image_size": 20480,
                "image_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            },
            "exchange": "processing-exchange",
            "routing_key": "gcode-execution",
            "queue": "gcode-execution",
            "timeout_seconds": 60,
        }
    ],
}

Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
"""The web UI sends null for what it leaves empty."""

StageId = Annotated[
    Annotated[int, Field(ge=1, lt=2**63)] | None,
    BeforeValidator(lambda value: None if value == "" else value),
]
"""Its digits as a text will do, as the web UI sends it."""


class ContainerIn(BaseModel):
    """How a stage is run."""

    container_name: Text = ""
    container_description: Text = ""
    run_command: Text = ""
    container_filename: Text = Field("", description="Name of the upload with its image")


class StageIn(BaseModel):
    """A stage to be created or kept."""

    stage_id: StageId = Field(
        None,
        description="With `use_existing` the stage to be copied; else which stage of this definition it was",
    )
    stage_name: Text = Field("", description="Distinct within the definition")
    stage_description: Text = ""
    use_existing: bool = Field(
        False, description="Copy name, command and image of `stage_id` as they are now"
    )
    container: ContainerIn | None = None
    routing_key: Text = Field(
        "",
        description="Which nodes run it; `GET /task-definitions/keys` lists those that nodes know."
        " Default: definition and stage as an ASCII slug",
    )
    queue: Text = Field(
        "", description="Default: the queue of the routing key, which all definitions share, else the key"
    )
    exchange: Text = Field("", description="Default: processing-exchange")
    timeout_seconds: int | None = Field(
        None,
        description="Default: 300, answered back. A node holds one of 8 threads for the whole of it, so"
        " name the smallest that will do",
    )


class DefinitionIn(BaseModel):
    """A definition to be created: its stages in processing order."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE_IN})

    definition_name: str
    definition_description: Text = ""
    requeue_stalled: bool = Field(
        False, description="A task that nothing is heard of any more gets another attempt by itself"
    )
    stages: list[StageIn]


class DefinitionChangeIn(BaseModel):
    """What is to change; what is left out stays. A stage keeps its image unless an upload comes for it."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE_IN})

    definition_name: str | None = None
    definition_description: str | None = None
    stages: list[StageIn] | None = None
    requeue_stalled: bool | None = None


class ContainerOut(BaseModel):
    """How a stage is run, and its image file on FTP."""

    container_name: str
    container_description: str
    container_filename: str
    remote_storage_path: str
    run_command: str
    image_size: int = Field(description="Bytes")
    image_sha256: str = Field(description="SHA-256, hexadecimal")


class StageOut(BaseModel):
    """A stage as it stands."""

    stage_id: int
    stage_name: str
    stage_description: str
    container: ContainerOut
    exchange: str
    routing_key: str
    queue: str
    timeout_seconds: int


class RoutingKeyOut(BaseModel):
    """A routing key that a stage can have."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "routing_key": "gcode-execution",
                "exchange": "processing-exchange",
                "queue": "gcode-execution",
                "has_executor": True,
            }
        }
    )

    routing_key: str
    exchange: str
    queue: str | None = Field(description="What serves it; null while no definition uses it")
    has_executor: bool = Field(description="Whether the nodes of the orchestrator know the key")


class DefinitionOut(BaseModel):
    """A definition with its stages in processing order."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE_OUT})

    id: int
    definition_name: str
    definition_description: str
    owner_id: int = Field(description="The professor who may change it")
    version: int = Field(description="Counts the changes of its stages")
    is_demo: bool
    requeue_stalled: bool
    creation_timestamp: datetime
    stages: list[StageOut]


def definition_out(definition: Definition) -> DefinitionOut:
    """One definition."""
    return DefinitionOut(
        id=definition.id,
        definition_name=definition.definition_name,
        definition_description=definition.definition_description,
        owner_id=definition.owner_id,
        version=definition.version,
        is_demo=definition.is_demo,
        requeue_stalled=definition.requeue_stalled,
        creation_timestamp=definition.creation_timestamp,
        stages=[_stage_out(stage) for stage in definition.stages],
    )


def _stage_out(stage: Stage) -> StageOut:
    return StageOut(
        stage_id=stage.id,
        stage_name=stage.stage_name,
        stage_description=stage.stage_description,
        container=ContainerOut(
            container_name=stage.container_name,
            container_description=stage.container_description,
            container_filename=stage.container_filename,
            remote_storage_path=stage.remote_storage_path,
            run_command=stage.run_command,
            image_size=stage.image_size,
            image_sha256=stage.image_sha256,
        ),
        exchange=stage.exchange,
        routing_key=stage.routing_key,
        queue=stage.queue,
        timeout_seconds=stage.timeout_seconds,
    )


def stage_draft(stage: StageIn, upload: str) -> StageDraft:
    """The draft of one stage, whose image is the upload `upload`."""
    container = stage.container or ContainerIn()
    return StageDraft(
        stage_name=stage.stage_name,
        stage_description=stage.stage_description,
        container_name=container.container_name,
        container_description=container.container_description,
        container_filename=container.container_filename,
        run_command=container.run_command,
        routing_key=stage.routing_key,
        queue=stage.queue,
        exchange=stage.exchange,
        timeout_seconds=stage.timeout_seconds,
        copy_of=stage.stage_id if stage.use_existing else None,
        own_id=None if stage.use_existing else stage.stage_id,
        upload=upload,
    )
