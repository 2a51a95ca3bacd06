// Every allocation that the file layer makes fails once: with std::bad_alloc or an error, and with
// everything as it was.
#include <algorithm>
#include <fstream>
#include <new>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <sluice/atomic_file.h>
#include <sluice/buffered_appender.h>
#include <sluice/file.h>
#include <sluice/file_lock.h>

#include "support/failing_allocation.h"
#include "support/fault_script.h"
#include "support/pattern.h"
#include "support/temporary_file.h"
#include "sys/descriptors.h"
#include "sys/files.h"

namespace sluice {
namespace {

using support::fail_each_allocation;
using support::pattern;

// Runs `act`, which may end by std::bad_alloc or an error. True when it came to its end.
template <typename Action>
bool try_to(Action act) {
    try {
        return static_cast<bool>(act());
    } catch (const std::bad_alloc&) {
        return false;
    }
}

class FileAllocation : public testing::Test {
  protected:
    // Without an allocation.
    void write_old() const {
        unique_fd target(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644));
        EXPECT_EQ(::write(target.get(), "old", 3), 3);
    }
    [[nodiscard]] std::string content() const {
        std::ifstream in(path_);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    [[nodiscard]] std::vector<std::string> names() const {
        return sys::names_in(sys::open(folder_.path(), O_RDONLY)->get(), 100)->names;
    }

    support::temporary_directory folder_;
    const std::string path_ = folder_.path() + "/target";
};

TEST_F(FileAllocation, OpeningReadingAndLockingLeaveNoDescriptorOpen) {
    std::ofstream(path_) << pattern(20'000);
    auto folder = *file::open_directory(folder_.path());
    auto name = std::string("target");
    auto open_before = sys::open_descriptors();
    bool succeeded = false;
    auto count = fail_each_allocation([&] {
        succeeded = try_to([&]() -> bool {
            auto opened = file::open_beneath(folder, name, {.access = file_access::read_write});
            auto again = file::open(path_);
            if (!opened || !again) return false;
            auto lock = file_lock::acquire(*opened, lock_kind::exclusive);
            auto all = again->read_all(1 << 20);
            return lock && all && all->size() == 20'000;
        });
    });
    EXPECT_TRUE(succeeded);
    EXPECT_GT(count, 3u);
    EXPECT_EQ(sys::open_descriptors(), open_before);
}

TEST_F(FileAllocation, AnAtomicFileIsReplacedOrNotAndLeavesNothing) {
    for (bool nameless : {true, false}) {
        unsigned replaced = 0;
        auto count = fail_each_allocation([&] {
            write_old();
            support::fault_script faults;
            if (!nameless) faults.fail(sys::call::open, EOPNOTSUPP, 1, 1);
            bool done = try_to([&]() -> bool {
                auto made = atomic_file::create(path_);
                return made && made->content().append(as_bytes("new")) && made->commit();
            });
            replaced += done ? 1 : 0;
            EXPECT_EQ(::access(path_.c_str(), R_OK), 0);
        });
        EXPECT_GT(count, 3u);
        EXPECT_EQ(replaced, 1u) << nameless;
        EXPECT_EQ(content(), "new");
        EXPECT_EQ(names(), std::vector<std::string>{"target"});
    }
}

TEST_F(FileAllocation, AnAppenderLosesNothing) {
    auto target = *file::open(
        path_, {.access = file_access::read_write, .create = file_creation::if_missing});
    auto text = pattern(20'000);
    std::vector<bytes_view> parts{as_bytes("a"), as_bytes(text), as_bytes("b")};
    std::string wanted;
    wanted.reserve(1 << 20);
    auto count = fail_each_allocation([&] {
        try_to([&]() -> bool {
            auto out = buffered_appender::open(target, {.buffer_size = 8192});
            if (!out) return false;
            bool first = try_to([&] { return out->append(as_bytes("head")); });
            bool second = try_to([&] { return out->append(parts); });
            if (first) wanted += "head";
            if (second) wanted.append("a").append(text).append("b");
            return true;
        });
    });
    EXPECT_GT(count, 0u);
    EXPECT_EQ(support::difference(content(), wanted), "");
}

}  // namespace
}  // namespace sluice
