#!/usr/bin/env bash
# install_test.sh SOURCE BUILD COMPILER: installs the build into an empty prefix and builds a
# stranger's program against it, with nothing of the tree in reach but what was installed.
set -euo pipefail

source="$1" build="$2" compiler="$3"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
prefix="$work/prefix"

fail() {
    printf 'install_test: %s\n' "$*" >&2
    exit 1
}

cmake --install "$build" --prefix "$prefix" >"$work/install.log" || fail "cmake --install failed"

headers_below() { (cd "$1" && find sluice -type f | sort); }
diff <(headers_below "$source/include") <(headers_below "$prefix/include") ||
    fail "the installed headers are not those of include/"

cp -R "$source/examples/send_file" "$work/send_file"
cmake -S "$work/send_file" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$prefix" >"$work/configure.log" ||
    fail "the example does not find the package"
if ! cmake --build "$work/build" >"$work/build.log"; then
    cat "$work/build.log" >&2
    fail "the example does not build"
fi

head -c 300000 /dev/urandom >"$work/sent"
"$work/build/send_file" "$work/sent" 2>"$work/costs" | cat >"$work/received" ||
    fail "the example failed"
cat "$work/costs"
cmp "$work/sent" "$work/received" || fail "what arrived is not what was sent"
grep -qx 'bytes:  300000' "$work/costs" || fail "the ledger does not say 300000 bytes"
grep -qx 'copied: 0' "$work/costs" || fail "a file went into a pipe with copies"
if "$work/build/send_file" "$work/nothing" 2>"$work/error"; then fail "a missing file was sent"; fi
grep -q "$work/nothing" "$work/error" || fail "the error does not name the file"

if [ -x "$build/sluice" ]; then
    "$prefix/bin/sluice" --help >/dev/null || fail "the installed program does not start"
    [ -s "$prefix/share/man/man1/sluice.1" ] || fail "the manual page is not installed"
fi
