"""Fixtures for the end-to-end tests of `sluice serve`; docs/serve.md is what they hold it to."""

import pathlib
import tempfile

import pytest

import program


def _folder():
    # Not pytest's own tmp_path: that keeps the files of past runs, and some here are large.
    return tempfile.TemporaryDirectory(prefix="sluice-e2e-", ignore_cleanup_errors=True)


@pytest.fixture
def folder():
    with _folder() as path:
        yield pathlib.Path(path)


@pytest.fixture(scope="module")
def module_folder():
    with _folder() as path:
        yield pathlib.Path(path)


@pytest.fixture
def root(folder):
    """An empty directory to serve."""
    path = folder / "root"
    path.mkdir()
    return path


@pytest.fixture
def serve(folder):
    """`serve(root, option=value)` starts a server; it is stopped and checked after the test."""
    servers = program.group(folder)
    yield servers.start
    servers.finish()


@pytest.fixture(scope="module")
def serve_module(module_folder):
    """The same for a server that all tests of one file share."""
    servers = program.group(module_folder)
    yield servers.start
    servers.finish()
