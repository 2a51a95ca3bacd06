#include <fcntl.h>

#include <sluice/file.h>
#include <sluice/file_region.h>

#include "sys/files.h"
#include "sys/io.h"

namespace sluice::inline v0 {

result<file> file::open(const std::string& path) {
    auto opened = sys::open(path, O_RDONLY);
    if (!opened) return failure(std::move(opened));
    return file(*std::move(opened), path);
}

file::file(unique_fd owned, std::string name)
    : opened_(std::make_shared<const opened>(std::move(owned), std::move(name))) {}

result<std::uint64_t> file::size() const {
    auto status = sys::status(fd());
    if (!status) return std::unexpected(std::move(status).error().on(name()));
    return static_cast<std::uint64_t>(status->st_size);
}

result<std::size_t> file::read_at(std::uint64_t position, writable_bytes to) const {
    std::size_t filled = 0;
    while (filled < to.size()) {
        auto got = sys::pread(fd(), to.subspan(filled), position + filled);
        if (!got) return std::unexpected(std::move(got).error().on(name()));
        if (got->bytes == 0) break;
        filled += got->bytes;
    }
    return filled;
}

file_region file::region(std::uint64_t position, std::uint64_t size) const noexcept {
    return {*this, position, size};
}

}  // namespace sluice::inline v0
