"""Archives from the browser, streamed past Streamlit: its own uploader holds each file in memory."""

from dashboard.uploads.form import dry_run_form, submission_form
from dashboard.uploads.receive import routes

__all__ = ["dry_run_form", "routes", "submission_form"]
