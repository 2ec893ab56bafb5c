"""Exports: tables as CSV and XLSX, and archives of many files as one stream."""

from core.services.exports.archives import Contents, open_archive
from core.services.exports.tables import Cell, as_csv, as_xlsx

__all__ = ["Cell", "Contents", "as_csv", "as_xlsx", "open_archive"]
