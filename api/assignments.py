"""Assignments: what a course is to hand in, and until when."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from api import task_shapes
from api.deps import ActorDep, ContextDep
from api.etag import EtagRoute
from api.examples import EXAMPLE_DETAIL, EXAMPLE_TASK, Example
from api.params import AssignmentId, assume_utc
from api.problems import responses
from api.tasks import NOT_STARTED, NOT_SUBMITTED
from core.services import assignments
from core.services.assignments import (
    AssignmentDraft,
    AssignmentInFull,
    AssignmentRules,
    AssignmentView,
    AssignmentWithLatest,
)
from core.vocabulary import EXECUTION, PARSING, AssignmentState, LatePolicy

router = APIRouter(tags=["assignments"], route_class=EtagRoute)

CourseId = Annotated[int, Path(ge=1, lt=2**63)]
DateIn = Annotated[datetime, AfterValidator(assume_utc), Field(description="Without an offset it is UTC")]

_EXAMPLE: Example = {
    "assignment_name": "Print a cube",
    "assignment_description": "Twenty millimetres on each side",
    "assignment_start_date": "2026-03-02T05:00:00Z",
    "assignment_end_date": "2026-03-10T04:59:00Z",
}

_EXAMPLE_OUT: Example = _EXAMPLE | {
    "id": 4,
    "course_id": 1,
    "task_definition_id": 3,
    "task_definition": {"id": 3, "definition_name": "G-code"},
    "state": "open",
    "rules": {
        "grace_minutes": 15,
        "late_policy": "refuse",
        "most_submissions": 0,
        "limit_mb": 0,
        "required_names": [],
    },
    "submissions": 12,
}
_EXAMPLE_OWN: Example = _EXAMPLE_OUT | {
    "parsing_status": "COMPLETED",
    "execution_status": "IN_PROGRESS",
    "submissions": None,
}


class Rules(BaseModel):
    """What an assignment asks for beyond its dates."""

    grace_minutes: int = Field(0, description="After the due date, in which work is not late yet")
    late_policy: LatePolicy = Field(LatePolicy.REFUSE, description="What becomes of work after that")
    most_submissions: int = Field(0, description="Of one student; 0: as many as they like")
    limit_mb: int = Field(0, description="Size of an archive in 10^6 bytes; 0: the limit of the platform")
    required_names: list[str] = Field(
        default_factory=list, description="Files that an archive must hold, within its enclosing folder"
    )


class AssignmentIn(BaseModel):
    """An assignment to be created or changed."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE | {"task_definition_id": 3}})

    assignment_name: str
    assignment_description: Annotated[str, BeforeValidator(lambda value: "" if value is None else value)] = ""
    assignment_start_date: DateIn
    assignment_end_date: DateIn
    task_definition_id: Annotated[int, Field(ge=1, lt=2**63)]
    rules: Rules | None = Field(None, description="Left out: the usual ones, or as they are")


class DefinitionName(BaseModel):
    """The type of an assignment."""

    id: int
    definition_name: str


class AssignmentOut(BaseModel):
    """An assignment."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE_OUT})

    id: int
    course_id: int
    assignment_name: str
    assignment_description: str
    assignment_start_date: datetime
    assignment_end_date: datetime
    task_definition_id: int
    task_definition: DefinitionName
    state: AssignmentState = Field(description="What the dates mean now")
    rules: Rules
    submissions: int | None = Field(description="How many there are; null for a student")


class OwnStatus(AssignmentOut):
    """An assignment with how far the student who asks is; null for everybody else."""

    parsing_status: str | None = Field(
        description="A status, `not_submitted`, or `not_started` where the definition has no such stage"
    )
    execution_status: str | None = Field(description="As `parsing_status`")


class AssignmentListed(OwnStatus):
    """An assignment of a list; for a student with their latest submission, if any."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE_OWN | {"tasks": [EXAMPLE_TASK]}})

    tasks: list[task_shapes.TaskOut]


class AssignmentDetail(OwnStatus):
    """An assignment; for a student with their latest submission in full, if any."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE_OWN | {"tasks": [EXAMPLE_DETAIL]}})

    tasks: list[task_shapes.TaskDetail]


@router.post("/courses/{course_id}/assignments", status_code=201, responses=responses(401, 403, 404, 409))
def create_assignment(
    ctx: ContextDep, actor: ActorDep, course_id: CourseId, asked: AssignmentIn
) -> AssignmentOut:
    """Open a definition to the course."""
    made = assignments.create_assignment(ctx, actor, course_id, _draft(asked))
    return AssignmentOut.model_validate(_fields(made, made.submissions))


@router.get("/courses/{course_id}/assignments", responses=responses(304, 401, 403, 404))
def list_assignments(ctx: ContextDep, actor: ActorDep, course_id: CourseId) -> list[AssignmentListed]:
    """All assignments of the course, the latest due first; for a student with their own work."""
    return [_listed(found) for found in assignments.list_with_own_work(ctx, actor, course_id)]


@router.get("/assignments/{assignment_id}", responses=responses(304, 401, 403, 404))
def get_assignment(ctx: ContextDep, actor: ActorDep, assignment_id: AssignmentId) -> AssignmentDetail:
    """One assignment; for a student with their submission, its stages and log."""
    return _detail(assignments.get_with_own_work(ctx, actor, assignment_id))


@router.put("/assignments/{assignment_id}", responses=responses(401, 403, 404, 409))
def update_assignment(
    ctx: ContextDep, actor: ActorDep, assignment_id: AssignmentId, asked: AssignmentIn
) -> AssignmentOut:
    """Change an assignment; its definition only while there are no submissions."""
    changed = assignments.update_assignment(ctx, actor, assignment_id, _draft(asked))
    return AssignmentOut.model_validate(_fields(changed, changed.submissions))


@router.delete("/assignments/{assignment_id}", status_code=204, responses=responses(401, 403, 404, 409))
def delete_assignment(
    ctx: ContextDep,
    actor: ActorDep,
    assignment_id: AssignmentId,
    *,
    force: Annotated[bool, Query(description="Lose its submissions, too")] = False,
) -> None:
    """Delete an assignment, unless there are submissions that nobody said may be lost."""
    assignments.delete_assignment(ctx, actor, assignment_id, force=force)


def _draft(asked: AssignmentIn) -> AssignmentDraft:
    return AssignmentDraft(
        assignment_name=asked.assignment_name,
        assignment_description=asked.assignment_description,
        assignment_start_date=asked.assignment_start_date,
        assignment_end_date=asked.assignment_end_date,
        task_definition_id=asked.task_definition_id,
        rules=AssignmentRules(
            asked.rules.grace_minutes,
            asked.rules.late_policy,
            asked.rules.most_submissions,
            asked.rules.limit_mb,
            tuple(asked.rules.required_names),
        )
        if asked.rules
        else None,
    )


def _fields(view: AssignmentView, submissions: int | None) -> dict[str, object]:
    return {
        "id": view.id,
        "course_id": view.course_id,
        "assignment_name": view.assignment_name,
        "assignment_description": view.assignment_description,
        "assignment_start_date": view.assignment_start_date,
        "assignment_end_date": view.assignment_end_date,
        "task_definition_id": view.definition_id,
        "task_definition": DefinitionName(id=view.definition_id, definition_name=view.definition_name),
        "state": view.state,
        "rules": asdict(view.rules),
        "submissions": submissions,
    }


def _own_fields(
    view: AssignmentView, latest: task_shapes.TaskOut | None, *, is_for_student: bool
) -> dict[str, object]:
    fields = _fields(view, None if is_for_student else view.submissions) | {
        "parsing_status": None,
        "execution_status": None,
        "tasks": [latest] if latest else [],
    }
    if is_for_student:
        stages = latest.stage_statuses if latest else []
        names = {stage.processing_stage.stage_name: stage.processing_status.status_name for stage in stages}
        missing = NOT_STARTED if latest else NOT_SUBMITTED
        fields["parsing_status"] = names.get(PARSING, missing)
        fields["execution_status"] = names.get(EXECUTION, missing)
    return fields


def _listed(found: AssignmentWithLatest) -> AssignmentListed:
    latest = task_shapes.task_out(found.latest) if found.latest else None
    return AssignmentListed.model_validate(
        _own_fields(found.assignment, latest, is_for_student=found.is_for_student)
    )


def _detail(found: AssignmentInFull) -> AssignmentDetail:
    latest = task_shapes.task_detail(found.latest) if found.latest else None
    return AssignmentDetail.model_validate(
        _own_fields(found.assignment, latest, is_for_student=found.is_for_student)
    )
