// buffered_appender.h: many small appends to a file in few calls.
//
//     file                     buffer
//     ┌───────────────────┐   ┌──────────┬─────────┐
//     │ written           │   │ buffered │  room   │
//     └───────────────────┘   └──────────┴─────────┘
//                         ▲               ▲
//                         └─ next flush   └─ position()
//
// A small append is one copy into the buffer; when the buffer is full it is written in one call,
// up to a page border of the file. A large append is not copied: it goes out in one gathered write
// together with what is buffered. The appender keeps the position, so it must be the only one that
// writes behind it. Not synchronised: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <span>

#include <sluice/bytes.h>
#include <sluice/file.h>
#include <sluice/result.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

struct appender_options {
    // Rounded up to pages, at least two.
    std::size_t buffer_size = 64 << 10;
    // Where the first byte goes; the end of the file, as it is now, when none is given.
    std::optional<std::uint64_t> position = {};
};

// When an append, flush or close fails, nothing that was taken before is lost: what could not be
// written stays in the buffer, and the next call tries again. An append's error tells by
// bytes_done() how many bytes of that append were taken, from its start on; to go on, append the
// others.
//
// The destructor writes what is buffered and has nobody to tell when that fails, as with a C++
// stream: call close() where it matters.
class buffered_appender {
  public:
    // Appends to `target`, which must be open for writing (else EBADF), without `append` and
    // `direct` (EINVAL). What a file that was made from a descriptor is open with is not known: a
    // direct one fails at the first flush then. One allocation; ENOMEM when it is refused.
    [[nodiscard]] static result<buffered_appender> open(file target,
                                                        const appender_options& options = {});
    buffered_appender(buffered_appender&& other) noexcept;
    buffered_appender& operator=(buffered_appender&& other) noexcept;
    ~buffered_appender();

    // Appends all of it: a copy, unless it is at least half as large as the buffer.
    [[nodiscard]] result<void> append(bytes_view bytes) {
        if (bytes.size() > room()) [[unlikely]]
            return append_through({&bytes, 1});
        take(bytes);
        return {};
    }
    // The same for several parts, one after the other.
    [[nodiscard]] result<void> append(std::span<const bytes_view> parts);

    // Writes what is buffered. On an error bytes_done() of it have been written.
    [[nodiscard]] result<void> flush();
    // Writes what is buffered and waits until it is on the disk (file::sync).
    [[nodiscard]] result<void> sync(sync_scope scope = sync_scope::data);
    // Writes what is buffered and gives the buffer and the file back. When it fails, the appender
    // is as before. Nothing may be appended afterwards.
    [[nodiscard]] result<void> close();

    // Where the next byte will stand in the file.
    [[nodiscard]] std::uint64_t position() const noexcept { return written_end_ + buffered(); }
    // How many bytes wait to be written.
    [[nodiscard]] std::size_t buffered() const noexcept { return filled_ - begin_; }
    // The file; none after close().
    [[nodiscard]] const std::optional<file>& target() const noexcept { return target_; }

  private:
    struct free_pages {
        void operator()(std::byte* memory) const noexcept;
    };
    using pages = std::unique_ptr<std::byte[], free_pages>;

    buffered_appender(file target, pages memory, std::size_t size, std::uint64_t position) noexcept;

    [[nodiscard]] std::size_t room() const noexcept { return limit_ - filled_; }
    void take(bytes_view bytes) noexcept {
        filled_ += copy_bytes({memory_.get() + filled_, room()}, bytes);
    }
    [[nodiscard]] result<void> append_through(std::span<const bytes_view> parts);
    [[nodiscard]] result<void> append_small(bytes_view bytes);
    [[nodiscard]] result<void> write_gathered(std::span<const bytes_view> parts);
    void note_written(std::uint64_t count) noexcept;

    std::optional<file> target_;
    pages memory_;
    std::size_t size_ = 0;
    // The buffer from begin_ to filled_ is not written yet; it may be filled up to limit_, so that
    // the write ends at a page border of the file.
    std::size_t begin_ = 0;
    std::size_t filled_ = 0;
    std::size_t limit_ = 0;
    std::uint64_t written_end_ = 0;
};

}  // namespace sluice::inline v0

#pragma GCC visibility pop
