#include <array>
#include <set>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>

#include <sluice/plan.h>

#include "support/temporary_file.h"
#include "sys/files.h"

namespace sluice {
namespace {

constexpr auto small_size = profile().joined_file_max;
constexpr auto memory = std::uint64_t{0};  // in a row: a piece of memory

// One row: the pieces in front (sizes of files, or memory), what is asked for and what comes.
struct row {
    std::string name;
    std::vector<std::uint64_t> pieces;
    sink_kind into = sink_kind::tcp_socket;
    std::optional<mechanism> forced;
    std::vector<mechanism> given_up;
    mechanism way;
    plan_reason reason;
};

using enum mechanism;
using enum plan_reason;

const std::array rows{
    row{"memory", {memory}, sink_kind::tcp_socket, {}, {}, gathered_write, memory_is_gathered},
    row{"memory before a large file",
        {memory, small_size + 1},
        sink_kind::tcp_socket,
        {},
        {},
        gathered_write,
        memory_is_gathered},
    row{"memory before a small file",
        {memory, small_size},
        sink_kind::tcp_socket,
        {},
        {},
        read_write,
        small_file},
    row{"memory before memory and a small file",
        {memory, memory, 1},
        sink_kind::tcp_socket,
        {},
        {},
        read_write,
        small_file},
    row{"memory before a small file, forced",
        {memory, 1},
        sink_kind::tcp_socket,
        splice,
        {},
        gathered_write,
        memory_is_gathered},
    row{"small file with nothing before it",
        {1},
        sink_kind::tcp_socket,
        {},
        {},
        mechanism::sendfile,
        file_without_copy},
    row{"large file",
        {small_size + 1},
        sink_kind::tcp_socket,
        {},
        {},
        mechanism::sendfile,
        file_without_copy},
    row{"large file to a pipe",
        {small_size + 1},
        sink_kind::pipe,
        {},
        {},
        mechanism::sendfile,
        file_without_copy},
    row{"large file to a file",
        {small_size + 1},
        sink_kind::regular_file,
        {},
        {},
        mechanism::reflink,
        plan_reason::file_to_file},
    row{"file to a file on a file system that shares no blocks",
        {1},
        sink_kind::regular_file,
        {},
        {mechanism::reflink},
        mechanism::copy_file_range,
        plan_reason::file_to_file},
    row{"file to a file of another file system",
        {1},
        sink_kind::regular_file,
        {},
        {mechanism::reflink, mechanism::copy_file_range},
        mechanism::sendfile,
        file_without_copy},
    row{"forced to what goes into files only",
        {1},
        sink_kind::tcp_socket,
        mechanism::copy_file_range,
        {},
        mechanism::sendfile,
        file_without_copy},
    row{"file to a device",
        {1},
        sink_kind::character_device,
        {},
        {},
        mechanism::sendfile,
        file_without_copy},
    row{"large file to something else",
        {small_size + 1},
        sink_kind::other,
        {},
        {},
        read_write,
        only_way_left},
    row{"no sendfile",
        {small_size + 1},
        sink_kind::tcp_socket,
        {},
        {mechanism::sendfile},
        splice,
        file_without_copy},
    row{"neither sendfile nor splice",
        {small_size + 1},
        sink_kind::tcp_socket,
        {},
        {mechanism::sendfile, splice},
        mapped_write,
        only_way_left},
    row{"only the copying one",
        {small_size + 1},
        sink_kind::tcp_socket,
        {},
        {mechanism::sendfile, splice, mapped_write},
        read_write,
        only_way_left},
    row{"everything given up",
        {small_size + 1},
        sink_kind::tcp_socket,
        {},
        {mechanism::sendfile, splice, mapped_write, read_write},
        read_write,
        only_way_left},
    row{"forced", {small_size + 1}, sink_kind::tcp_socket, splice, {}, splice, plan_reason::forced},
    row{"forced for a small file",
        {1},
        sink_kind::tcp_socket,
        mapped_write,
        {},
        mapped_write,
        plan_reason::forced},
    row{"forced and given up",
        {small_size + 1},
        sink_kind::tcp_socket,
        splice,
        {splice},
        mechanism::sendfile,
        file_without_copy},
    row{"forced where the sink has no such way",
        {small_size + 1},
        sink_kind::other,
        splice,
        {},
        read_write,
        only_way_left},
    row{"forced to what takes no files",
        {small_size + 1},
        sink_kind::tcp_socket,
        gathered_write,
        {},
        mechanism::sendfile,
        file_without_copy},
};

TEST(Plan, FollowsItsTable) {
    support::temporary_file written;
    auto opened = written.open();
    for (const auto& each : rows) {
        SCOPED_TRACE(each.name);
        chain pieces;
        for (auto size : each.pieces) {
            if (size == memory) {
                pieces.append(buffer_slice::of_static("memory"));
            } else {
                pieces.append(opened.region(0, size));
            }
        }
        mechanism_set given_up;
        for (auto way : each.given_up)
            given_up.insert(way);
        auto made = plan_for(pieces, sink(-1, each.into), {}, each.forced, given_up);
        EXPECT_EQ(name_of(made.way), name_of(each.way));
        EXPECT_EQ(text_of(made.reason), text_of(each.reason));
    }
}

// sendfile(2) knows no position of its target.
TEST(Plan, PositionInAFile) {
    support::temporary_file written("content");
    auto opened = written.open();
    chain pieces;
    pieces.append(opened.region(0, 7));
    file target(*sys::open(written.path(), O_RDWR), written.path());
    auto to = sink::at(target, 5);
    ASSERT_TRUE(to);
    mechanism_set given_up;
    for (auto expected : {mechanism::reflink, mechanism::copy_file_range, splice, mapped_write,
                          read_write, read_write}) {
        auto made = plan_for(pieces, *to, {}, {}, given_up);
        EXPECT_EQ(name_of(made.way), name_of(expected));
        given_up.insert(made.way);
    }
}

TEST(Plan, SizesComeFromTheProfile) {
    support::temporary_file written;
    chain pieces;
    pieces.append(buffer_slice::of_static("memory"));
    pieces.append(written.open().region(0, 100));
    sink to(-1, sink_kind::tcp_socket);
    EXPECT_EQ(plan_for(pieces, to, {.joined_file_max = 100}, {}, {}).way, read_write);
    EXPECT_EQ(plan_for(pieces, to, {.joined_file_max = 99}, {}, {}).way, gathered_write);
}

TEST(Plan, LargeFilesGoThroughAPipeWhereAskedFor) {
    support::temporary_file written;
    chain pieces;
    pieces.append(written.open().region(0, 100));
    sink to(-1, sink_kind::tcp_socket);
    auto made = plan_for(pieces, to, {.spliced_file_min = 100}, {}, {});
    EXPECT_EQ(made.way, splice);
    EXPECT_EQ(made.reason, plan_reason::large_file);
    EXPECT_EQ(plan_for(pieces, to, {.spliced_file_min = 101}, {}, {}).way, mechanism::sendfile);
    mechanism_set given_up;
    given_up.insert(splice);
    EXPECT_EQ(plan_for(pieces, to, {.spliced_file_min = 1}, {}, given_up).way, mechanism::sendfile);
    EXPECT_EQ(plan_for(pieces, sink(-1, sink_kind::pipe), {.spliced_file_min = 1}, {}, {}).way,
              mechanism::sendfile);
}

TEST(Plan, EachReasonHasItsOwnText) {
    std::set<std::string_view> texts;
    for (auto reason :
         {memory_is_gathered, small_file, file_without_copy, only_way_left, plan_reason::forced,
          staged, plan_reason::file_to_file, plan_reason::large_file}) {
        EXPECT_GT(text_of(reason).size(), 10u);
        texts.insert(text_of(reason));
    }
    EXPECT_EQ(texts.size(), 8u);
}

TEST(Mechanism, NamesGoBothWays) {
    for (const auto& each : mechanism_table) {
        EXPECT_EQ(mechanism_named(each.name), each.id);
        EXPECT_EQ(name_of(each.id), each.name);
    }
    EXPECT_EQ(mechanism_named("teleport"), std::nullopt);
    EXPECT_EQ(mechanism_named(""), std::nullopt);
}

TEST(MechanismSet, HoldsWhatWasInserted) {
    mechanism_set set;
    EXPECT_FALSE(set.contains(splice));
    set.insert(splice);
    set.insert(splice);
    EXPECT_TRUE(set.contains(splice));
    EXPECT_FALSE(set.contains(mechanism::sendfile));
}

}  // namespace
}  // namespace sluice
