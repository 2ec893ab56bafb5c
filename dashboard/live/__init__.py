"""Parts of a page that follow what happens without a reload."""

from dashboard.live.channel import Channel
from dashboard.live.view import CHANNEL, elapsed, end_with_session, show

__all__ = ["CHANNEL", "Channel", "elapsed", "end_with_session", "show"]
