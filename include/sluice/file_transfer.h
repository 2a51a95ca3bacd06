// file_transfer.h: a range of a file to anywhere, and anything into a file.
//
//     file_region ──transfer_to──▶ socket, pipe, device, file (at cursor or position), callback
//     socket, pipe, device, callback ──transfer_from──▶ file at a position
//
// Both move as much as they can by the cheapest way that works here. On a descriptor that is
// non-blocking they stop when it would block, and say so; on one that is not they go on until all
// is moved or the source has ended, waiting for it as long as it takes. (A loop that must not wait
// for the disk either takes transfer.h, which looks at the page cache first.)
//
//     auto sent = transfer_to(body.region(0, size), *sink::of(socket));
//     auto copied = transfer_to(body.region(0, size), *sink::at(copy, 0));
//     auto stored = transfer_from(*byte_source::of(socket), upload, 0, length);
//     if (stored.state == transfer_state::failed) report(*stored.failed, stored.bytes);
//
// The outcome is no result<>, because a transfer that fails half way has moved its first half:
// `bytes` counts exactly what has arrived, whatever the state.
//
// A program that moves files into sockets or pipes ignores SIGPIPE (see transfer.h). Thread-safe as
// the calls are: nothing is shared between two transfers but what the caller shares (a pipe and a
// block of memory are kept for each thread).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include <sluice/buffer_slice.h>
#include <sluice/bytes.h>
#include <sluice/file.h>
#include <sluice/file_region.h>
#include <sluice/ledger.h>
#include <sluice/mechanism.h>
#include <sluice/plan.h>
#include <sluice/receive_way.h>
#include <sluice/result.h>
#include <sluice/sink.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

// Why a transfer returned.
enum class transfer_state : std::uint8_t {
    done,          // all that was asked for has been moved
    would_block,   // the descriptor is non-blocking and not ready, or the callback takes no more
    source_ended,  // the source had less: the file is shorter, the peer has closed, the device ends
    failed,        // a call failed: see `failed`
};
[[nodiscard]] std::string_view text_of(transfer_state state) noexcept;

// What a transfer has done, whether it came to its end or not.
struct transfer_report {
    std::uint64_t bytes = 0;  // that have arrived
    transfer_state state = transfer_state::done;
    std::optional<error> failed;  // with state failed, and only then

    [[nodiscard]] bool done() const noexcept { return state == transfer_state::done; }
};

// transfer_to: also by which way, and at what cost. The ledger holds the fallbacks too.
struct send_report : transfer_report {
    mechanism way = mechanism::read_write;  // that moved the most
    ledger costs;
};

// transfer_from, likewise.
struct receive_report : transfer_report {
    receive_way way = receive_way::read_write;
    receive_ledger costs;
    // After a failure of the file, such as ENOSPC: what had left the source but did not get into
    // the file, in order, in memory. It belongs behind the `bytes` that did; without it they would
    // be lost. At most 1 MiB. Empty when there was no memory to keep it in, which the error then
    // says (ENOMEM).
    buffer_slice unwritten;
};

// A callable that is only borrowed: for the length of the call that takes it. No allocation.
template <typename Signature>
class callback_ref;
template <typename Result, typename Argument>
class callback_ref<Result(Argument)> {
  public:
    template <typename Callable>
        requires(std::is_object_v<std::remove_reference_t<Callable>> &&
                 std::is_invocable_r_v<Result, Callable&, Argument> &&
                 !std::is_same_v<std::remove_cvref_t<Callable>, callback_ref>)
    callback_ref(Callable&& called) noexcept
        : called_(const_cast<void*>(static_cast<const void*>(std::addressof(called)))),
          call_([](void* object, Argument argument) -> Result {
              return std::invoke(*static_cast<std::remove_reference_t<Callable>*>(object),
                                 argument);
          }) {}
    Result operator()(Argument argument) const { return call_(called_, argument); }

  private:
    void* called_;
    Result (*call_)(void*, Argument);
};

// Takes bytes, which are valid during the call only, and returns how many of them it took: fewer
// than all stops the transfer (would_block), an error fails it, and so does more than all (EINVAL).
using byte_taker = callback_ref<result<std::size_t>(bytes_view)>;
// Fills memory from its front and returns how many bytes it put there: none means that the source
// has ended, an error fails the transfer, and so does more than there was room for (EINVAL).
using byte_filler = callback_ref<result<std::size_t>(writable_bytes)>;

// What bytes are taken from: a stream socket, a pipe, a character device, or a file at its cursor.
// Borrowed: the descriptor must stay open for as long as this is used.
class byte_source {
  public:
    // Looks at the descriptor once (fstat, getsockopt).
    [[nodiscard]] static result<byte_source> of(int fd);
    byte_source(int fd, source_kind kind) noexcept : fd_(fd), kind_(kind) {}

    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] source_kind kind() const noexcept { return kind_; }
    // Whether the way's table row accepts this kind of source.
    [[nodiscard]] bool accepts(const receive_way_traits& way) const noexcept;

  private:
    int fd_;
    source_kind kind_;
};

// What has turned out not to work between two descriptors, for the next transfer between them: a
// way that was refused once is not tried again. The caller keeps one for as long as the pair stays
// the same (or for two file systems). Nothing is remembered beyond it: another pair may do better.
// Not synchronised.
struct refused_ways {
    mechanism_set sending;
    receive_way_set receiving;
    // Why, as errno values; 0 for what was not refused.
    std::array<int, mechanism_count> sending_reason{};
    std::array<int, receive_way_count> receiving_reason{};
};

struct file_transfer_options {
    profile sizes{.spliced_file_min = 512 * 1024};
    // A file range is moved by calls of at most this size (the kernel's limit is 2 GiB less a
    // page). profile::chunk_size bounds the steps of a loop; here nobody else waits for a turn.
    std::uint64_t call_size = std::uint64_t{1} << 30;
    receive_profile receive_sizes{};
    // Takes this way for all bytes if it works at all.
    std::optional<mechanism> forced{};
    std::optional<receive_way> forced_receive{};
    // Where refusals are remembered; none: for this transfer only.
    refused_ways* remembered = nullptr;
};

// Moves the region into the sink. The file's cursor is not used; the sink's is only where the sink
// is a file at its cursor. File to file: by sharing blocks, by copy_file_range(2), by sendfile(2)
// or splice(2), else by a copy through memory; each falls to the next, and `costs` says why. Ranges
// of one file that overlap are refused (EINVAL), as copy_file_range(2) does.
[[nodiscard]] send_report transfer_to(const file_region& from, sink to,
                                      const file_transfer_options& options = {});
// Hands the region's bytes to a callback, in blocks of at most 256 KiB. One copy, into a block of
// memory that the thread keeps.
[[nodiscard]] send_report transfer_to(const file_region& from, byte_taker to,
                                      const file_transfer_options& options = {});

// Moves up to `count` bytes from the source into the file, from byte `position` on: the file's
// cursor is not used, and bytes beyond `count` stay in the source. Refused before anything leaves
// the source: a file that was opened for appending, which ignores positions, and a position of 2^63
// or more (EINVAL); a file that is not open for writing (EBADF); the same file as the source,
// unless `count` bytes from its cursor and from `position` on lie apart (EINVAL). The source's
// bytes count as moved once they are in the file; see receive_report::unwritten for those in
// between.
[[nodiscard]] receive_report transfer_from(const byte_source& from, const file& to,
                                           std::uint64_t position, std::uint64_t count,
                                           const file_transfer_options& options = {});
// Lets a callback fill blocks of memory of at most 256 KiB, and writes them to the file. One copy.
[[nodiscard]] receive_report transfer_from(byte_filler from, const file& to, std::uint64_t position,
                                           std::uint64_t count,
                                           const file_transfer_options& options = {});
// The same as transfer_to(from, *sink::at(to, position)).
[[nodiscard]] send_report transfer_from(const file_region& from, const file& to,
                                        std::uint64_t position,
                                        const file_transfer_options& options = {});

}  // namespace sluice::inline v0

#pragma GCC visibility pop
