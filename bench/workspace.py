"""What a run holds while it lasts: options, folders, cores, and the processes that end with it."""

import contextlib
import ctypes
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import tempfile

import machine

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
OPEN_FILES = 65536


class Workspace:
    """Use it in a `with` block: leaving it ends the servers and removes the temporary folder."""

    def __init__(self, options):
        self.options = options
        self.build = pathlib.Path(options.build).resolve()
        self.all_cores = os.sched_getaffinity(0)
        self.server_core, self.client_core = machine.cores()
        self._stack = contextlib.ExitStack()
        self.open_files = _raise_open_files()

    def __enter__(self):
        folder = tempfile.mkdtemp(prefix="sluice-bench-")
        self.temporary = pathlib.Path(folder)
        self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        self.pages = self._pages_folder()
        os.sched_setaffinity(0, {self.client_core})  # the harness must not disturb the server
        return self

    def __exit__(self, *exception):
        self._stack.close()

    def scope(self):
        """A group of servers and other things that end before the run does."""
        return self._stack.enter_context(contextlib.ExitStack())

    @property
    def quick(self):
        """Only to see that everything runs: short rounds, small files, hardly warmed up."""
        return self.options.quick

    def rounds(self, default):
        return self.options.rounds or (2 if self.quick else default)

    def program(self, name):
        return self.build / "bench" / f"bench_{name}"

    def built_program(self, name):
        """The same, which must be there."""
        path = self.program(name)
        if not path.exists():
            raise RuntimeError(f"{path.name} is not built ({path}); script/bench builds it")
        return path

    def folder(self, name):
        made = tempfile.mkdtemp(prefix=f"{name}-", dir=self.temporary)
        return pathlib.Path(made)

    def disk_folder(self, name):
        """A folder that ends with the run, on the disk of the pages: /tmp may be memory."""
        made = tempfile.mkdtemp(prefix=f"{name}-", dir=self.pages)
        self._stack.callback(shutil.rmtree, made, ignore_errors=True)
        return pathlib.Path(made)

    def start(self, command, core=None, cores=None, **options):
        """Starts a process, pinned to the core, in a group of its own, which dies with this one.

        `cores`: to several instead of one.
        """
        cores = cores or {self.server_core if core is None else core}

        def prepare():
            os.sched_setaffinity(0, cores)
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

        return subprocess.Popen([str(word) for word in command], start_new_session=True,
                                preexec_fn=prepare, **options)

    def _pages_folder(self):
        cache = os.environ.get("SLUICE_CACHE") or pathlib.Path.home() / ".cache" / "sluice"
        folder = pathlib.Path(cache) / "bench"
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def stop(process):
    """Ends a process that `start` began and what that has started: first kindly, then surely."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            pass
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _raise_open_files():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (max(hard, OPEN_FILES), hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
            return wanted
        except (ValueError, OSError):
            continue
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
