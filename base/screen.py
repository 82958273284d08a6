"""Whether there is somebody who sees a window."""

import os
import sys


def has_screen() -> bool:
    """Whether a window can be opened."""
    screens = ("DISPLAY", "WAYLAND_DISPLAY")
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in screens)


def can_open() -> bool:
    """Whether a window can be opened, for somebody at a terminal who sees it."""
    return sys.stdout.isatty() and has_screen()
