// file.h: an open file.
//
// A file is a shared handle: copies refer to the same open file, which is closed when the last copy
// and the last region of it go. All reading is positional, so threads may share one file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <sluice/bytes.h>
#include <sluice/result.h>
#include <sluice/unique_fd.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

class file_region;

class file {
  public:
    // Opens `path` for reading (open(2), O_RDONLY).
    [[nodiscard]] static result<file> open(const std::string& path);
    // Takes over an open descriptor. `name` is what errors call it.
    explicit file(unique_fd owned, std::string name = {});

    [[nodiscard]] int fd() const noexcept { return opened_->fd.get(); }
    [[nodiscard]] const std::string& name() const noexcept { return opened_->name; }

    // The size as it is now (fstat(2)).
    [[nodiscard]] result<std::uint64_t> size() const;
    // Reads at `position` until `to` is full or the file ends; returns the bytes read. Copies. May
    // wait for the disk.
    [[nodiscard]] result<std::size_t> read_at(std::uint64_t position, writable_bytes to) const;
    // The range as something to send; nothing is read.
    [[nodiscard]] file_region region(std::uint64_t position, std::uint64_t size) const noexcept;

  private:
    struct opened {
        unique_fd fd;
        std::string name;
    };
    std::shared_ptr<const opened> opened_;
};

}  // namespace sluice::inline v0

#pragma GCC visibility pop
