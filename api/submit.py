"""Handing in: the file goes from the request to disk and on to FTP, never into memory as a whole."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from api import task_shapes
from api.deps import ActorDep, ContextDep, get_actor, upload_slot
from api.params import AssignmentId, IdempotencyKey
from api.problems import responses
from core.errors import BadUpload, TooLarge
from core.services import receipts, submissions
from web.body_limit import count_for_itself

router = APIRouter(tags=["submissions"])

FIELD = "file"
MB = 1_000_000

ENVELOPE = 65_536
"""Bytes that boundaries, headers and other fields of the form may take beside the file."""

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {FIELD: {"type": "string", "format": "binary", "description": "A ZIP"}},
                }
            }
        },
    }
}


async def receive(
    request: Request,
    ctx: ContextDep,
    actor: ActorDep,
    assignment_id: AssignmentId,
    key: IdempotencyKey = None,
) -> AsyncIterator[UploadFile]:
    """The file of the form, on disk. Whoever may not submit is told so before the bytes travel.

    Raises:
        TooLarge: noticed while reading, or from the announced length.
        BadUpload: no form, no file, several, or it did not arrive whole.
        TooManyUploads: of the same person, at this moment.

    """
    await run_in_threadpool(submissions.check_may_submit, ctx, actor, assignment_id, key)
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise BadUpload(field=FIELD)
    count_for_itself(request)
    async with upload_slot(request, actor):
        try:
            form = await _OneFile(request, ctx.settings.max_upload_mb).parse()
        except (MultiPartException, ClientDisconnect) as error:
            raise BadUpload(field=FIELD) from error
        try:
            file = form.get(FIELD)
            if not isinstance(file, UploadFile):
                raise BadUpload(field=FIELD)
            yield file
        finally:
            await form.close()


class _OneFile(MultiPartParser):
    """A form with one file, written to disk as it comes. One that ends early leaves no file open."""

    def __init__(self, request: Request, limit_mb: int) -> None:
        super().__init__(request.headers, self._read(request, limit_mb), max_files=1, max_fields=20)
        self._is_whole = False

    def on_end(self) -> None:
        """The last boundary was there."""
        self._is_whole = True

    async def _read(self, request: Request, limit_mb: int) -> AsyncGenerator[bytes, None]:
        limit = limit_mb * MB + ENVELOPE
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > limit:
            raise TooLarge(limit_mb=limit_mb)
        count = 0
        async for chunk in request.stream():
            count += len(chunk)
            if count > limit:
                raise TooLarge(limit_mb=limit_mb)
            yield chunk
        if not self._is_whole:
            raise MultiPartException("the form ends before its last boundary")


@router.post(
    "/assignments/{assignment_id}/submit",
    status_code=201,
    responses=responses(401, 403, 404, 409, 413, 415, 429),
    openapi_extra=_BODY,
)
def submit(
    ctx: ContextDep,
    actor: ActorDep,
    assignment_id: AssignmentId,
    file: Annotated[UploadFile, Depends(receive)],
    key: IdempotencyKey = None,
) -> task_shapes.AcceptedTask:
    """Hand in an archive. From the answer on it is never lost; the same key again answers the same task."""
    receipt = submissions.submit(
        ctx,
        actor,
        assignment_id,
        file.file,
        file_name=file.filename or "",
        submit_key=key or secrets.token_hex(16),
    )
    return task_shapes.accepted(submissions.get_as_accepted(ctx, actor, receipt.task_id), receipt)


class ReceiptFactsOut(BaseModel):
    """What a receipt of ours says: this content came from this student at this moment."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "task_id": 7,
                "student_id": 45,
                "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                "received_at": "2026-03-02T15:00:00Z",
            }
        }
    )

    task_id: int
    student_id: int
    sha256: str
    received_at: datetime


@router.get("/receipts/verify", responses=responses(401), dependencies=[Depends(get_actor)])
def verify_receipt(
    ctx: ContextDep,
    receipt: Annotated[
        str, Query(min_length=1, max_length=1000, description="`receipt.code` of a submission")
    ],
) -> ReceiptFactsOut:
    """What a receipt says; 422 when it was not made here or was changed. It needs no rows of ours."""
    facts = receipts.verify(ctx, receipt)
    return ReceiptFactsOut(
        task_id=facts.task_id, student_id=facts.student_id, sha256=facts.sha256, received_at=facts.at
    )
