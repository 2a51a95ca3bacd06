#!/usr/bin/env bash
# install_test.sh SOURCE BUILD COMPILER: installs the build into an empty prefix and builds a
# stranger's programs against it, with nothing of the tree in reach but what was installed.
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

# build_example NAME KIND: builds examples/NAME against the installed library into $work/NAME-KIND.
# KIND is static or shared.
build_example() {
    local name="$1" kind="$2" shared=OFF
    local tree="$work/$name-$kind"
    [ "$kind" = static ] || shared=ON
    cp -R "$source/examples/$name" "$work/$name"
    cmake -S "$work/$name" -B "$tree" -G Ninja -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$prefix" \
        -DBUILD_SHARED_LIBS="$shared" >"$tree.log" 2>&1 ||
        { cat "$tree.log" >&2 && fail "$name does not find the package ($kind)"; }
    cmake --build "$tree" >"$tree.log" 2>&1 ||
        { cat "$tree.log" >&2 && fail "$name does not build ($kind)"; }
    rm -rf "${work:?}/$name"
}

# sends_a_file PROGRAM: the example moves a file into a pipe without a copy and names a missing one.
sends_a_file() {
    "$1" "$work/sent" 2>"$work/costs" | cat >"$work/received" || fail "$1 failed"
    cat "$work/costs"
    cmp "$work/sent" "$work/received" || fail "what arrived is not what was sent"
    grep -qx 'bytes:  300000' "$work/costs" || fail "the ledger does not say 300000 bytes"
    grep -qx 'copied: 0' "$work/costs" || fail "a file went into a pipe with copies"
    if "$1" "$work/nothing" 2>"$work/error"; then fail "a missing file was sent"; fi
    grep -q "$work/nothing" "$work/error" || fail "the error does not name the file"
}

needs_shared_library() { readelf -d "$1" | grep -q 'NEEDED.*\[libsluice\.so\.'; }

head -c 300000 /dev/urandom >"$work/sent"

build_example send_file static
sends_a_file "$work/send_file-static/send_file"
! needs_shared_library "$work/send_file-static/send_file" ||
    fail "the static package gave the shared library"

library="$(find "$prefix" -name libsluice.so)"
if [ -n "$library" ]; then
    build_example send_file shared
    sends_a_file "$work/send_file-shared/send_file"
    needs_shared_library "$work/send_file-shared/send_file" ||
        fail "BUILD_SHARED_LIBS did not give the shared library"
    # The filters are a static library that may use only what the shared one exports.
    if [ -n "$(find "$prefix" -name sluice-filter.cmake)" ]; then
        build_example zip shared
        needs_shared_library "$work/zip-shared/zip" ||
            fail "sluice::filter brought the static library"
    fi
fi

# Without CMake: the package's file for pkg-config.
pc="$(find "$prefix" -name sluice.pc)"
[ -n "$pc" ] || fail "sluice.pc is not installed"
export PKG_CONFIG_PATH="${pc%/*}"
pkg-config --exists --print-errors sluice || fail "pkg-config does not read sluice.pc"
# shellcheck disable=SC2046 # the flags are words
"$compiler" -std=c++23 "$source/examples/send_file/send_file.cc" -o "$work/by_hand" \
    $(pkg-config --cflags --libs sluice) -Wl,-rpath,"$(pkg-config --variable=libdir sluice)" ||
    fail "the example does not build with the flags of pkg-config"
sends_a_file "$work/by_hand"

[ -s "$prefix/share/man/man3/sluice.3" ] || fail "the library's manual page is not installed"
if [ -x "$build/sluice" ]; then
    "$prefix/bin/sluice" --help >/dev/null || fail "the installed program does not start"
    [ -s "$prefix/share/man/man1/sluice.1" ] || fail "the manual page is not installed"
fi
