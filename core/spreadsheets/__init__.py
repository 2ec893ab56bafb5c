"""Tables out of the files that people upload: .xlsx, .xls and delimited text, told apart by content.

Workbooks are read by a process of its own with a limit on memory and time (`child.py`): a file that
unpacks without end, or says that it has a cell in its millionth column, ends that process and
nothing else.
"""

from core.spreadsheets.tables import LARGEST_FILE, Table, read_tables

__all__ = ["LARGEST_FILE", "Table", "read_tables"]
