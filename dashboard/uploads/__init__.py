"""Files from the browser, streamed past Streamlit: its own uploader holds each in memory."""

from dashboard.uploads.form import dry_run_form, file_form, submission_form
from dashboard.uploads.kept import KeptFile
from dashboard.uploads.receive import routes

__all__ = ["KeptFile", "dry_run_form", "file_form", "routes", "submission_form"]
