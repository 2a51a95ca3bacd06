// mapped_appender_testing.h: for tests of appended files, their ends and the file beside them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <sluice/mapped_appender.h>

#include "file/mapped_appender_length.h"
#include "support/temporary_file.h"
#include "sys/mapping.h"

namespace sluice::mapped_appender_testing {

inline std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_file(const std::string& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
}

class files : public testing::Test {
  protected:
    mapped_appender open(const mapped_appender_options& options = {}) {
        auto opened = mapped_appender::open(path_, options);
        EXPECT_TRUE(opened) << opened.error().message();
        return *std::move(opened);
    }
    // Windows of one, two and at most four pages.
    static mapped_appender_options small_windows() {
        return {.window_size = sys::page_size(), .window_size_max = 4 * sys::page_size()};
    }
    [[nodiscard]] bool side_exists() const { return std::filesystem::exists(side_); }
    // As after a crash of the machine: the page beside is that of another boot.
    void change_boot() const {
        auto text = read_file(side_);
        text[8] = static_cast<char>(text[8] ^ 1);
        write_file(side_, text);
    }
    void break_slot(std::size_t at) const {
        auto text = read_file(side_);
        text[at + offsetof(length_slot, length)] ^= 0x55;
        write_file(side_, text);
    }

    support::temporary_directory folder_;
    std::string path_ = folder_.path() + "/log";
    std::string side_ = path_ + ".length";
};

}  // namespace sluice::mapped_appender_testing
