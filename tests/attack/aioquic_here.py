# SPDX-License-Identifier: MIT OR Apache-2.0
"""Makes aioquic importable. It comes from PyPI into the cache, once per version of python."""

import fcntl
import os
import subprocess
import sys

from moqkit import CACHE

PACKAGES = ["aioquic==1.7.2"]


def packages():
    """The folder with the packages; installs them if they are not there."""
    folder = os.path.join(CACHE, "attack-venv", f"{sys.implementation.cache_tag}-{'-'.join(PACKAGES)}")
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with open(folder + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(os.path.join(folder, ".complete")):
            return folder
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
                   "--target", folder, "--upgrade", *PACKAGES]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        if done.returncode:
            words = (done.stderr.strip() or "no reason given").splitlines()[-1]
            print(f"aioquic cannot be installed: {words}")
            sys.exit(77)
        open(os.path.join(folder, ".complete"), "w").close()
    return folder


sys.path.insert(0, packages())
