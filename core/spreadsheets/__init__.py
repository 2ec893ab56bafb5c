"""Tables out of uploaded files: .xlsx, .xls, web pages and delimited text, told apart by content.

Workbooks and web pages are read by a process of its own with a limit on memory and time (`child.py`): a
file that unpacks without end, or claims a cell in its millionth column, ends that process only.
"""

from core.spreadsheets.sheets import Document, Sheet, Table
from core.spreadsheets.tables import LARGEST_FILE, read_document

__all__ = ["LARGEST_FILE", "Document", "Sheet", "Table", "read_document"]
