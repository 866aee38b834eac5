"""The JDK that Spark would start; needs nothing but Python, so that the installer can ask before any download."""

import os
import shutil
import subprocess
from pathlib import Path

from schemas.errors import ConfigError

JAVA_VERSIONS = (17, 21)
NEXT_STEP = "install a JDK 17 or 21 and set JAVA_HOME to its folder"


def java_major() -> int:
    """Major version; ConfigError names what was found and what is allowed."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if not java or not Path(java).exists():
        raise ConfigError(f"no JDK found through {f'JAVA_HOME={home}' if home else 'the PATH'}", NEXT_STEP)
    text = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = text.partition('"')[2].partition('"')[0]
    major = int(version.split(".")[0]) if version.split(".")[0].isdigit() else 0
    if major not in JAVA_VERSIONS:
        found = f"Java {version}" if version else "no Java that tells its version"
        raise ConfigError(
            f"{java} is {found}; Spark 4.1 runs on Java {' or '.join(map(str, JAVA_VERSIONS))}", NEXT_STEP
        )
    return major
