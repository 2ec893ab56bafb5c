"""Parts of the monitor's screen."""
