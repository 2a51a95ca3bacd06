#include "http/logs.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "support/fault_script.h"
#include "support/temporary_file.h"

namespace sluice::http {
namespace {

std::string content_of(const std::string& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

// The logs' thread takes its time: waits until a file says what it should, at most ten seconds.
bool comes_to_hold(const std::string& path, const std::string& wanted) {
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (content_of(path).find(wanted) == std::string::npos) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::yield();
    }
    return true;
}

class Logs : public testing::Test {
  protected:
    Logs() {
        config_.access = folder_.path() + "/access.log";
        config_.error = folder_.path() + "/error.log";
    }
    void open() {
        auto made = logs::open(config_);
        ASSERT_TRUE(made) << made.error().message();
        logs_ = *std::move(made);
    }

    support::fault_script script_;  // first: outlives every thread
    support::temporary_directory folder_;
    log_config config_;
    std::unique_ptr<logs> logs_;
};

TEST_F(Logs, WriteLinesToTheirFiles) {
    open();
    EXPECT_TRUE(logs_->access_wanted());
    logs_->write_access("one\ntwo\n", 2);
    logs_->write_access("three\n", 1);
    logs_->write(log_level::error, "trouble");
    logs_.reset();  // everything is written before it goes
    EXPECT_EQ(content_of(config_.access), "one\ntwo\nthree\n");
    auto said = content_of(config_.error);
    EXPECT_NE(said.find(" error: trouble\n"), std::string::npos) << said;
    EXPECT_EQ(said.find('T'), 10u) << said;  // the date of RFC 3339
}

TEST_F(Logs, AppendToWhatIsThere) {
    std::ofstream(config_.access) << "before\n";
    open();
    logs_->write_access("after\n", 1);
    logs_.reset();
    EXPECT_EQ(content_of(config_.access), "before\nafter\n");
}

TEST_F(Logs, KeepToTheLevel) {
    config_.level = log_level::warning;
    open();
    logs_->write(log_level::info, "quiet");
    logs_->write(log_level::debug, "quieter");
    logs_->write(log_level::warning, "loud");
    logs_->write(log_level::error, "louder");
    logs_.reset();
    auto said = content_of(config_.error);
    EXPECT_EQ(said.find("quiet"), std::string::npos) << said;
    EXPECT_NE(said.find("warning: loud\n"), std::string::npos) << said;
    EXPECT_NE(said.find("error: louder\n"), std::string::npos) << said;
}

// What is logged is text and not a format.
TEST_F(Logs, BracesArePlainText) {
    open();
    logs_->write(log_level::error, "{} {0} {:d} %s %n");
    logs_->write_access("{} %v\n", 1);
    logs_.reset();
    EXPECT_NE(content_of(config_.error).find("{} {0} {:d} %s %n\n"), std::string::npos);
    EXPECT_EQ(content_of(config_.access), "{} %v\n");
}

TEST_F(Logs, ANameThatCannotBeOpenedIsNamed) {
    for (auto* which : {&config_.access, &config_.error}) {
        auto before = *which;
        *which = folder_.path() + "/nothing/log";
        auto made = logs::open(config_);
        ASSERT_FALSE(made);
        EXPECT_NE(made.error().message().find("nothing/log"), std::string::npos);
        *which = before;
    }
}

TEST_F(Logs, OpenTheirFilesAgainAfterRotation) {
    open();
    logs_->write_access("old\n", 1);
    logs_->write(log_level::error, "old");
    ASSERT_TRUE(comes_to_hold(config_.access, "old\n"));
    ASSERT_TRUE(comes_to_hold(config_.error, "old\n"));
    std::filesystem::rename(config_.access, config_.access + ".1");
    std::filesystem::rename(config_.error, config_.error + ".1");
    logs_->write_access("between\n", 1);
    ASSERT_TRUE(comes_to_hold(config_.access + ".1", "between\n"));
    ASSERT_TRUE(logs_->reopen(config_));
    logs_->write_access("new\n", 1);
    logs_->write(log_level::error, "new");
    logs_.reset();
    EXPECT_EQ(content_of(config_.access + ".1"), "old\nbetween\n");
    EXPECT_EQ(content_of(config_.access), "new\n");
    EXPECT_NE(content_of(config_.error).find("new\n"), std::string::npos);
    EXPECT_EQ(content_of(config_.error + ".1").find("new\n"), std::string::npos);
}

TEST_F(Logs, TakeOverOtherSettings) {
    config_.access.clear();
    open();
    EXPECT_FALSE(logs_->access_wanted());
    EXPECT_EQ(logs_->format(), access_format::combined);
    config_.access = folder_.path() + "/access.log";
    config_.format = access_format::json;
    ASSERT_TRUE(logs_->reopen(config_));
    EXPECT_TRUE(logs_->access_wanted());
    EXPECT_EQ(logs_->format(), access_format::json);
}

// All or nothing: of a configuration that is refused nothing is taken.
TEST_F(Logs, AFailedReopenChangesNothing) {
    open();
    auto other = config_;
    other.error = folder_.path() + "/other-error.log";
    other.access = folder_.path() + "/nothing/access.log";
    EXPECT_FALSE(logs_->reopen(other));
    logs_->write(log_level::error, "still here");
    logs_->write_access("here too\n", 1);
    logs_.reset();
    EXPECT_NE(content_of(config_.error).find("still here"), std::string::npos);
    EXPECT_EQ(content_of(config_.access), "here too\n");
}

// ---- what is lost ----

TEST_F(Logs, AFullDiskDropsLinesCountsThemAndComplains) {
    open();
    EXPECT_EQ(logs_->dropped(), 0u);
    {
        support::fault_rules faults(script_);
        faults->fail(sys::call::write, ENOSPC, 1);
        logs_->write_access("one\ntwo\nthree\n", 3);
        while (faults->count(sys::call::write) == 0)
            std::this_thread::yield();
        while (logs_->dropped() == 0)
            std::this_thread::yield();
    }
    EXPECT_EQ(logs_->dropped(), 3u);
    logs_->write_access("four\n", 1);  // there is room again
    EXPECT_TRUE(comes_to_hold(config_.access, "four\n"));
    EXPECT_TRUE(comes_to_hold(config_.error, "lines dropped"));
    logs_.reset();
    EXPECT_EQ(content_of(config_.access), "four\n");
    auto said = content_of(config_.error);
    EXPECT_NE(said.find("No space left on device"), std::string::npos) << said;
    EXPECT_NE(said.find(config_.access), std::string::npos) << said;
}

TEST_F(Logs, ComplainsOnceInAWhileOnly) {
    open();
    {
        support::fault_rules faults(script_);
        faults->fail(sys::call::write, ENOSPC, 20);
        for (int count = 0; count < 20; ++count)
            logs_->write_access("line\n", 1);
        while (logs_->dropped() < 19)  // the complaint itself may take one of the faults
            std::this_thread::yield();
    }
    logs_.reset();
    auto said = content_of(config_.error);
    auto first = said.find("lines dropped");
    if (first != std::string::npos) {
        EXPECT_EQ(said.find("lines dropped", first + 1), std::string::npos) << said;
    }
}

// A line of which a part was written is lost too.
TEST_F(Logs, CountsTheLineThatWasCutOff) {
    open();
    {
        support::fault_rules faults(script_);
        faults->cut(sys::call::write, 6);
        faults->fail(sys::call::write, ENOSPC, 1, 1);
        logs_->write_access("one\ntwo\nthree\n", 3);
        while (logs_->dropped() == 0)
            std::this_thread::yield();
    }
    EXPECT_EQ(logs_->dropped(), 2u);
    logs_.reset();
    EXPECT_EQ(content_of(config_.access).substr(0, 6), "one\ntw");
}

TEST_F(Logs, ShortWritesAreGoneOnWith) {
    open();
    std::string lines;
    for (int at = 0; at < 100; ++at)
        lines += "line " + std::to_string(at) + "\n";
    {
        support::fault_rules faults(script_);
        faults->cut(sys::call::write, 3);
        logs_->write_access(lines, 100);
        ASSERT_TRUE(comes_to_hold(config_.access, "line 99\n"));
    }
    EXPECT_EQ(content_of(config_.access), lines);
    EXPECT_EQ(logs_->dropped(), 0u);
}

// When the thread is held up the queue fills and is never waited for.
TEST_F(Logs, AFullQueueDropsAndCounts) {
    open();
    std::atomic<bool> held{true};
    constexpr std::uint64_t batches = 6000;
    std::uint64_t dropped = 0;
    {
        support::fault_rules faults(script_);
        faults->before(sys::call::write, [&] {
            while (held)
                std::this_thread::yield();
        });
        for (std::uint64_t at = 0; at < batches; ++at)
            logs_->write_access("a\nb\n", 2);
        dropped = logs_->dropped();
        held = false;
        logs_.reset();
    }
    EXPECT_GT(dropped, 0u);
    auto text = content_of(config_.access);
    auto written = static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
    EXPECT_EQ(written + dropped, batches * 2);
}

TEST_F(Logs, ManyThreadsMayWrite) {
    open();
    std::vector<std::thread> writers;
    for (int at = 0; at < 4; ++at)
        writers.emplace_back([&] {
            for (int count = 0; count < 200; ++count) {
                logs_->write_access("0123456789\n", 1);
                (void)logs_->dropped();
            }
        });
    for (int count = 0; count < 50; ++count)
        EXPECT_TRUE(logs_->reopen(config_));
    for (auto& each : writers)
        each.join();
    logs_.reset();
    std::istringstream text(content_of(config_.access));
    std::string line;
    int lines = 0;
    for (; std::getline(text, line); ++lines)
        EXPECT_EQ(line, "0123456789");
    EXPECT_EQ(lines, 800);
}

}  // namespace
}  // namespace sluice::http
