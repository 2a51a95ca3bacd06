// plan.h: which mechanism the next bytes take, and why.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <sluice/chain.h>
#include <sluice/mechanism.h>
#include <sluice/sink.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

// The sizes at which one mechanism becomes cheaper than another. The defaults were measured on a
// 2-core virtual machine over loopback (docs/mechanisms.md).
struct profile {
    // Up to this size a file piece is read and sent in one call with the memory before it: two
    // calls fewer outweigh a copy.
    std::uint64_t joined_file_max = 16 * 1024;
    // A file piece is moved, and checked for residency, in chunks of at most this size.
    std::uint64_t chunk_size = 1024 * 1024;
    // From this size on a file piece goes into a socket by splice(2) instead of sendfile(2): a pipe
    // of 1 MiB hands over sixteen times as much at a time as the kernel's own within sendfile(2),
    // which saves a fifth of the CPU. By default never: while the peer is slow the pipe holds its
    // pages, and a loop with many connections would soon be over the limit on those
    // (fs.pipe-user-pages-soft). transfer_to(), which has one transfer to do, does so.
    std::uint64_t spliced_file_min = never;
    static constexpr std::uint64_t never = UINT64_MAX;
};

enum class plan_reason : std::uint8_t {
    memory_is_gathered,  // memory goes out in one call, whatever its pieces
    small_file,          // one copy costs less than another system call
    file_without_copy,   // the kernel takes the pages themselves
    only_way_left,       // what would be cheaper does not work with this file or this sink
    forced,              // asked for by name
    staged,              // bytes are in a pipe and must leave it first
    file_to_file,        // file systems copy among themselves
    large_file,          // a pipe moves more at a time
};
[[nodiscard]] std::string_view text_of(plan_reason reason) noexcept;

struct plan {
    mechanism way = mechanism::read_write;
    plan_reason reason = plan_reason::only_way_left;
};

// Mechanisms that have turned out not to work for a transfer.
class mechanism_set {
  public:
    void insert(mechanism which) noexcept { bits_ |= bit(which); }
    [[nodiscard]] bool contains(mechanism which) const noexcept {
        return (bits_ & bit(which)) != 0;
    }

  private:
    static constexpr unsigned bit(mechanism which) noexcept {
        return 1U << static_cast<unsigned>(which);
    }
    unsigned bits_ = 0;
};

// Picks the way for the front of `pieces`, which must not be empty. Pure: looks at sizes and kinds
// only.
[[nodiscard]] plan plan_for(const chain& pieces, const sink& to, const profile& sizes,
                            std::optional<mechanism> forced, mechanism_set given_up) noexcept;

}  // namespace sluice::inline v0

#pragma GCC visibility pop
