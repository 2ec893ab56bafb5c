"""The route of the exports: what the screen of an assignment's students shows, as a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from core.context import Context
from core.errors import NotFound, NotSignedIn
from core.services import accounts, assignments, courses, exports, monitoring, submissions
from core.services.accounts import Person
from core.services.downloads import Download
from core.services.exports import Contents
from core.services.monitoring import Scope
from core.services.submissions import SortBy, StudentFilter, StudentRow, Which
from core.vocabulary import StageStatus
from dashboard import i18n, process

NOT_SUBMITTED = "none"
"""Stands for no status, where one is expected: students without a submission."""

_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}
_SOURCES = {
    None: "Not submitted",
    StageStatus.PENDING: "Waiting",
    StageStatus.IN_PROGRESS: "Running",
    StageStatus.COMPLETED: "Passed",
    StageStatus.FAILED: "Failed",
}


def fields_of(wanted: StudentFilter, sort: SortBy, *, descending: bool) -> dict[str, str]:
    """The query of a link that exports exactly this."""
    fields = {
        "assignment": str(wanted.assignment_id),
        "which": wanted.which.value,
        "search": wanted.search,
        "status": wanted.status.name.lower() if wanted.status else "",
        "stage": wanted.stage or "",
        "sort": sort.value,
        "descending": "1" if descending else "",
    }
    if wanted.submitted is False:
        fields["status"] = NOT_SUBMITTED
    return {name: value for name, value in fields.items() if value}


def read_fields(query: Mapping[str, str]) -> tuple[StudentFilter, SortBy, bool]:
    """What `fields_of` has written.

    Raises:
        NotFound: it was not.

    """
    status = query.get("status", "")
    try:
        wanted = StudentFilter(
            int(query.get("assignment", "")[:18]),
            which=Which(query.get("which", Which.LATEST)),
            search=query.get("search", ""),
            status=StageStatus[status.upper()] if status not in {"", NOT_SUBMITTED} else None,
            stage=query.get("stage") or None,
            submitted=False if status == NOT_SUBMITTED else None,
        )
        return wanted, SortBy(query.get("sort", SortBy.EMAIL)), bool(query.get("descending"))
    except (ValueError, KeyError) as error:
        raise NotFound(what="export") from error


def export(request: Request) -> Response:
    """A table or an archive of the students that match, for who may see them, as a stream."""
    ctx = process.context()
    session = accounts.find_session(ctx, request.cookies.get(process.SESSION_COOKIE, ""))
    if session is None:
        raise NotSignedIn
    language = request.state.language = session.person.language or ctx.settings.language
    name, kind = request.path_params["name"], request.path_params["kind"]
    file = _open(ctx, session.person, language, (name, kind), request.query_params)
    pieces = file.pieces
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.filename)}",
        "Cache-Control": "no-store",
    }
    return StreamingResponse(pieces, media_type=_TYPES[kind], headers=headers)


ROUTE = Route("/exports/{name}.{kind}", export)


def _open(
    ctx: Context, person: Person, language: str, asked: tuple[str, str], query: Mapping[str, str]
) -> Download:
    wanted, sort, descending = read_fields(query)
    match asked:
        case ("originals" | "results") as contents, "zip":
            return exports.open_archive(ctx, person.actor, wanted, Contents(contents), language=language)
        case "students", ("csv" | "xlsx") as kind:
            found = submissions.list_students(
                ctx, person.actor, wanted, sort=sort, descending=descending, page=None
            )
            header, rows = _table(ctx, person, language, wanted.assignment_id, found.rows)
            view = assignments.get_assignment(ctx, person.actor, wanted.assignment_id)
            title = i18n.catalogue(language).get("Students", "Students")
            return Download(
                f"{view.assignment_name}.{kind}",
                None,
                lambda _offset: (
                    exports.as_csv(header, rows, language=language)
                    if kind == "csv"
                    else exports.as_xlsx(title, header, rows)
                ),
            )
    raise NotFound(what="export")


def _table(
    ctx: Context, person: Person, language: str, assignment_id: int, found: tuple[StudentRow, ...]
) -> tuple[list[str], list[list[exports.Cell]]]:
    """The columns of the screen, in words without symbols, the moments in the course's zone."""
    words = i18n.catalogue(language)

    def word(source: str) -> str:
        return words.get(source, source)

    course_id = assignments.get_assignment(ctx, person.actor, assignment_id).course_id
    zone = ZoneInfo(courses.get_course(ctx, person.actor, course_id).timezone)
    counts = monitoring.count_by_stage(ctx, person.actor, Scope(assignment_id=assignment_id))
    stages = [count.stage_name for count in counts]
    header = [
        *(word(source) for source in ("Student", "Name", "Code", "Status")),
        *stages,
        f"{word('Submitted')} ({zone.key})",
        *(word(source) for source in ("Late", "Submissions", "Attempt", "Requeues")),
    ]
    return header, [_cells(row, stages, zone, word) for row in found]


def _cells(
    row: StudentRow, stages: list[str], zone: ZoneInfo, word: Callable[[str], str]
) -> list[exports.Cell]:
    marks = dict(row.stages)
    failed = row.status is StageStatus.FAILED

    def stage(name: str) -> str:
        if name not in marks:
            return ""
        not_run = failed and marks[name] is StageStatus.PENDING
        return word("Not run" if not_run else _SOURCES[marks[name]])

    submitted = row.submitted_at.astimezone(zone).strftime("%Y-%m-%d %H:%M") if row.submitted_at else ""
    return [
        row.student_email,
        row.student_name,
        row.student_code or "",
        word(_SOURCES[row.status]),
        *(stage(name) for name in stages),
        submitted,
        word("Yes") if row.is_late else "",
        row.submissions,
        row.attempt,
        row.requeue_count,
    ]
