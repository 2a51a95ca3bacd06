#include "support/temporary_file.h"

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include <sys/stat.h>
#include <unistd.h>

#include "sys/files.h"

namespace sluice::support {

namespace {

void require(bool holds, std::string_view what) {
    if (holds) return;
    std::cerr << "test support: " << what << " failed: " << std::generic_category().message(errno)
              << std::endl;
    std::abort();
}

std::string template_in_tmp(std::string_view name) {
    return (std::filesystem::temp_directory_path() / name).string();
}

std::uint64_t size_of(int fd) {
    auto found = sys::status(fd);
    require(found.has_value(), "fstat");
    return static_cast<std::uint64_t>(found->st_size);
}

}  // namespace

temporary_directory::temporary_directory() : path_(template_in_tmp("sluice-test-XXXXXX")) {
    require(::mkdtemp(path_.data()) != nullptr, "mkdtemp");
}

temporary_directory::~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

temporary_file::temporary_file(std::string_view content)
    : path_(template_in_tmp("sluice-test-XXXXXX")), fd_(::mkstemp(path_.data())) {
    require(static_cast<bool>(fd_), "mkstemp");
    write_at(0, content);
}

temporary_file::~temporary_file() {
    ::unlink(path_.c_str());
}

file temporary_file::open() const {
    auto opened = file::open(path_);
    require(opened.has_value(), "open");
    return *std::move(opened);
}

void temporary_file::write_at(std::uint64_t position, std::string_view content) {
    while (!content.empty()) {
        auto count = ::pwrite(fd(), content.data(), content.size(), static_cast<off_t>(position));
        require(count > 0, "pwrite");
        content.remove_prefix(static_cast<std::size_t>(count));
        position += static_cast<std::uint64_t>(count);
    }
}

void temporary_file::resize(std::uint64_t size) {
    require(::ftruncate(fd(), static_cast<off_t>(size)) == 0, "ftruncate");
}

void temporary_file::remove() {
    require(::unlink(path_.c_str()) == 0, "unlink");
}

bool temporary_file::evict() {
    require(::fdatasync(fd()) == 0, "fdatasync");
    require(sys::drop_from_page_cache(fd()).has_value(), "posix_fadvise");
    auto left = sys::cached_pages(fd(), 0, size_of(fd()));
    return left && *left == 0;
}

std::string temporary_file::content() const {
    std::string bytes(size_of(fd()), '\0');
    auto got = open().read_at(0, std::as_writable_bytes(std::span(bytes)));
    require(got && *got == bytes.size(), "read_at");
    return bytes;
}

}  // namespace sluice::support
