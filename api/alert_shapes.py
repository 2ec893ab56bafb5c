"""What is told about incidents of alert rules."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from core.vocabulary import AlertKind

_EXAMPLE: dict[str, JsonValue] = {
    "id": 7,
    "kind": "waiting",
    "course_id": 3,
    "course_name": "Robotics",
    "subject": "",
    "sentence": "The oldest submission has waited for 21 min; the limit is 15.",
    "opened_at": "2026-03-02T15:00:00Z",
    "closed_at": None,
    "value": 21.4,
    "worst": 21.4,
    "threshold": 15.0,
    "acknowledged_at": "2026-03-02T15:03:00Z",
    "acknowledged_by": "monitor@uniandes.edu.co",
    "note": "Node 3 is being restarted",
}


class IncidentOut(BaseModel):
    """Something that an alert rule has found. `value`, `worst` and `threshold` in the unit of its kind."""

    id: int
    kind: AlertKind
    course_id: int | None = Field(description="null: of the whole installation")
    course_name: str | None
    subject: str = Field(description="Which queue or system, where several are watched")
    sentence: str = Field(description="What is wrong, in the language of `Accept-Language`")
    opened_at: datetime
    closed_at: datetime | None = Field(description="null: it is open")
    value: float
    worst: float
    threshold: float
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    note: str


class IncidentsOut(BaseModel):
    """The latest first, at most 200; `before` (an id) leads to the next page."""

    model_config = ConfigDict(json_schema_extra={"example": {"incidents": [_EXAMPLE]}})

    incidents: list[IncidentOut]
