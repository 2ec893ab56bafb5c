"""Uploading the list of a course's students (contract 1.3)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import UploadFile
from starlette.types import Message

from api.deps import ActorDep, ContextDep, upload_slot
from api.people import CourseId, InvitationOut
from api.problems import responses
from core.errors import Required, TooLarge
from core.services import courses
from core.services.courses import LARGEST_FILE, RosterEntry, RosterOutcome
from web.body_limit import count_for_itself
from web.problems import language_of

router = APIRouter(prefix="/courses", tags=["courses"])

_AROUND = 100_000
"""Bytes of a request beside its file: the parts' headers."""

_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": ".xlsx, .xls or .csv with the columns ID de alumno, Apellidos, "
                            "Nombres, Email, or the headings of Moodle, Brightspace, Banner or Canvas",
                        }
                    },
                }
            }
        },
    }
}


class RosterEntryOut(BaseModel):
    """A row of the list that is right."""

    row: int = Field(description="As the file shows it, from 1")
    email: str
    full_name: str
    student_code: str | None
    is_new_account: bool = Field(
        description="There was no account; in a preview, also of anybody who is in none of your courses"
    )
    sheet: str = Field(description="Empty where the file has one sheet of people")


class RosterRejectionOut(BaseModel):
    """A row that was left out, and why."""

    row: int
    email: str
    reason: str
    sheet: str


class RosterCorrectionOut(BaseModel):
    """What the list corrected in an existing account."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "row": 4,
                "email": "ana.gomez@uniandes.edu.co",
                "field": "student_code",
                "before": "20201234",
                "after": "202012345",
            }
        }
    )

    row: int
    email: str
    field: Literal["full_name", "student_code"]
    before: str
    after: str


class RosterSheetOut(BaseModel):
    """A sheet with a column of e-mails."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"name": "Sección 1", "rows": 24, "is_read": True}}
    )

    name: str
    rows: int
    is_read: bool = Field(description="false: it was left out; name it in `sheets` to read it")


class RosterOut(BaseModel):
    """What an import did, or with `dry_run` would do."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "dry_run": False,
                "created": 1,
                "enrolled": 1,
                "already_there": 0,
                "rejected": [
                    {
                        "row": 3,
                        "email": "",
                        "reason": "Falta Email. Complétalo e intenta de nuevo.",
                        "sheet": "",
                    }
                ],
                "added": [
                    {
                        "row": 2,
                        "email": "ana.gomez@uniandes.edu.co",
                        "full_name": "Ana Gómez",
                        "student_code": "202012345",
                        "is_new_account": True,
                        "sheet": "",
                    }
                ],
                "already_enrolled": [],
                "corrected": [
                    {
                        "row": 4,
                        "email": "luis.perez@uniandes.edu.co",
                        "field": "full_name",
                        "before": "Luis Perez",
                        "after": "Luis Pérez",
                    }
                ],
                "sheets": [{"name": "Sección 1", "rows": 30, "is_read": True}],
                "doubtful_names": [],
                "invitations": [{"email": "ana.gomez@uniandes.edu.co", "link": None, "delivery": "mail"}],
            }
        }
    )

    dry_run: bool
    created: int = Field(description="Accounts that are new")
    enrolled: int = Field(description="Students that are new in the course")
    already_there: int = Field(description="Students that were in the course already")
    rejected: list[RosterRejectionOut]
    added: list[RosterEntryOut]
    already_enrolled: list[RosterEntryOut]
    corrected: list[RosterCorrectionOut] = Field(
        description="Codes, and names that their owners have not written themselves"
    )
    sheets: list[RosterSheetOut] = Field(description="Of a file with several sheets of people")
    doubtful_names: list[str] = Field(
        description="The encoding of the file was guessed; check the accents of these names"
    )
    invitations: list[InvitationOut]


@router.post(
    "/{course_id}/upload_students",
    response_model=RosterOut,
    responses=responses(400, 401, 403, 404, 413, 422, 429),
    openapi_extra=_FORM,
)
async def upload_students(
    ctx: ContextDep,
    actor: ActorDep,
    request: Request,
    course_id: CourseId,
    *,
    dry_run: Annotated[bool, Query(description="Say what would happen and change nothing")] = False,
    sheets: Annotated[
        list[str] | None,
        Query(description="Sheets of a workbook to read; left out: those with the columns of the first one"),
    ] = None,
) -> Response:
    """Enrol the students of a list. Repeating it changes nothing; no role is changed.

    422 with the reasons if no row can be used; with `dry_run` the rows are listed instead.
    """
    await run_in_threadpool(courses.check_may_import, ctx, actor, course_id)
    async with upload_slot(request, actor):
        content = await _read_file(request)
    language = language_of(request)

    def act() -> Response:
        outcome = courses.import_roster(ctx, actor, course_id, content, dry_run=dry_run, sheets=sheets)
        # Made here, in its thread: a thousand rows would keep the event loop from everybody else.
        return Response(_shape(outcome, language).model_dump_json(), media_type="application/json")

    return await run_in_threadpool(act)


async def _read_file(request: Request) -> bytes:
    """The field `file`; the size is looked at while the request is read."""
    count_for_itself(request)
    async with _limited(request).form(max_files=1, max_fields=10) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Required(field="file")
        return await file.read()


def _limited(request: Request) -> Request:
    left = LARGEST_FILE + _AROUND

    async def receive() -> Message:
        nonlocal left
        message = await request.receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise TooLarge(limit_mb=LARGEST_FILE // 1_000_000)
        return message

    return Request(request.scope, receive)


def _shape(outcome: RosterOutcome, language: str) -> RosterOut:
    return RosterOut(
        dry_run=outcome.dry_run,
        created=outcome.created,
        enrolled=len(outcome.added),
        already_there=len(outcome.already_there),
        rejected=[
            RosterRejectionOut(
                row=left.row, email=left.email, reason=left.reason.sentence(language), sheet=left.sheet
            )
            for left in outcome.rejected
        ],
        added=[_entry(entry) for entry in outcome.added],
        already_enrolled=[_entry(entry) for entry in outcome.already_there],
        corrected=[RosterCorrectionOut.model_validate(asdict(made)) for made in outcome.corrected],
        sheets=[RosterSheetOut.model_validate(asdict(sheet)) for sheet in outcome.sheets],
        doubtful_names=list(outcome.doubtful_names),
        invitations=[InvitationOut.of(invitation) for invitation in outcome.invitations],
    )


def _entry(entry: RosterEntry) -> RosterEntryOut:
    return RosterEntryOut(
        row=entry.row,
        email=entry.email,
        full_name=entry.full_name,
        student_code=entry.student_code,
        is_new_account=entry.is_new_account,
        sheet=entry.sheet,
    )
