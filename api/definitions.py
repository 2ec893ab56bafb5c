"""Task definitions: how work is processed, stage by stage, with an image file for each stage."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, BinaryIO, TypeVar

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import StreamingResponse

from api import files
from api.definition_shapes import (
    DefinitionChangeIn,
    DefinitionIn,
    DefinitionOut,
    RoutingKeyOut,
    StageIn,
    definition_out,
    stage_draft,
)
from api.deps import ActorDep, ContextDep, upload_slot
from api.etag import EtagRoute
from api.forms import is_form, read_form
from api.params import Cursor
from api.problems import responses
from core.errors import NotDistinct, Required
from core.services import definitions
from core.services.definitions import MOST_STAGES, DefinitionChange, DefinitionDraft, StageDraft
from core.services.paging import PAGE_LIMIT

router = APIRouter(prefix="/task-definitions", tags=["task definitions"], route_class=EtagRoute)

TEXT_FIELD = "task_definition"
FILE_FIELD = "files"

DefinitionId = Annotated[int, Path(ge=1, lt=2**63)]
PageSize = Annotated[
    int | None, Query(ge=1, le=PAGE_LIMIT, description="Default: all; else `Link` names the next page")
]

Body = TypeVar("Body", bound=BaseModel)


def _form_of(model: type[BaseModel]) -> dict[str, object]:
    return {
        "schema": {
            "type": "object",
            "required": [TEXT_FIELD],
            "properties": {
                TEXT_FIELD: {"$ref": f"#/components/schemas/{model.__name__}"},
                FILE_FIELD: {"type": "array", "items": {"type": "string", "format": "binary"}},
            },
        },
        "encoding": {TEXT_FIELD: {"contentType": "application/json"}},
    }


_CREATE = {
    "requestBody": {"required": True, "content": {"multipart/form-data": _form_of(DefinitionIn)}},
}
_CHANGE = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/DefinitionChangeIn"}},
            "multipart/form-data": _form_of(DefinitionChangeIn),
        },
    },
}


@dataclass(frozen=True, slots=True)
class Sent:
    """What came: the text, as it is, and the uploads."""

    text: bytes
    uploads: Sequence[UploadFile] = ()


async def sent_to_create(request: Request, ctx: ContextDep, actor: ActorDep) -> AsyncIterator[Sent]:
    """The form. Whoever may not create is told so before the images travel."""
    await run_in_threadpool(definitions.check_may_create, ctx, actor)
    if not is_form(request):
        raise Required(field=TEXT_FIELD)
    async with upload_slot(request, actor):
        async for sent in _read(request, ctx.settings.max_upload_mb):
            yield sent


async def sent_to_change(
    request: Request, ctx: ContextDep, actor: ActorDep, definition_id: DefinitionId
) -> AsyncIterator[Sent]:
    """The form, or plain JSON. Whoever may not change it is told so before the images travel."""
    await run_in_threadpool(definitions.check_may_update, ctx, actor, definition_id)
    if not is_form(request):
        yield Sent(await request.body())
        return
    async with upload_slot(request, actor):
        async for sent in _read(request, ctx.settings.max_upload_mb):
            yield sent


@router.post(
    "",
    status_code=201,
    responses=responses(401, 403, 409, 413, 429),
    openapi_extra=_CREATE,
)
def create_definition(
    ctx: ContextDep, actor: ActorDep, sent: Annotated[Sent, Depends(sent_to_create)]
) -> DefinitionOut:
    """Create a definition and store the image of each stage; all or nothing."""
    asked = _parse(DefinitionIn, sent)
    drafts, images = _pair(asked.stages, sent.uploads)
    draft = DefinitionDraft(
        asked.definition_name,
        drafts,
        asked.definition_description,
        requeue_stalled=asked.requeue_stalled,
    )
    return definition_out(definitions.create_definition(ctx, actor, draft, images))


@router.get("", responses=responses(304, 401, 403))
def list_definitions(
    ctx: ContextDep,
    actor: ActorDep,
    response: Response,
    limit: PageSize = None,
    cursor: Cursor = None,
) -> list[DefinitionOut]:
    """Definitions by name, each with its stages and their images."""
    if limit is None and cursor is None:
        return [definition_out(found) for found in definitions.list_definitions(ctx, actor)]
    size = limit or PAGE_LIMIT
    page = definitions.page_definitions(ctx, actor, limit=size, cursor=cursor)
    if page.next_cursor is not None:
        response.headers["Link"] = f'<{router.prefix}?limit={size}&cursor={page.next_cursor}>; rel="next"'
    return [definition_out(found) for found in page.items]


@router.get("/keys", responses=responses(304, 401, 403))
def list_routing_keys(ctx: ContextDep, actor: ActorDep) -> list[RoutingKeyOut]:
    """Routing keys that nodes know, and those that definitions use, each with its queue."""
    return [
        RoutingKeyOut(
            routing_key=key.routing_key,
            exchange=key.exchange,
            queue=key.queue,
            has_executor=key.has_executor,
        )
        for key in definitions.list_keys(ctx, actor)
    ]


@router.get("/{definition_id}", responses=responses(304, 401, 403, 404))
def get_definition(ctx: ContextDep, actor: ActorDep, definition_id: DefinitionId) -> DefinitionOut:
    """One definition."""
    return definition_out(definitions.get_definition(ctx, actor, definition_id))


@router.put(
    "/{definition_id}",
    responses=responses(401, 403, 404, 409, 413, 429),
    openapi_extra=_CHANGE,
)
def update_definition(
    ctx: ContextDep,
    actor: ActorDep,
    definition_id: DefinitionId,
    sent: Annotated[Sent, Depends(sent_to_change)],
) -> DefinitionOut:
    """Change name, description, stages; what was submitted keeps the stages that it had."""
    asked = _parse(DefinitionChangeIn, sent)
    drafts, images = _pair(asked.stages or (), sent.uploads)
    change = DefinitionChange(
        definition_name=asked.definition_name,
        definition_description=asked.definition_description,
        stages=None if asked.stages is None else drafts,
        requeue_stalled=asked.requeue_stalled,
    )
    return definition_out(definitions.update_definition(ctx, actor, definition_id, change, images))


@router.delete("/{definition_id}", status_code=204, responses=responses(401, 403, 404, 409))
def delete_definition(ctx: ContextDep, actor: ActorDep, definition_id: DefinitionId) -> None:
    """Delete a definition that no assignment uses."""
    definitions.delete_definition(ctx, actor, definition_id)


@router.head("/{definition_id}/images/{stage_name:path}", include_in_schema=False)
@router.get(
    "/{definition_id}/images/{stage_name:path}",
    response_class=StreamingResponse,
    responses=files.BINARY,
)
def get_image(
    request: Request, ctx: ContextDep, actor: ActorDep, definition_id: DefinitionId, stage_name: str
) -> Response:
    """The image file of a stage, whole or by range."""
    return files.send(request, definitions.open_image(ctx, actor, definition_id, stage_name))


async def _read(request: Request, limit_mb: int) -> AsyncIterator[Sent]:
    async with read_form(
        request, text_field=TEXT_FIELD, file_field=FILE_FIELD, limit_mb=limit_mb, most_files=MOST_STAGES
    ) as form:
        yield Sent(form.text, form.files)


def _parse(model: type[Body], sent: Sent) -> Body:
    try:
        return model.model_validate_json(sent.text)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False)) from error


def _pair(
    stages: Sequence[StageIn], uploads: Sequence[UploadFile]
) -> tuple[list[StageDraft], Mapping[str, BinaryIO]]:
    """The drafts of `stages` and the uploads that they call for, by name.

    Several uploads of one name belong to the stages that name it, in their order.

    Raises:
        NotDistinct: there are not as many of them as such stages.
        Required: a stage to be copied is not named.

    """
    for position, stage in enumerate(stages):
        if stage.use_existing and stage.stage_id is None:
            raise Required(field=f"stages.{position}.stage_id")
    sent = [upload.filename or "" for upload in uploads]
    wanted = [
        "" if stage.use_existing or stage.container is None else stage.container.container_filename
        for stage in stages
    ]
    repeated = {name for name, count in Counter(sent).items() if count > 1}
    for name in repeated:
        if sent.count(name) != wanted.count(name):
            raise NotDistinct(field=FILE_FIELD, value=name)
    images = zip(_numbered(sent, repeated), (upload.file for upload in uploads), strict=True)
    drafts = zip(stages, _numbered(wanted, repeated), strict=True)
    return [stage_draft(stage, upload) for stage, upload in drafts], dict(images)


def _numbered(names: Sequence[str], repeated: Collection[str]) -> list[str]:
    """`names` with those that are repeated told apart, in their order."""
    seen: Counter[str] = Counter()
    told_apart = []
    for name in names:
        seen[name] += 1
        told_apart.append(f"{name} ({seen[name]})" if name in repeated else name)
    return told_apart
