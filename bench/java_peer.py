"""The Java side of the benchmarks of memory and files: Netty's buffers and the JDK's channels.

Netty's jars come from Maven Central through Maven, as it is configured on this machine, once, into
the cache; a jar whose checksum is another than the one below is not used. The classes of bench/java
are compiled into the cache, too.
"""

import hashlib
import json
import os
import pathlib
import re
import select
import shutil
import subprocess
import time

import peers
import workspace

NETTY_VERSION = "4.2.20.Final"
_JARS = {
    "netty-buffer": "794136fc6be78e44a286c2b1420a182e135c6d06eb8c397030c1551ee50acccd",
    "netty-common": "5807fef7eb619bc0a5d1c0e6c83199ea9bca8503203a3eb73cfdccec2d215743",
}
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
_SOURCES = pathlib.Path(__file__).resolve().parent / "java"
WARM_UP_MS = 5_000
# What the JVM chooses on a machine of several cores, said in full, so that a JVM that is pinned to
# one core does not choose otherwise.
_FLAGS = ("-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-XX:ActiveProcessorCount={cores}")
NO_LEAK_DETECTION = "-Dio.netty.leakDetection.level=disabled"
_START_TIMEOUT_S = 180
_ROUND_TIMEOUT_S = 300


class JavaPeer:
    """A warm JVM that measures one case, a round whenever it is asked for one."""

    def __init__(self, bench, scope, case, flags=(NO_LEAK_DETECTION,), cores=None, **options):
        options.setdefault("warm_up_ms", 500 if bench.quick else WARM_UP_MS)
        words = [f"{key.replace('_', '-')}={value}" for key, value in options.items()]
        self.flags = [*jvm_flags(bench), *flags]
        self._name = " ".join(["java", case, *words])
        self._log = bench.folder("java") / "errors"
        with open(self._log, "wb") as errors:
            self._process = bench.start(
                [_tool("java"), *self.flags, "-cp", class_path(bench), "Main", case, *words],
                cores=cores or bench.all_cores, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=errors, text=True)
        scope.callback(workspace.stop, self._process)
        self.warm_ups = int(self._line(_START_TIMEOUT_S).split()[1])

    def round(self):
        """The figures of one round, by name."""
        self._process.stdin.write("round\n")
        self._process.stdin.flush()
        return json.loads(self._line(_ROUND_TIMEOUT_S))

    def _line(self, timeout_s):
        end = time.monotonic() + timeout_s
        if select.select([self._process.stdout], [], [], max(0, end - time.monotonic()))[0]:
            line = self._process.stdout.readline()
            if line:
                return line
        said = self._log.read_text(errors="replace")[-1500:].strip()
        raise RuntimeError(f"{self._name}: no answer. {said}")


def jvm_flags(bench):
    return [flag.format(cores=len(bench.all_cores)) for flag in _FLAGS]


def _tool(name):
    path = shutil.which(name)
    if path is None:
        raise peers.Missing(f"{name} is not installed; script/bootstrap bench installs it")
    return path


def version():
    """The JVM's own words about itself."""
    done = subprocess.run([_tool("java"), "-version"], capture_output=True, text=True, timeout=30,
                          check=False)
    lines = done.stderr.splitlines()
    return lines[1].strip() if len(lines) > 1 else "unknown"


def class_path(bench):
    jars = [_jar(bench.pages / "java", name, checksum) for name, checksum in _JARS.items()]
    return os.pathsep.join(str(path) for path in [_classes(bench.pages / "java", jars), *jars])


def _jar(folder, name, checksum):
    path = folder / f"{name}-{NETTY_VERSION}.jar"
    if not path.exists():
        _fetch(folder, name)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != checksum:
        path.unlink()
        raise RuntimeError(f"{path.name}: its SHA-256 is {found}, not {checksum}; it was removed")
    return path


def _fetch(folder, name):
    folder.mkdir(parents=True, exist_ok=True)
    command = [_tool("mvn"), "-B", "-q", f"-Dmaven.repo.local={folder / 'repository'}", _COPY,
               f"-Dartifact=io.netty:{name}:{NETTY_VERSION}", f"-DoutputDirectory={folder}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False,
                          stdin=subprocess.DEVNULL, cwd=folder)
    if done.returncode != 0:
        said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
        raise peers.Missing(f"Maven could not fetch {name} {NETTY_VERSION}: {said[-300:].strip()}")


def _classes(folder, jars):
    """The compiled classes, in a folder named after what they were made from."""
    sources = sorted(_SOURCES.glob("*.java"))
    content = b"".join(path.read_bytes() for path in [*sources, *jars])
    made = folder / f"classes-{hashlib.sha256(content).hexdigest()[:16]}"
    if made.exists():
        return made
    for old in folder.glob("classes-*"):
        shutil.rmtree(old)
    partial = folder / "classes-partial"
    done = subprocess.run(
        [_tool("javac"), "-nowarn", "--release", "17", "-d", partial, "-cp",
         os.pathsep.join(map(str, jars)), *sources], capture_output=True, text=True, timeout=120,
        check=False)
    if done.returncode != 0:
        raise RuntimeError(f"javac: {done.stderr[-1500:]}")
    partial.rename(made)
    return made
