#include <array>
#include <cstring>
#include <new>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <sluice/file.h>
#include <sluice/file_region.h>

#include "support/fault_script.h"
#include "support/pattern.h"
#include "support/temporary_file.h"
#include "sys/io.h"

namespace sluice {
namespace {

using support::fault_script;
using support::pattern;
using support::temporary_file;

constexpr open_options for_both{.access = file_access::read_write};

file opened(const std::string& path, const open_options& options = for_both) {
    auto made = file::open(path, options);
    EXPECT_TRUE(made) << made.error().message();
    return *made;
}

// The text in parts of 0, 1, 2, 0, 1, 2, ... bytes.
std::vector<bytes_view> in_small_parts(std::string_view text) {
    std::vector<bytes_view> parts;
    for (std::size_t at = 0, number = 0; at < text.size(); ++number) {
        auto size = std::min(number % 3, text.size() - at);
        parts.push_back(as_bytes(text.substr(at, size)));
        at += size;
    }
    return parts;
}

std::vector<writable_bytes> small_parts_of(std::string& room) {
    std::vector<writable_bytes> parts;
    for (auto part : in_small_parts(std::string_view(room)))
        parts.emplace_back(const_cast<std::byte*>(part.data()), part.size());
    return parts;
}

TEST(FileWrite, WritesAtEveryPosition) {
    for (std::size_t position = 0; position <= 12; ++position) {
        temporary_file written("0123456789");
        ASSERT_TRUE(opened(written.path()).write_at(position, as_bytes("ab")));
        std::string wanted = "0123456789";
        if (wanted.size() < position + 2) wanted.resize(position + 2);
        wanted.replace(position, 2, "ab");
        EXPECT_EQ(written.content(), wanted) << position;
    }
}

TEST(FileWrite, WritesMorePartsThanACallTakesAndReadsThemBack) {
    auto content = pattern(5000);
    temporary_file written;
    auto target = opened(written.path());
    fault_script calls;
    ASSERT_TRUE(target.write_at(7, in_small_parts(content)));
    EXPECT_EQ(calls.count(sys::call::pwrite), 5u);  // 5,000 parts
    EXPECT_EQ(written.content().substr(7), content);

    std::string room(6000, '?');
    calls.clear();
    EXPECT_EQ(target.read_at(7, small_parts_of(room)), 5000u);
    EXPECT_EQ(room, content + std::string(1000, '?'));
}

TEST(FileWrite, GoesOnAfterShortWritesOfEverySize) {
    auto content = pattern(60);
    for (std::size_t size = 1; size <= 60; ++size) {
        temporary_file written;
        auto target = opened(written.path());
        fault_script faults;
        faults.cut_all(size);
        ASSERT_TRUE(target.write_at(3, in_small_parts(content)));
        std::string room(70, '?');
        EXPECT_EQ(target.read_at(3, small_parts_of(room)), 60u);
        EXPECT_EQ(room.substr(0, 60), content) << size;
    }
}

TEST(FileWrite, NothingToMoveMakesNoCall) {
    temporary_file written("abc");
    auto target = opened(written.path());
    fault_script calls;
    std::array<bytes_view, 3> empty{};
    EXPECT_TRUE(target.write_at(0, empty));
    EXPECT_TRUE(target.append(bytes_view()));
    EXPECT_EQ(target.read_at(0, writable_bytes()), 0u);
    EXPECT_EQ(calls.count(sys::call::pwrite) + calls.count(sys::call::pread), 0u);
}

TEST(FileWrite, AnErrorTellsHowMuchWasWritten) {
    temporary_file written;
    auto target = opened(written.path());
    fault_script faults;
    faults.cut(sys::call::pwrite, 7);
    faults.fail(sys::call::pwrite, ENOSPC, fault_script::always, 2);
    auto done = target.write_at(0, as_bytes("0123456789abcdefghij"));
    ASSERT_FALSE(done);
    EXPECT_TRUE(done.error().is(ENOSPC));
    EXPECT_EQ(done.error().object(), written.path());
    EXPECT_EQ(done.error().bytes_done(), 14u);
    EXPECT_EQ(written.content(), "0123456789abcd");
}

TEST(FileWrite, AFailedReadTellsHowMuchCame) {
    temporary_file written("0123456789");
    auto source = opened(written.path());
    fault_script faults;
    faults.cut(sys::call::pread, 4);
    faults.fail(sys::call::pread, EIO, 1, 1);
    std::array<std::byte, 10> room{};
    auto got = source.read_at(0, room);
    ASSERT_FALSE(got);
    EXPECT_TRUE(got.error().is(EIO));
    EXPECT_EQ(got.error().bytes_done(), 4u);
}

TEST(FileWrite, WithoutProgressIsAnErrorAndNotALoop) {
    temporary_file written;
    auto target = opened(written.path());
    fault_script faults;
    faults.cut(sys::call::pwrite, 0);
    auto done = target.write_at(0, as_bytes("abc"));
    ASSERT_FALSE(done);
    EXPECT_TRUE(done.error().is(EIO));
}

TEST(FileWrite, WouldBlockIsAnErrorAndNotALoop) {
    temporary_file written("abc");
    auto target = opened(written.path());
    fault_script faults;
    faults.fail(sys::call::pread, EAGAIN);
    faults.fail(sys::call::pwrite, EAGAIN);
    std::array<std::byte, 3> room{};
    EXPECT_TRUE(target.read_at(0, room).error().is(EAGAIN));
    EXPECT_TRUE(target.write_at(0, room).error().is(EAGAIN));
    EXPECT_TRUE(target.append(room).error().is(EAGAIN));
}

TEST(FileWrite, NeedsAFileThatIsOpenForIt) {
    temporary_file written("abc");
    auto done = opened(written.path(), {}).write_at(0, as_bytes("x"));
    ASSERT_FALSE(done);
    EXPECT_TRUE(done.error().is(EBADF));
    std::array<std::byte, 3> room{};
    auto got = opened(written.path(), {.access = file_access::write}).read_at(0, room);
    ASSERT_FALSE(got);
    EXPECT_TRUE(got.error().is(EBADF));
}

// The devices take and give any amount at once, as a large enough file would.
TEST(FileWrite, MovesMoreThan2GiBInOneCall) {
    constexpr std::size_t size = (std::size_t{5} << 30) + 3;
    void* nothing =
        ::mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ASSERT_NE(nothing, MAP_FAILED);
    fault_script calls;
    bytes_view all(static_cast<const std::byte*>(nothing), size);
    EXPECT_TRUE(opened("/dev/null").write_at(0, all));
    EXPECT_EQ(calls.count(sys::call::pwrite), 3u);
    ::munmap(nothing, size);

    std::vector<std::byte> room(std::size_t{64} << 20, std::byte{1});
    std::vector<writable_bytes> parts(33, room);
    EXPECT_EQ(opened("/dev/zero", {}).read_at(0, parts), 33 * room.size());
    EXPECT_EQ(calls.count(sys::call::pread), 2u);
    EXPECT_EQ(room.back(), std::byte{0});
}

TEST(FileWrite, WritesBeyond32Bits) {
    constexpr auto position = (std::uint64_t{5} << 32) + 1;
    temporary_file written;
    auto target = opened(written.path());
    ASSERT_TRUE(target.write_at(position, as_bytes("far")));
    EXPECT_EQ(target.size(), position + 3);
    ASSERT_TRUE(target.append(as_bytes("end")));
    std::array<std::byte, 8> room{};
    EXPECT_EQ(target.region(position, 6).read_at(1, room), 5u);
    EXPECT_EQ(as_text(room).substr(0, 5), "arend");
    auto beyond = target.write_at(~std::uint64_t{0}, as_bytes("x"));
    ASSERT_FALSE(beyond);
    EXPECT_TRUE(beyond.error().is(EINVAL));
}

TEST(FileAppend, AppendsAtTheEndAsItIs) {
    temporary_file written("abc");
    auto target = opened(written.path());
    ASSERT_TRUE(target.append(as_bytes("de")));
    written.write_at(5, "f");
    auto parts = in_small_parts("ghi");
    ASSERT_TRUE(target.append(parts));
    EXPECT_EQ(written.content(), "abcdefghi");
    ASSERT_TRUE(target.write_at(0, as_bytes("A")));
    EXPECT_EQ(written.content(), "Abcdefghi");
}

TEST(FileAppend, OpenedForAppendingWritesNowhereElse) {
    temporary_file written("abc");
    auto target = opened(written.path(), {.access = file_access::write, .append = true});
    ASSERT_TRUE(target.append(as_bytes("d")));
    auto done = target.write_at(0, as_bytes("X"));
    ASSERT_FALSE(done);
    EXPECT_TRUE(done.error().is(EINVAL));
    EXPECT_EQ(written.content(), "abcd");
}

TEST(FileAppend, ThreadsDoNotTearEachOthersRecords) {
    temporary_file written;
    constexpr int records = 500;
    {
        std::vector<std::jthread> threads;
        for (char letter : {'a', 'b', 'c'}) {
            threads.emplace_back([&written, letter] {
                auto target = opened(written.path());
                std::string half(20, letter);
                std::array<bytes_view, 2> parts{as_bytes(half), as_bytes(half)};
                for (int count = 0; count < records; ++count)
                    ASSERT_TRUE(target.append(parts));
            });
        }
    }
    auto content = written.content();
    ASSERT_EQ(content.size(), 3u * records * 40);
    for (std::size_t at = 0; at < content.size(); at += 40)
        ASSERT_EQ(content.substr(at, 40), std::string(40, content[at]));
}

TEST(FileAppend, AnErrorTellsHowMuchWasAppended) {
    temporary_file written("abc");
    auto target = opened(written.path());
    fault_script faults;
    faults.cut(sys::call::pwrite, 2);
    faults.fail(sys::call::pwrite, EDQUOT, 1, 1);
    auto done = target.append(as_bytes("defg"));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().bytes_done(), 2u);
    EXPECT_EQ(written.content(), "abcde");
}

TEST(FileReadAll, ReadsTheWholeFileUpToABound) {
    for (std::size_t size : {0, 1, 4095, 4096, 4097, 100'000}) {
        auto content = pattern(size);
        temporary_file written(content);
        auto source = opened(written.path());
        auto all = source.read_all(size);
        ASSERT_TRUE(all) << all.error().message();
        EXPECT_EQ(all->text(), content);
        if (size == 0) continue;
        auto refused = source.read_all(size - 1);
        ASSERT_FALSE(refused);
        EXPECT_TRUE(refused.error().is(EFBIG));
    }
}

TEST(FileReadAll, ReadsFilesThatDoNotTellTheirSize) {
    auto source = opened("/proc/self/smaps", {});
    ASSERT_EQ(source.size(), 0u);
    auto all = source.read_all(std::numeric_limits<std::size_t>::max());
    ASSERT_TRUE(all);
    EXPECT_GT(all->size(), 4096u);
    EXPECT_TRUE(all->text().ends_with('\n'));
    auto refused = source.read_all(4096);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().is(EFBIG));
}

// Memory that begins at a multiple of `alignment`.
class aligned_memory {
  public:
    aligned_memory(std::size_t size, std::size_t alignment)
        : alignment_(alignment),
          bytes_(static_cast<std::byte*>(::operator new(size, std::align_val_t(alignment))), size) {
    }
    aligned_memory(const aligned_memory&) = delete;
    aligned_memory& operator=(const aligned_memory&) = delete;
    ~aligned_memory() { ::operator delete(bytes_.data(), std::align_val_t(alignment_)); }
    [[nodiscard]] writable_bytes bytes() const { return bytes_; }

  private:
    std::size_t alignment_;
    writable_bytes bytes_;
};

TEST(FileDirect, ReadsAndWritesWhatIsAlignedAndSaysWhatIsNot) {
    temporary_file written(pattern(10'000));
    auto direct = file::open(written.path(), {.access = file_access::read_write, .direct = true});
    if (!direct) GTEST_SKIP() << direct.error().message();
    auto unit = direct->direct_alignment()->position;
    ASSERT_GT(unit, 1u);
    aligned_memory room(8 * unit, 4096);

    auto first = room.bytes().first(2 * unit);
    ASSERT_EQ(direct->read_at(unit, first), 2 * unit);
    EXPECT_EQ(as_text(first), pattern(10'000).substr(unit, 2 * unit));
    ASSERT_TRUE(direct->write_at(0, first));
    EXPECT_EQ(written.content().substr(0, 2 * unit), as_text(first));
    // The end of the file is not aligned; that is no error.
    auto last = 10'000 / unit * unit;
    EXPECT_EQ(direct->read_at(last, room.bytes().first(4 * unit)), 10'000 - last);
    EXPECT_EQ(direct->read_at(last + 4 * unit, first), 0u);

    auto wrong_position = direct->read_at(unit + 1, first);
    ASSERT_FALSE(wrong_position);
    EXPECT_TRUE(wrong_position.error().is(EINVAL));
    EXPECT_NE(wrong_position.error().message().find("position " + std::to_string(unit + 1)),
              std::string::npos);
    auto wrong_size = direct->write_at(0, first.first(unit - 1));
    ASSERT_FALSE(wrong_size);
    EXPECT_NE(wrong_size.error().message().find("size " + std::to_string(unit - 1)),
              std::string::npos);
    auto wrong_memory = direct->read_at(0, room.bytes().subspan(1, unit));
    ASSERT_FALSE(wrong_memory);
    EXPECT_NE(wrong_memory.error().message().find("memory address"), std::string::npos);
}

}  // namespace
}  // namespace sluice
