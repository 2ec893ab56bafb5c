"""The figures of one assignment."""

from core.services.statistics.reading import Funnel, Spread, StageTimes, Statistics, read_statistics
from core.services.statistics.students import AT_RISK_BEFORE, AT_RISK_FAILURES, AtRisk, StudentName

__all__ = [
    "AT_RISK_BEFORE",
    "AT_RISK_FAILURES",
    "AtRisk",
    "Funnel",
    "Spread",
    "StageTimes",
    "Statistics",
    "StudentName",
    "read_statistics",
]
