// mapped_appender.h: appending to a file by storing into a mapping of its end.
//
//      NAME          ┌───────────────────────────────┬──────────┬────────────┐
//                    │ appended, windows before      │ appended │ zeros      │ preallocated
//                    └───────────────────────────────┴──────────┴────────────┘
//                                                    ▲          ▲            ▲
//                                                    the window │            its end: the next
//                                                               length       append that does not
//      NAME.length   { boot, length, synced lengths }                        fit maps the next one
//
// An append is a check of bounds, one copy and one store of the length: no system call, and no page
// fault where the window was populated. Windows are given space on the disk before they are mapped,
// so that a full disk is ENOSPC in append() and not a fault; each is twice as large as the one
// before, up to a limit. Slices of what was appended stay valid whatever happens later.
//
// The length is crash-safe. The file is longer than what was appended while it is open; how much of
// it counts stands in a file beside it, a mapped page as well, so it survives the process like the
// bytes do. Opening looks there: after the end of a process (same boot of the machine) everything
// appended counts; after the end of the machine everything up to the last sync() does. What lies
// behind is cut off. close() cuts the file to its length and removes the file beside it. An
// appender that is destroyed without close() leaves both as if the process had ended.
//
// A store that is lost (a device that fails, a file that others cut; see mapped_region.h) does not
// show in append(): the next append that needs a window, sync() and close() give the error, and
// every one after them. Zeros stand in its place then, also for the next open(): only what lies in
// front of synced_length() is sure. A full btrfs does that (EIO), which may take new space for a
// store into space that it has given.
//
// Threads: append, reserve and close are for one thread. Any other may call length, slice and sync
// at the same time. One appender a file: opening takes an exclusive lock (file_lock.h).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <sluice/buffer_slice.h>
#include <sluice/bytes.h>
#include <sluice/file.h>
#include <sluice/result.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

struct mapped_appender_options {
    // Bytes of the first window, and the most that a window has unless one append needs more.
    std::uint64_t window_size = std::uint64_t{1} << 20;
    std::uint64_t window_size_max = std::uint64_t{64} << 20;
    // Makes a window's pages writable when it is mapped (MADV_POPULATE_WRITE): the appends into it
    // take no page fault then, and the one that needs the window takes longer. Left out where the
    // kernel does not have the call (before 5.14).
    bool populate = false;
    // The permissions of files that are made, less the process's umask.
    unsigned permissions = 0666;
};

class mapped_appender {
  public:
    // How the last appender of the file had ended.
    enum class ending : std::uint8_t {
        closed,         // by close(), or there was none: the file's size counts
        process_ended,  // without close(), in this boot of the machine: the written length counts
        machine_ended   // in an earlier boot: the length of the last sync() counts
    };

    // Opens or makes the file and goes on behind what counts of it. Waits for the disk: before
    // anything can be appended, NAME.length, its name and the length in it are there (and after
    // any ending but process_ended the bytes that count as well). EBUSY when another appender has
    // the file open. ENODATA when the file is shorter than its length. EBADMSG when NAME.length is
    // damaged: no synced length can be read after the end of the machine, the format is not known,
    // or it was never finished and names another length than the file has. Nothing is changed
    // then, and removing NAME.length makes the file's size count.
    [[nodiscard]] static result<mapped_appender> open(const std::string& path,
                                                      const mapped_appender_options& options = {});

    mapped_appender(mapped_appender&& other) noexcept;
    mapped_appender& operator=(mapped_appender&& other) noexcept;
    ~mapped_appender();

    // Appends all of `bytes` and returns the position of the first. One copy. On an error (ENOSPC,
    // EDQUOT, a store that was lost; EBADF after close()) nothing was appended, and what was
    // before is whole. Bytes may be a slice of this file.
    result<std::uint64_t> append(bytes_view bytes) {
        // Nothing wraps around to the most there is: it goes the long way, which asks whether the
        // appender is closed.
        if (bytes.size() - 1 >= static_cast<std::size_t>(window_end_ - next_)) [[unlikely]]
            return append_slowly(bytes);
        return store(bytes);
    }
    result<std::uint64_t> append(std::string_view text) { return append(as_bytes(text)); }
    // Makes the next window at least `count` bytes long beyond the length, and maps it now.
    [[nodiscard]] result<void> reserve(std::uint64_t count);

    // Bytes that were appended, and those that were there before. Any thread; what lies in front of
    // it can be read by whoever has read the length.
    [[nodiscard]] std::uint64_t length() const noexcept {
        return written_ == nullptr ? 0 : written_->load(std::memory_order_acquire);
    }
    // `count` bytes from `position` on, which must lie within the length (else ENODATA). Within the
    // window no system call; in front of it one mapping for each call. Any thread.
    [[nodiscard]] result<buffer_slice> slice(std::uint64_t position, std::uint64_t count) const;

    // Waits until everything appended so far is on the disk, and then until a length that covers it
    // is. Two waits for the disk (fdatasync(2), msync(2)). Once it has failed it fails for good,
    // since the kernel may have dropped what it could not write. Any thread.
    [[nodiscard]] result<void> sync();
    // The length that the last sync() has made safe. Any thread.
    [[nodiscard]] std::uint64_t synced_length() const noexcept;

    // Syncs, cuts the file to its length and removes the file beside it. After an error that one
    // stays, and the next open() finds what counts. The appender is closed in any case; closing
    // again does nothing.
    [[nodiscard]] result<void> close();

    [[nodiscard]] ending found() const noexcept;
    // The file, for reading in other ways; it is longer than length().
    [[nodiscard]] const file& target() const noexcept;

  private:
    class [[gnu::visibility("hidden")]] state;
    explicit mapped_appender(std::unique_ptr<state> opened) noexcept;

    std::uint64_t store(bytes_view bytes) noexcept {
        auto position = written_->load(std::memory_order_relaxed);
        copy_small_bytes({next_, bytes.size()}, bytes);
        next_ += bytes.size();
        // Release: whoever reads the length may read the bytes in front of it.
        written_->store(position + bytes.size(), std::memory_order_release);
        return position;
    }
    result<std::uint64_t> append_slowly(bytes_view bytes);
    result<void> map_next_window(std::uint64_t needed);

    std::byte* next_ = nullptr;
    std::byte* window_end_ = nullptr;
    std::atomic<std::uint64_t>* written_ = nullptr;  // in the mapped page of NAME.length
    std::unique_ptr<state> state_;                   // null when closed
};

}  // namespace sluice::inline v0

#pragma GCC visibility pop
