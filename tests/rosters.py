"""Lists of students as files, and what became of them in a course."""

from __future__ import annotations

from core.context import Context
from core.services import courses
from core.services.courses import RosterOutcome
from tests import builders

TITLE = ["Curso ISIS-1234, sección 1", "", "", ""]
HEADER = ["ID de alumno", "Apellidos", "Nombres", "Email"]
ANA = ["202012345", "Gómez Núñez", "Ana María", "AM.Gomez@Uniandes.edu.co"]
LUIS = ["202012346", "Pérez", "Luis", "l.perez@uniandes.edu.co"]
ROWS = [TITLE, [], HEADER, ANA, LUIS]

PEOPLE = [
    ("am.gomez@uniandes.edu.co", "Ana María Gómez Núñez", "202012345"),
    ("l.perez@uniandes.edu.co", "Luis Pérez", "202012346"),
]


def delimited(rows: list[list[str]], delimiter: str = ",", end: str = "\r\n") -> str:
    return "".join(
        delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in row) + end for row in rows
    )


def numbered(count: int) -> bytes:
    rows = [["", f"Apellido {n}", f"Nombre {n}", f"s{n}@uniandes.edu.co"] for n in range(count)]
    return delimited([HEADER, *rows]).encode()


def upload(
    ctx: Context, world: builders.World, content: bytes | str, *, dry_run: bool = False
) -> RosterOutcome:
    raw = content.encode() if isinstance(content, str) else content
    return courses.import_roster(ctx, world.professor, world.course_id, raw, dry_run=dry_run)


def students(ctx: Context, world: builders.World) -> list[tuple[str, str, str | None]]:
    return [
        (member.email, member.full_name, member.student_code)
        for member in courses.list_students(ctx, world.professor, world.course_id)
        if member.email != "student@uniandes.edu.co"
    ]


def reasons(outcome: RosterOutcome) -> list[tuple[int, str]]:
    return [(left.row, type(left.reason).__name__) for left in outcome.rejected]
