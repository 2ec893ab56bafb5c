"""Archives from the browser, streamed past Streamlit: its own uploader holds each file in memory."""

from dashboard.uploads.form import form
from dashboard.uploads.receive import routes

__all__ = ["form", "routes"]
