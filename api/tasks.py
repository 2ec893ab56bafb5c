"""Tasks: lists, one in full, its files, and running it again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from api import files, task_shapes
from api.deps import ActorDep, ContextDep
from api.etag import EtagRoute
from api.params import AssignmentId, Attempt, Cursor, IdFilter, Limit, Moment, StageFilter, TaskId
from api.problems import responses
from core.services import requeues, results, submissions
from core.services.submissions import StudentRow, TaskFilter
from core.services.submissions.logs import LOG_PAGE
from core.vocabulary import EXECUTION, PARSING, StageStatus

router = APIRouter(tags=["tasks"], route_class=EtagRoute)

StatusFilter = Annotated[
    Literal["PENDING", "IN_PROGRESS", "COMPLETED", "FAILED", "1", "2", "3", "4"] | None,
    Query(description="By name or id; with `stage` the status of that stage, else of the task"),
]

NOT_SUBMITTED = "not_submitted"
NOT_STARTED = "not_started"


class StudentOut(BaseModel):
    """A student of the course with their latest submission."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "student_id": 45,
                "student_email": "student@uniandes.edu.co",
                "student_name": "Ana Pérez",
                "parsing_status": "COMPLETED",
                "execution_status": "IN_PROGRESS",
                "submissions": 2,
                "task_id": 7,
                "creation_timestamp": "2026-03-02T15:00:00Z",
                "status": "IN_PROGRESS",
                "attempt": 1,
                "requeue_count": 0,
                "is_late": False,
                "stage_statuses": [
                    {
                        "processing_stage": {"stage_name": "PARSING"},
                        "processing_status": {"id": 3, "status_name": "COMPLETED"},
                    },
                    {
                        "processing_stage": {"stage_name": "EXECUTION"},
                        "processing_status": {"id": 2, "status_name": "IN_PROGRESS"},
                    },
                ],
            }
        }
    )

    student_id: int
    student_email: str
    student_name: str
    parsing_status: str = Field(description="A status, `not_submitted`, or `not_started` without this stage")
    execution_status: str = Field(description="As `parsing_status`")
    submissions: int
    task_id: int | None
    creation_timestamp: datetime | None
    status: task_shapes.StatusName | None
    attempt: int | None
    requeue_count: int
    is_late: bool = Field(description="That submission came after the due date and the time of grace")
    stage_statuses: list[task_shapes.StageState]


class RequeueIn(BaseModel):
    """Why it is run again, for those who read the history later."""

    model_config = ConfigDict(json_schema_extra={"example": {"note": "The printer was out of filament"}})

    note: str = Field("", max_length=2000, pattern=r"^[^\x00]*$")


class RequeueOut(BaseModel):
    """The attempt that was opened."""

    model_config = ConfigDict(json_schema_extra={"example": {"task_id": 7, "attempt": 2, "requeue_count": 1}})

    task_id: int
    attempt: int
    requeue_count: int


@router.get("/tasks", responses=responses(304, 401, 403, 404))
def list_tasks(
    ctx: ContextDep,
    actor: ActorDep,
    assignment_id: IdFilter = None,
    course_id: IdFilter = None,
    student_id: IdFilter = None,
    *,
    status: StatusFilter = None,
    stage: StageFilter = None,
    since: Moment = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> task_shapes.TaskPageOut | task_shapes.TaskOut | None:
    """The tasks that the caller may see, newest first.

    For a student with `assignment_id`: their latest task there as one object, or null.
    """
    if assignment_id is not None and submissions.is_student_of(ctx, actor, assignment_id):
        latest = submissions.find_my_latest(ctx, actor, assignment_id)
        return None if latest is None else task_shapes.task_out(latest)
    wanted = TaskFilter(
        assignment_id=assignment_id,
        course_id=course_id,
        status=_status(status),
        stage=stage,
        student_id=student_id,
        since=since,
    )
    page = submissions.list_tasks(ctx, actor, wanted, cursor=cursor, limit=limit)
    return task_shapes.TaskPageOut(
        items=[task_shapes.task_out(row) for row in page.items], next_cursor=page.next_cursor
    )


@router.get("/tasks/{task_id}", responses=responses(304, 401, 403, 404))
def get_task(
    ctx: ContextDep,
    actor: ActorDep,
    task_id: TaskId,
    logs_cursor: Cursor = None,
    logs_limit: Annotated[int, Query(ge=1, le=LOG_PAGE, description="Lines of the log")] = 100,
) -> task_shapes.TaskDetail:
    """One task in full, with the newest lines of its log."""
    view = submissions.get_task(ctx, actor, task_id, logs_cursor=logs_cursor, logs_limit=logs_limit)
    return task_shapes.task_detail(view)


@router.head("/tasks/{task_id}/submission", include_in_schema=False)
@router.get("/tasks/{task_id}/submission", responses=files.BINARY, response_class=StreamingResponse)
def get_submission(request: Request, ctx: ContextDep, actor: ActorDep, task_id: TaskId) -> Response:
    """The student's original, byte for byte."""
    return files.send(request, submissions.open_original(ctx, actor, task_id))


@router.head("/tasks/{task_id}/results", include_in_schema=False)
@router.get(
    "/tasks/{task_id}/results",
    responses=files.BINARY | responses(409),
    response_class=StreamingResponse,
)
def get_results(
    request: Request, ctx: ContextDep, actor: ActorDep, task_id: TaskId, attempt: Attempt = None
) -> Response:
    """The attempt's archive after its run; 409 until a stage of it has ended."""
    return files.send(request, results.open_results(ctx, actor, task_id, attempt))


@router.post("/tasks/{task_id}/requeue", status_code=201, responses=responses(401, 403, 404, 409))
def requeue(
    ctx: ContextDep, actor: ActorDep, task_id: TaskId, why: Annotated[RequeueIn | None, Body()] = None
) -> RequeueOut:
    """Run a failed task again, as a new attempt from the untouched original."""
    done = requeues.requeue(ctx, actor, task_id, note=why.note if why else "")
    return RequeueOut(task_id=done.task_id, attempt=done.attempt, requeue_count=done.requeue_count)


@router.get("/assignments/{assignment_id}/tasks", responses=responses(304, 401, 403, 404))
def list_assignment_students(
    ctx: ContextDep, actor: ActorDep, assignment_id: AssignmentId
) -> list[StudentOut]:
    """Every student of the course with their latest submission, by e-mail."""
    return [_student(row) for row in submissions.overview(ctx, actor, assignment_id)]


def _status(word: str | None) -> StageStatus | None:
    if word is None:
        return None
    return StageStatus(int(word)) if word.isdecimal() else StageStatus[word]


def _student(row: StudentRow) -> StudentOut:
    names = {name: status.name for name, status in row.stages}
    missing = NOT_SUBMITTED if row.task_id is None else NOT_STARTED
    return StudentOut(
        student_id=row.student_id,
        student_email=row.student_email,
        student_name=row.student_name,
        parsing_status=names.get(PARSING, missing),
        execution_status=names.get(EXECUTION, missing),
        submissions=row.submissions,
        task_id=row.task_id,
        creation_timestamp=row.submitted_at,
        status=row.status.name if row.status is not None else None,
        attempt=row.attempt,
        requeue_count=row.requeue_count,
        is_late=row.is_late,
        stage_statuses=[
            task_shapes.StageState(
                processing_stage=task_shapes.StageWord(stage_name=name),
                processing_status=task_shapes.status_word(status),
            )
            for name, status in row.stages
        ],
    )
