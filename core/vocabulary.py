"""The words of the domain as types, and the moves that are legal between them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import IntEnum, StrEnum


class StageStatus(IntEnum):
    """Status of one stage, with the ids that are fixed on the wire (contract, section 1)."""

    PENDING = 1
    IN_PROGRESS = 2
    COMPLETED = 3
    FAILED = 4

    @property
    def is_final(self) -> bool:
        """Whether nothing within the same run can follow."""
        return self in (StageStatus.COMPLETED, StageStatus.FAILED)


def may_move(current: StageStatus, new: StageStatus) -> bool:
    """Whether a stage may go from `current` to `new` within one run.

    Only forward; jumps are legal; what is final stays (contract 1.1). The same rule stands
    in the database as the trigger `task_stage_status_forward`.
    """
    return not current.is_final and new > current


def derive_task_status(stages: Iterable[StageStatus]) -> StageStatus:
    """Status of a task from those of its stages (contract 1.1)."""
    statuses = list(stages)
    if StageStatus.FAILED in statuses:
        return StageStatus.FAILED
    if statuses and all(status is StageStatus.COMPLETED for status in statuses):
        return StageStatus.COMPLETED
    if any(status is not StageStatus.PENDING for status in statuses):
        return StageStatus.IN_PROGRESS
    return StageStatus.PENDING


class Role(StrEnum):
    """What a person is in one course."""

    PROFESSOR = "professor"
    MONITOR = "monitor"
    STUDENT = "student"


class Scope(StrEnum):
    """What a callback token is good for."""

    LOGS = "logs"
    STATUS = "status"
    REQUEUE = "requeue"
    READ = "read"


class LinkPurpose(StrEnum):
    """What a one-time link is good for. All set a password, and prove the mailbox by it."""

    INVITATION = "invitation"
    """For an account whose mailbox is not proven yet; worthless afterwards."""
    RESET = "reset"
    REGISTRATION = "registration"
    """Makes the account that a person registered for; worthless once there is a confirmed one."""


RESULT_MAIL = "result"
"""What a mail is for that carries no link of its own: a result has arrived."""


class RequeueCause(StrEnum):
    """Why a task got another run or another attempt."""

    MANUAL = "manual"
    """A person pressed the button: a new attempt."""
    ORCHESTRATOR = "orchestrator"
    """The orchestrator said over HTTP that it had put the task back itself: a new run."""
    NODE_LOST = "node_lost"
    """The broker handed the task out again because its node was gone: a new run."""
    CRASH = "crash"
    """The broker handed the task out again after a crash report: a new run."""


class WaitingCause(StrEnum):
    """Why an accepted submission has not been handed to the broker yet."""

    FILES = "files"
    """Its copy cannot be made: the file server does not answer, or has lost the original."""
    NO_QUEUE = "no_queue"
    """No queue is bound to the key of its first stage."""
    REFUSED = "refused"
    """The queue takes no more."""
    STUDENT_LIMIT = "student_limit"
    """The student has as many under way as may be at once."""
    ASSIGNMENT_LIMIT = "assignment_limit"
    """The assignment has as many under way as may be at once."""


class FailedBy(StrEnum):
    """What showed that a stage had failed, where the orchestrator said so in a report."""

    VERDICT = "verdict"
    """Its work was judged a failure, in good order."""
    CRASH = "crash"
    """The node crashed or ran out of time."""
    UPLOAD = "upload"
    """A crash after the verdict: its files could not be stored. Taken back if a later stage is heard."""


class FileKind(StrEnum):
    """What a file on FTP is to the rows that name it."""

    ORIGINAL = "original"
    ATTEMPT = "attempt"
    IMAGE = "image"
    STATEMENT = "statement"


class ParkReason(StrEnum):
    """Why a report was put aside."""

    UNREADABLE = "unreadable"
    """Neither JSON nor anything that names a task."""
    NODE_COULD_NOT_READ = "node_could_not_read"
    """A node got a message that it could not read, so its report names no task."""
    UNKNOWN_KEY = "unknown_key"
    """It came under a routing key that no report has."""
    UNKNOWN_TASK = "unknown_task"
    """There is no such task, or it was deleted."""
    UNKNOWN_ATTEMPT = "unknown_attempt"
    """The task has no attempt with this file path."""
    UNKNOWN_STAGE = "unknown_stage"
    """The tree has more stages left than the attempt has."""
    REFUSED = "refused"
    """The database refused what the report would have changed."""


class ItemOutcome(StrEnum):
    """What became of one submission of an operation."""

    REQUEUED = "requeued"
    NOT_FAILED = "not_failed"
    """At its turn it was waiting, running or had passed: nothing to be done."""
    TOO_MANY = "too_many"
    """It has had as many attempts as it may have."""
    GONE = "gone"
    """It was deleted before its turn, or its course is none of the person's any more."""
    NOT_ALLOWED = "not_allowed"
    """The person may no longer requeue in its course."""
    ERROR = "error"
    """A fault of ours, which the log of the worker explains."""


class OperationState(StrEnum):
    """Where an operation stands."""

    RUNNING = "running"
    STOPPED = "stopped"
    """Somebody ended it early; what waited in it was left as it was."""
    ENDED = "ended"


class TrialDecision(StrEnum):
    """What was decided about a re-run on trial."""

    APPLIED = "applied"
    """Its attempts count, in place of those before."""
    DISCARDED = "discarded"
    """They never will."""


class TriageState(StrEnum):
    """What is said of a cause of failures."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    """Somebody looks after it."""
    HANDLED = "handled"
    """Done with: what failed until then is no longer open; what fails later is."""


class AlertKind(StrEnum):
    """What an alert rule watches, and in what its threshold is measured."""

    WAITING = "waiting"
    """Minutes that the oldest waiting task has waited."""
    FAILURES = "failures"
    """How many times the usual share of those that ended in the last hour failed."""
    SILENCE = "silence"
    """Minutes without any report while something runs."""
    PARKED = "parked"
    """Reports that wait because they could not be applied."""
    NO_CONSUMER = "no_consumer"
    """Minutes that tasks lie in a queue from which nobody takes them."""
    UNREACHABLE = "unreachable"
    """Minutes that the file server or the broker does not answer."""
    WRITES = "writes"
    """Minutes that the oldest file could not be written to the file server."""
    DISK = "disk"
    """Percent of the disk of the embedded file server that is free; the only threshold from below."""
    ROUTING = "routing"
    """Minutes that a routing key stays bound to a queue that does not serve it."""
    WORKER = "worker"
    """Minutes that a loop of the worker does not work."""
    CRASH_LOOP = "crash_loop"
    """Tasks that crash and are handed out again, over and over."""


class TargetForm(StrEnum):
    """In which form notices go to a target."""

    KEEPERS = "keepers"
    """A mail to each who may change the rules: the professors of the course, or the administrators."""
    MAIL = "mail"
    JSON = "json"
    SLACK = "slack"
    TEAMS = "teams"


class AuditAction(StrEnum):
    """What somebody did."""

    REQUEUE = "requeue"
    TRIAL = "trial"
    TRIAL_APPLIED = "trial_applied"
    TRIAL_DISCARDED = "trial_discarded"
    TRIAGE = "triage"
    PARKED_APPLIED = "parked_applied"
    PARKED_DISCARDED = "parked_discarded"
    ASSIGNMENT_CREATED = "assignment_created"
    ASSIGNMENT_CHANGED = "assignment_changed"
    ASSIGNMENT_DELETED = "assignment_deleted"
    DEFINITION_CREATED = "definition_created"
    DEFINITION_CHANGED = "definition_changed"
    DEFINITION_DELETED = "definition_deleted"
    KEY_MOVED = "key_moved"
    ALERT_RULE_CHANGED = "alert_rule_changed"
    ALERT_TARGET_ADDED = "alert_target_added"
    ALERT_TARGET_REMOVED = "alert_target_removed"
    INCIDENT_ACKNOWLEDGED = "incident_acknowledged"


class LogLevel(StrEnum):
    """How serious a line of a task's log is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogSource(StrEnum):
    """Who wrote a line of a task's log."""

    ORCHESTRATOR = "orchestrator"
    PLATFORM = "platform"
    """We did: accepted, queued, requeued, a late report."""


class StoredAt(StrEnum):
    """Where the bytes of an accepted original are."""

    FTP = "ftp"
    POSTGRES = "postgres"
    """Kept in the table `original_bytes` while the FTP server is down."""


class AssignmentState(StrEnum):
    """What the dates of an assignment mean at a moment."""

    UPCOMING = "upcoming"
    OPEN = "open"
    CLOSED = "closed"


class LatePolicy(StrEnum):
    """What becomes of a submission after the due date and the time of grace."""

    REFUSE = "refuse"
    MARK = "mark"
    """It is accepted and marked as late."""


def state_at(start: datetime, end: datetime, moment: datetime) -> AssignmentState:
    """What the dates of an assignment mean at `moment`; the due moment itself is still in time."""
    if moment < start:
        return AssignmentState.UPCOMING
    return AssignmentState.OPEN if moment <= end else AssignmentState.CLOSED


PARSING = "PARSING"
EXECUTION = "EXECUTION"
"""The two stage names that always exist (ids 1 and 2)."""


class TimeSpan(StrEnum):
    """How much time one point or bar of a chart over time stands for. Weeks begin on Monday."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
