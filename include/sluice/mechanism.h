// mechanism.h: the ways to move bytes into a sink, and what each of them costs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

enum class mechanism : std::uint8_t {
    read_write,      // pread(2) into a bounce buffer, then write: the oracle the others are held to
    mapped_write,    // mmap(2), then write from the mapping
    sendfile,        // sendfile(2)
    splice,          // splice(2) from the file into a pipe and from the pipe into the sink
    gathered_write,  // sendmsg(2) or writev(2) of several pieces of memory
    copy_file_range,  // copy_file_range(2): the file systems copy among themselves
    reflink,          // ioctl_ficlonerange(2): both files share the blocks, nothing is copied
};

inline constexpr std::size_t mechanism_count = 7;

// What a mechanism accepts and what it costs for each byte, on the sender's side.
struct mechanism_traits {
    mechanism id;
    std::string_view name;
    std::string_view calls;  // the system calls it makes for a chunk
    bool takes_memory;       // moves pieces of memory
    bool takes_files;        // moves pieces of files
    bool into_sockets;       // TCP and UNIX stream sockets
    bool into_pipes;
    bool into_files;
    bool at_positions;            // into a file at a position (sink::at), not only at its cursor
    unsigned user_kernel_copies;  // copies between user space and the kernel, for each byte
};

inline constexpr std::array<mechanism_traits, mechanism_count> mechanism_table{{
    {mechanism::read_write, "read_write", "pread sendmsg", true, true, true, true, true, true, 2},
    {mechanism::mapped_write, "mapped_write", "fstat mmap sendmsg munmap", false, true, true, true,
     true, true, 1},
    {mechanism::sendfile, "sendfile", "sendfile", false, true, true, true, true, false, 0},
    {mechanism::splice, "splice", "splice splice", false, true, true, true, true, true, 0},
    {mechanism::gathered_write, "gathered_write", "sendmsg", true, false, true, true, true, true,
     1},
    {mechanism::copy_file_range, "copy_file_range", "copy_file_range", false, true, false, false,
     true, true, 0},
    {mechanism::reflink, "reflink", "fstat ioctl_ficlonerange", false, true, false, false, true,
     true, 0},
}};

[[nodiscard]] constexpr const mechanism_traits& traits_of(mechanism which) noexcept {
    return mechanism_table[static_cast<std::size_t>(which)];
}
[[nodiscard]] constexpr std::string_view name_of(mechanism which) noexcept {
    return traits_of(which).name;
}
// The mechanism of that name, as options and logs spell it.
[[nodiscard]] constexpr std::optional<mechanism> mechanism_named(std::string_view name) noexcept {
    for (const auto& each : mechanism_table) {
        if (each.name == name) return each.id;
    }
    return std::nullopt;
}

// The table is indexed by the enumeration.
static_assert([] {
    for (std::size_t at = 0; at < mechanism_count; ++at) {
        if (static_cast<std::size_t>(mechanism_table[at].id) != at) return false;
    }
    return true;
}());

}  // namespace sluice::inline v0

#pragma GCC visibility pop
