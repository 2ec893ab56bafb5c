"""Originals, attempts and images on an FTP server (docs/decisions/0008-storage-over-ftp.md)."""

from core.storage.address import FtpAddress
from core.storage.connection import Timeouts
from core.storage.listing import StoredFile
from core.storage.session import Session
from core.storage.storage import Storage, open_storage

__all__ = ["FtpAddress", "Session", "Storage", "StoredFile", "Timeouts", "open_storage"]
