"""The files that are served. They stand on a real disk, and are kept from one run to the next."""

import os

_BLOCK = 1 << 20

NAMES = {200: "200B", 4 << 10: "4KiB", 64 << 10: "64KiB", 1 << 20: "1MiB", 64 << 20: "64MiB",
         1 << 30: "1GiB"}


def size_name(size):
    return NAMES.get(size, f"{size}B")


def page(folder, size, kind=""):
    """A file of `size` bytes of noise, without holes; returns its name below the folder."""
    name = f"{kind}{size_name(size)}.bin"
    path = folder / name
    if not path.exists() or path.stat().st_size != size or path.stat().st_blocks * 512 < size:
        block = os.urandom(min(size, _BLOCK))
        with open(path, "wb") as file:
            for start in range(0, size, _BLOCK):
                file.write(block[:size - start])
            file.flush()
            os.fdatasync(file.fileno())
    path.chmod(0o644)
    return name


def sparse_page(folder, size):
    """A file of `size` bytes that takes no room on the disk."""
    name = f"sparse-{size_name(size)}.bin"
    with open(folder / name, "wb") as file:
        file.truncate(size)
    return name
