// receive_way.h: the ways to get bytes from a stream into a file, and what each of them costs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <sluice/ledger.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

enum class source_kind : std::uint8_t {
    tcp_socket,
    unix_socket,
    pipe,
    character_device,
    regular_file,  // at its cursor
    other
};

enum class receive_way : std::uint8_t {
    read_write,  // recv(2) or read(2) into memory, then pwrite(2): works with everything
    splice,      // splice(2) into a pipe and from the pipe into the file
    // recv(2) or read(2) straight into a mapping of the file. Only on demand: it has never been
    // the cheapest one. The file is made longer by up to 8 MiB meanwhile and cut again at the end,
    // so nobody else may append to it. It must be open for reading too.
    mapped_receive,
};

inline constexpr std::size_t receive_way_count = 3;

// What a way accepts and what it costs for each byte, on the receiver's side.
struct receive_way_traits {
    receive_way id;
    std::string_view name;
    std::string_view calls;  // the system calls it makes for a block
    bool from_sockets;
    bool from_pipes;
    bool from_devices;
    unsigned user_kernel_copies;  // copies between user space and the kernel, for each byte
};

inline constexpr std::array<receive_way_traits, receive_way_count> receive_way_table{{
    {receive_way::read_write, "read_write", "recv pwrite", true, true, true, 2},
    {receive_way::splice, "splice", "splice splice", true, true, true, 0},
    {receive_way::mapped_receive, "mapped_receive", "fallocate mmap recv munmap", true, true, true,
     1},
}};

[[nodiscard]] constexpr const receive_way_traits& traits_of(receive_way which) noexcept {
    return receive_way_table[static_cast<std::size_t>(which)];
}
[[nodiscard]] constexpr std::string_view name_of(receive_way which) noexcept {
    return traits_of(which).name;
}
// The way of that name.
[[nodiscard]] constexpr std::optional<receive_way> receive_way_named(
    std::string_view name) noexcept {
    for (const auto& each : receive_way_table) {
        if (each.name == name) return each.id;
    }
    return std::nullopt;
}

// The table is indexed by the enumeration.
static_assert([] {
    for (std::size_t at = 0; at < receive_way_count; ++at) {
        if (static_cast<std::size_t>(receive_way_table[at].id) != at) return false;
    }
    return true;
}());

// Ways that have turned out not to work.
class receive_way_set {
  public:
    void insert(receive_way which) noexcept { bits_ |= bit(which); }
    [[nodiscard]] bool contains(receive_way which) const noexcept {
        return (bits_ & bit(which)) != 0;
    }

  private:
    static constexpr unsigned bit(receive_way which) noexcept {
        return 1U << static_cast<unsigned>(which);
    }
    unsigned bits_ = 0;
};

// The sizes at which one way becomes cheaper than another (docs/mechanisms.md).
struct receive_profile {
    // From this size on bytes of a socket go by splice(2), below it by one read and one write.
    std::uint64_t spliced_min = 64 * 1024;
    // A socket that is not non-blocking is waited for until so much is in the pipe, before that is
    // written: more at a time costs less.
    std::uint64_t gathered_size = 256 * 1024;
    // Bytes are read and written in blocks of at most this size.
    std::uint64_t block_size = 256 * 1024;
};

// A way that turned out not to work here, and what took its place.
struct receive_fallback {
    receive_way from;
    receive_way to;
    int reason = 0;  // errno value
};

// What receiving has cost, by way. The numbers are counted where the calls are made.
struct receive_ledger {
    std::array<mechanism_cost, receive_way_count> by_way{};
    std::uint64_t fallback_count = 0;

    [[nodiscard]] mechanism_cost& of(receive_way which) noexcept {
        return by_way[static_cast<std::size_t>(which)];
    }
    [[nodiscard]] const mechanism_cost& of(receive_way which) const noexcept {
        return by_way[static_cast<std::size_t>(which)];
    }
    // The sum over all ways.
    [[nodiscard]] mechanism_cost total() const noexcept;
    // The way that moved most of the bytes.
    [[nodiscard]] receive_way foremost() const noexcept;
    // The fallbacks, oldest first: at most one for each way.
    [[nodiscard]] std::span<const receive_fallback> fallbacks() const noexcept {
        return std::span(fallback_list_).first(fallback_count);
    }
    void record(const receive_fallback& taken) noexcept;

  private:
    std::array<receive_fallback, receive_way_count> fallback_list_{};
};

}  // namespace sluice::inline v0

#pragma GCC visibility pop
