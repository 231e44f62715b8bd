"""Where the machine's Chromium is, and how to start it on a closed network."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PLACES = (
    "/usr/bin/chromium",
    "/snap/bin/chromium",
    "/opt/google/chrome/chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
REMEDY = (
    "no Chromium was found. Install one (Debian, Ubuntu: `apt-get install chromium`), "
    "or name it: CHROMIUM=/path/to/chromium make test"
)


class NoChromiumError(RuntimeError):
    """There is no Chromium; the message says how to get one."""


def find_chromium() -> Path:
    """The Chromium of the variable CHROMIUM, else of the search path, else of the well-known places.

    Raises: NoChromiumError, also when CHROMIUM names no program.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        if not os.access(named, os.X_OK):
            message = f"CHROMIUM={named} is not a program that can be run"
            raise NoChromiumError(message)
        return Path(named)
    found = [path for path in map(shutil.which, NAMES) if path]
    for path in [*found, *PLACES]:
        if os.access(path, os.X_OK):
            return Path(path)
    raise NoChromiumError(REMEDY)


def arguments(*, camera_film: Path | None = None) -> list[str]:
    """The command-line flags; with a film (see `camera.film`), it plays as the camera, allowed unasked."""
    flags = [
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")  # Chromium's sandbox refuses root
    if camera_film is not None:
        flags += [
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-video-capture={camera_film.resolve()}",
        ]
    return flags
