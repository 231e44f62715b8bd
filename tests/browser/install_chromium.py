"""Make sure there is a Chromium: as root on Debian or Ubuntu install it, elsewhere say how.

Run by `make test`: python -m tests.browser.install_chromium
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from tests.browser.chromium import NoChromiumError, find_chromium


def install() -> None:
    """Install the distribution's own package.

    Raises: subprocess.CalledProcessError when apt-get fails.
    """
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
        subprocess.run(["apt-get", *step], env=environment, stdin=subprocess.DEVNULL, check=True)


def main() -> int:
    """0 when a Chromium is there at the end; else 1, with the reason and the remedy."""
    try:
        find_chromium()
    except NoChromiumError as error:
        if os.environ.get("CHROMIUM") or os.geteuid() != 0 or not shutil.which("apt-get"):
            sys.stderr.write(f"{error}\n")
            return 1
        sys.stdout.write("No Chromium yet: installing the package `chromium` with apt-get.\n")
        sys.stdout.flush()
        try:
            install()
            find_chromium()
        except (subprocess.CalledProcessError, NoChromiumError) as failure:
            sys.stderr.write(f"{failure}\n{error}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
