// temporary_file.h: files and folders that go when their test does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sluice/file.h>
#include <sluice/unique_fd.h>

namespace sluice::support {

// A folder below the system's folder for temporary files, removed with all that is in it.
class temporary_directory {
  public:
    temporary_directory();
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    ~temporary_directory();

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

  private:
    std::string path_;
};

// A regular file with its writing side. Each call aborts the test program when it fails: a test
// that cannot write its own file has nothing to say.
class temporary_file {
  public:
    explicit temporary_file(std::string_view content = {});
    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;
    ~temporary_file();

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    // The file as the library sees it: opened again, for reading.
    [[nodiscard]] file open() const;

    void write_at(std::uint64_t position, std::string_view content);
    // Cuts the file or grows it by a hole.
    void resize(std::uint64_t size);
    void remove();
    // Writes the pages to the disk and drops them from the page cache. False when they stay, as on
    // a file system that lives in memory.
    [[nodiscard]] bool evict();
    // The whole content.
    [[nodiscard]] std::string content() const;

  private:
    std::string path_;
    unique_fd fd_;
};

}  // namespace sluice::support
