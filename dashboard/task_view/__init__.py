"""One submission on a page: where it stands, why it failed, its outputs, log and earlier tries."""

from dashboard.task_view.show import show

__all__ = ["show"]
