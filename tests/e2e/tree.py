"""Makes the files that are served."""

import hashlib
import os
import random

OLD = 1_600_000_000  # 2020-09-13T12:26:40Z: old enough to be a strong date validator
OLD_HTTP = "Sun, 13 Sep 2020 12:26:40 GMT"


def content(size, seed=1):
    """Bytes that repeat nowhere and are the same in every run."""
    return random.Random(seed * 1_000_003 + size).randbytes(size)


def write(root, name, data, mtime=None):
    """A file below `root`, folders included. A time makes its ETag and Last-Modified predictable."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    if mtime is not None:
        os.utime(path, (mtime, mtime))
    return path


def replace(path, data, mtime=None):
    """The safe way to publish: a new file renamed over the old one."""
    fresh = path.with_name(".new-" + path.name)
    fresh.write_bytes(data.encode() if isinstance(data, str) else data)
    if mtime is not None:
        os.utime(fresh, (mtime, mtime))
    os.rename(fresh, path)


def digest(data):
    return hashlib.sha256(data).hexdigest()
