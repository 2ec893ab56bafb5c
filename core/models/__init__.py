"""Tables. Rows never leave the use cases: those answer with dataclasses.

Rules that a database can hold stand here and in `migrations/`, not only in Python.
Every relationship is read by an explicit query; there is no lazy loading.
"""

from core.models.alerts import AlertIncident, AlertRule, AlertTarget, OutgoingWebhook
from core.models.base import Base
from core.models.definitions import (
    Assignment,
    AssignmentExtension,
    AssignmentStatement,
    DefinitionStage,
    DefinitionVersion,
    ProcessingStage,
    ProcessingStatus,
    TaskDefinition,
)
from core.models.files import MissingFile, UnneededFile
from core.models.health import ComponentError, Heartbeat
from core.models.notices import ResultNotice
from core.models.operations import Operation, OperationItem
from core.models.oversight import AuditEntry, FailureTriage
from core.models.people import (
    ApiToken,
    CallbackToken,
    Course,
    CourseMember,
    LoginTicket,
    OneTimeLink,
    OutgoingMail,
    Registration,
    SignInFailure,
    User,
    WebSession,
)
from core.models.queue import IdempotencyRecord, OutboxMessage, QueueBinding, QueueMessage
from core.models.reports import AppliedReport, ParkedReport
from core.models.tallies import FailureTally, FailureWeek, FailureWeekMark, Tally, TallyDay, TallyMark
from core.models.tasks import (
    OriginalBytes,
    RequeueEvent,
    Task,
    TaskAttempt,
    TaskLog,
    TaskMetrics,
    TaskStageStatus,
)
from core.models.views import SavedView

__all__ = [
    "AlertIncident",
    "AlertRule",
    "AlertTarget",
    "ApiToken",
    "AppliedReport",
    "Assignment",
    "AssignmentExtension",
    "AssignmentStatement",
    "AuditEntry",
    "Base",
    "CallbackToken",
    "ComponentError",
    "Course",
    "CourseMember",
    "DefinitionStage",
    "DefinitionVersion",
    "FailureTally",
    "FailureTriage",
    "FailureWeek",
    "FailureWeekMark",
    "Heartbeat",
    "IdempotencyRecord",
    "LoginTicket",
    "MissingFile",
    "OneTimeLink",
    "Operation",
    "OperationItem",
    "OriginalBytes",
    "OutboxMessage",
    "OutgoingMail",
    "OutgoingWebhook",
    "ParkedReport",
    "ProcessingStage",
    "ProcessingStatus",
    "QueueBinding",
    "QueueMessage",
    "Registration",
    "RequeueEvent",
    "ResultNotice",
    "SavedView",
    "SignInFailure",
    "Tally",
    "TallyDay",
    "TallyMark",
    "Task",
    "TaskAttempt",
    "TaskDefinition",
    "TaskLog",
    "TaskMetrics",
    "TaskStageStatus",
    "UnneededFile",
    "User",
    "WebSession",
]
