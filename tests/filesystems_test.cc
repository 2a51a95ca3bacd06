// Files on every file system that this machine can mount: what each of them promises, what each may
// refuse, and what is left when a disk or a quota is full.
#include <algorithm>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>

#include <sluice/atomic_file.h>
#include <sluice/buffered_appender.h>
#include <sluice/file.h>
#include <sluice/file_lock.h>
#include <sluice/file_region.h>
#include <sluice/file_transfer.h>
#include <sluice/mapped_appender.h>
#include <sluice/mapped_region.h>

#include "support/pattern.h"
#include "support/scratch_filesystem.h"
#include "support/stream_pair.h"
#include "sys/files.h"
#include "sys/io.h"

namespace sluice {
namespace {

using support::difference;
using support::filesystem_kind;
using support::pattern;
using support::scratch_filesystem;

constexpr std::uint64_t block = 64 << 10;  // a multiple of every file system's block

// On `place_`; the tests' own ways to make and look at files.
class OnDisk : public testing::Test {
  protected:
    file make(const std::string& name, open_options options = {}) const {
        options.access = file_access::read_write;
        options.create = file_creation::if_missing;
        auto opened = file::open(path(name), options);
        EXPECT_TRUE(opened) << opened.error().message();
        return *opened;
    }
    [[nodiscard]] std::string path(const std::string& name) const {
        return place_->path() + "/" + name;
    }
    [[nodiscard]] static std::string content(const file& source) {
        auto all = source.read_all(256 << 20);
        EXPECT_TRUE(all) << all.error().message();
        return all ? std::string(all->text()) : std::string();
    }
    [[nodiscard]] std::vector<std::string> names() const {
        auto found = *sys::names_in(sys::open(place_->path(), O_RDONLY)->get(), 100);
        std::ranges::sort(found.names);
        return found.names;
    }
    // Writes MiBs until there is no more room: the error is `reason`, and every byte that was
    // reported as written is there.
    void write_until_full(const file& target, int reason) const {
        auto chunk = pattern(1 << 20);
        std::uint64_t written = 0;
        for (int count = 0; count < 64; ++count) {
            auto done = target.write_at(written, as_bytes(chunk));
            written += done ? chunk.size() : done.error().bytes_done();
            if (done) continue;
            ASSERT_TRUE(done.error().is(reason)) << done.error().message();
            expect_chunks(target, chunk, written);
            return;
        }
        FAIL() << "never full";
    }
    static void expect_chunks(const file& target, const std::string& chunk, std::uint64_t written) {
        auto size = target.size();
        ASSERT_TRUE(size && *size >= written);
        std::string room(chunk.size(), '?');
        for (std::uint64_t at = 0; at < written; at += chunk.size()) {
            auto count = std::min<std::uint64_t>(chunk.size(), written - at);
            auto got = target.read_at(at, std::as_writable_bytes(std::span(room)).first(count));
            ASSERT_EQ(got, count);
            ASSERT_EQ(difference(room.substr(0, count), chunk.substr(0, count)), "") << at;
        }
    }

    // Streams into a file until there is no more room: the error is `reason`, and what has arrived
    // together with what is handed back is all that has left the stream.
    void receive_until_full(const file& target, int reason) const {
        auto stream = support::stream_pair::make(support::pair_kind::pipe);
        ASSERT_TRUE(stream) << stream.error().message();
        auto from = byte_source::of(stream->receiving_end());
        ASSERT_TRUE(from);
        auto chunk = pattern(1 << 20);
        std::uint64_t sent = 0;
        std::uint64_t arrived = 0;
        while (sent < 64 << 20) {
            auto rest = as_bytes(chunk).subspan(sent % chunk.size());
            auto wrote = sys::write(stream->sending_end(), rest);
            ASSERT_TRUE(wrote);
            sent += wrote->bytes;
            auto got = transfer_from(*from, target, arrived, UINT64_MAX);
            arrived += got.bytes;
            if (got.state != transfer_state::failed) continue;
            ASSERT_TRUE(got.failed->is(reason)) << got.failed->message();
            auto in_stream = stream->take_rest().size();
            EXPECT_EQ(arrived + got.unwritten.size() + in_stream, sent);
            auto at = arrived % chunk.size();
            auto next = (chunk + chunk + chunk).substr(at, got.unwritten.size());
            EXPECT_EQ(difference(std::string(got.unwritten.text()), next), "");
            expect_chunks(target, chunk, arrived);
            return;
        }
        FAIL() << "never full";
    }

    std::optional<scratch_filesystem> place_;
};

class Filesystems : public OnDisk, public testing::WithParamInterface<filesystem_kind> {
  protected:
    void SetUp() override {
        auto made = scratch_filesystem::make(GetParam());
        if (!made) GTEST_SKIP() << made.error().message();
        place_.emplace(*std::move(made));
    }
    // What a file system may say no to.
    [[nodiscard]] static bool is_unsupported(const result<void>& done) {
        if (done) return false;
        EXPECT_TRUE(done.error().is(EOPNOTSUPP)) << done.error().message();
        return true;
    }
};

INSTANTIATE_TEST_SUITE_P(, Filesystems, testing::ValuesIn(support::every_filesystem),
                         [](const auto& each) { return std::string(name_of(each.param)); });

TEST_P(Filesystems, WriteAppendReadTruncate) {
    auto wanted = pattern(300'000);
    auto target = make("file");
    std::vector<bytes_view> parts;
    for (std::size_t at = 0; at < wanted.size(); at += 100)
        parts.push_back(as_bytes(std::string_view(wanted).substr(at, 100)));
    ASSERT_TRUE(target.write_at(0, parts));
    ASSERT_TRUE(target.append(as_bytes("end")));
    ASSERT_TRUE(target.sync());
    EXPECT_EQ(difference(content(target), wanted + "end"), "");
    ASSERT_TRUE(target.truncate(1000));
    ASSERT_TRUE(target.truncate(2000));
    EXPECT_EQ(difference(content(target), wanted.substr(0, 1000) + std::string(1000, '\0')), "");
}

TEST_P(Filesystems, SparseFilesBeyond4GiB) {
    constexpr std::uint64_t far = (std::uint64_t{5} << 30) + block;
    auto target = make("sparse");
    ASSERT_TRUE(target.write_at(far, as_bytes("far")));
    ASSERT_TRUE(target.append(as_bytes("ther")));
    EXPECT_EQ(target.size(), far + 7);
    char room[10];
    ASSERT_EQ(target.read_at(far - 2, std::as_writable_bytes(std::span(room))), 9u);
    EXPECT_EQ(std::string_view(room, 9), std::string_view("\0\0farther", 9));
    EXPECT_EQ(target.next_hole(0), 0u);
    auto data = target.next_data(0);
    ASSERT_TRUE(data && *data) << "no data";
    EXPECT_GT(**data, far - (1 << 20));
    EXPECT_LE(**data, far);
    EXPECT_EQ(target.next_hole(far), far + 7);
    EXPECT_EQ(target.next_data(far + 7), std::nullopt);
}

TEST_P(Filesystems, PreallocatePunchZero) {
    auto wanted = pattern(4 * block);
    auto target = make("file");
    auto taken = target.preallocate(0, 8 * block, file_size_is::kept);
    if (!is_unsupported(taken)) {
        EXPECT_EQ(target.size(), 0u);
    }
    ASSERT_TRUE(target.write_at(0, as_bytes(wanted)));
    if (!is_unsupported(target.punch_hole(block, block))) {
        wanted.replace(block, block, block, '\0');
        EXPECT_EQ(target.next_hole(0), block);
        EXPECT_EQ(target.next_data(block), 2 * block);
    }
    EXPECT_EQ(difference(content(target), wanted), "");
    if (!is_unsupported(target.zero_range(10, 20))) wanted.replace(10, 20, 20, '\0');
    if (!is_unsupported(target.collapse_range(0, block))) wanted.erase(0, block);
    EXPECT_EQ(difference(content(target), wanted), "");
}

TEST_P(Filesystems, SyncAdviseLock) {
    auto target = make("file");
    ASSERT_TRUE(target.write_at(0, as_bytes(pattern(4 * block))));
    EXPECT_TRUE(target.sync_range(0, block, range_sync::start));
    EXPECT_TRUE(target.sync_range(0, 0, range_sync::wait));
    EXPECT_TRUE(target.sync(sync_scope::data));
    EXPECT_TRUE(target.advise(file_advice::dont_need));
    EXPECT_TRUE(target.advise(file_advice::will_need, block, block));
    EXPECT_TRUE(file::open_directory(place_->path())->sync());
    auto held = file_lock::acquire(target, lock_kind::exclusive, {.position = 0, .size = 10});
    ASSERT_TRUE(held) << held.error().message();
    auto other = make("file");
    EXPECT_FALSE(*file_lock::try_acquire(other, lock_kind::shared, {.position = 9, .size = 1}));
    EXPECT_TRUE(*file_lock::try_acquire(other, lock_kind::shared, {.position = 10, .size = 1}));
}

TEST_P(Filesystems, OpenBeneathAndTemporary) {
    auto directory = *file::open_directory(place_->path());
    make("file");
    EXPECT_TRUE(file::open_beneath(directory, "file"));
    auto out = file::open_beneath(directory, "../files/file");
    ASSERT_FALSE(out);
    EXPECT_TRUE(out.error().is(EXDEV));
    auto nameless =
        file::open_beneath(directory, ".", {.access = file_access::read_write, .temporary = true});
    if (!nameless) {
        EXPECT_TRUE(nameless.error().is(EOPNOTSUPP)) << nameless.error().message();
    }
}

// Memory at a page's border.
class pages {
  public:
    explicit pages(std::size_t size)
        : bytes_(static_cast<std::byte*>(::operator new(size, std::align_val_t(4096))), size) {}
    pages(const pages&) = delete;
    pages& operator=(const pages&) = delete;
    ~pages() { ::operator delete(bytes_.data(), std::align_val_t(4096)); }
    [[nodiscard]] writable_bytes bytes() const { return bytes_; }

  private:
    writable_bytes bytes_;
};

TEST_P(Filesystems, DirectAsItsAlignmentSays) {
    make("file");
    auto direct = file::open(path("file"), {.access = file_access::read_write, .direct = true});
    if (!direct) GTEST_SKIP() << direct.error().message();
    auto unit = direct->direct_alignment()->position;
    pages room(4 * unit);
    auto wanted = pattern(4 * unit);
    copy_bytes(room.bytes(), as_bytes(wanted));
    ASSERT_TRUE(direct->write_at(unit, room.bytes()));
    ASSERT_TRUE(direct->truncate(4 * unit + 100));
    std::ranges::fill(room.bytes(), std::byte{0});
    ASSERT_EQ(direct->read_at(unit, room.bytes()), 3 * unit + 100);
    EXPECT_EQ(as_text(room.bytes()).substr(0, 3 * unit + 100), wanted.substr(0, 3 * unit + 100));
}

TEST_P(Filesystems, AFullDiskIsAnErrorAndWhatWasThereIsWhole) {
    auto kept = make("kept");
    auto wanted = pattern(300'000, 7);
    ASSERT_TRUE(kept.write_at(0, as_bytes(wanted)));
    ASSERT_TRUE(kept.sync());
    ASSERT_TRUE(place_->fill_up_to(3 << 20));
    auto target = make("new");
    write_until_full(target, ENOSPC);
    auto size = *target.size();
    auto refused = target.preallocate(size, 64 << 20, file_size_is::kept);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().is(ENOSPC) || refused.error().is(EOPNOTSUPP));
    EXPECT_EQ(target.size(), size);
    EXPECT_EQ(difference(content(kept), wanted), "");
    EXPECT_EQ(difference(content(*file::open(path("kept"))), wanted), "");
}

TEST_P(Filesystems, EveryWayMovesARangeIntoAnotherFile) {
    auto wanted = pattern((3 << 20) + 17, 3);
    auto source = make("source");
    ASSERT_TRUE(source.write_at(0, as_bytes(wanted)));
    std::vector<std::optional<mechanism>> ways{std::nullopt};
    for (const auto& way : mechanism_table) {
        if (way.takes_files && way.into_files) ways.push_back(way.id);
    }
    for (auto way : ways) {
        auto name = way ? std::string(name_of(*way)) : "chosen";
        auto target = make(name);
        file_transfer_options options;
        options.forced = way;
        auto moved = transfer_from(source.region(0, wanted.size()), target, block, options);
        ASSERT_TRUE(moved.done()) << name;
        EXPECT_EQ(moved.bytes, wanted.size());
        EXPECT_EQ(difference(content(target).substr(block), wanted), "") << name;
    }
}

TEST_P(Filesystems, AStreamIntoAFullDiskLosesNothing) {
    ASSERT_TRUE(place_->fill_up_to(3 << 20));
    receive_until_full(make("target"), ENOSPC);
}

TEST_P(Filesystems, AnAppenderGoesOnWhenThereIsRoomAgain) {
    ASSERT_TRUE(place_->fill_up_to(2 << 20));
    auto wanted = pattern(12 << 20);
    auto out = *buffered_appender::open(make("log"));
    std::size_t at = 0;
    int failures = 0;
    for (std::size_t size = 1; at < wanted.size(); size = size % 100'000 + 777) {
        auto part = as_bytes(std::string_view(wanted).substr(at, size));
        auto done = out.append(part);
        at += done ? part.size() : done.error().bytes_done();
        if (done) continue;
        ASSERT_TRUE(done.error().is(ENOSPC)) << done.error().message();
        ASSERT_EQ(++failures, 1);
        ASSERT_EQ(out.position(), at);
        ASSERT_TRUE(place_->free_up());
    }
    EXPECT_EQ(failures, 1);
    ASSERT_TRUE(out.close());
    EXPECT_EQ(difference(content(make("log")), wanted), "");
}

TEST_P(Filesystems, AtomicReplaceAlsoWhenTheDiskIsFull) {
    for (const char* text : {"first", "second"}) {
        auto made = atomic_file::create(path("target"));
        ASSERT_TRUE(made) << made.error().message();
        ASSERT_TRUE(made->content().append(as_bytes(text)));
        auto done = made->commit();
        ASSERT_TRUE(done) << done.error().message();
        EXPECT_EQ(content(make("target")), text);
    }
    {
        auto refused = atomic_file::create(path("target"), {.must_not_exist = true});
        ASSERT_TRUE(refused);
        EXPECT_TRUE(refused->commit().error().is(EEXIST));
        ASSERT_TRUE(place_->fill_up_to(2 << 20));
        auto large = atomic_file::create(path("target"));
        ASSERT_TRUE(large) << large.error().message();
        write_until_full(large->content(), ENOSPC);
    }
    EXPECT_EQ(content(make("target")), "second");
    EXPECT_EQ(names(), std::vector<std::string>{"target"});
}

TEST_P(Filesystems, MapStoreFlushReadBack) {
    auto wanted = pattern(4 * block);
    auto target = make("file");
    ASSERT_TRUE(target.write_at(0, as_bytes(wanted)));
    auto mapped = mapped_region::map(target.region(100, 2 * block),
                                     {.mode = mapping_mode::read_write, .populate = true});
    ASSERT_TRUE(mapped) << mapped.error().message();
    auto stored = pattern(block, 7);
    ASSERT_TRUE(mapped->write_at(10, as_bytes(stored)));
    ASSERT_TRUE(mapped->flush(0, mapped->size()));
    wanted.replace(110, stored.size(), stored);
    ASSERT_TRUE(target.advise(file_advice::dont_need));
    EXPECT_EQ(difference(content(make("file")), wanted), "");
    ASSERT_TRUE(target.write_at(200, as_bytes("written")));
    wanted.replace(200, 7, "written");
    ASSERT_TRUE(mapped->grow(4 * block - 100));
    EXPECT_EQ(difference(std::string(as_text(mapped->bytes())), wanted.substr(100)), "");

    ASSERT_TRUE(target.truncate(block));
    std::string room(100, '?');
    auto lost = mapped->read_at(2 * block, std::as_writable_bytes(std::span(room)));
    ASSERT_FALSE(lost);
    EXPECT_TRUE(lost.error().is(ENODATA)) << lost.error().message();
    EXPECT_TRUE(mapped->check(0, block - 100));
    ASSERT_TRUE(target.write_at(0, as_bytes(wanted)));
    ASSERT_TRUE(mapped->refresh());
    EXPECT_EQ(difference(std::string(as_text(mapped->bytes())), wanted.substr(100)), "");
}

TEST_P(Filesystems, AppendThroughAMapping) {
    auto wanted = pattern(3'000'000);
    mapped_appender_options small{.window_size = block, .window_size_max = 4 * block};
    for (bool closed : {false, true}) {
        auto log = mapped_appender::open(path("log"), small);
        ASSERT_TRUE(log) << log.error().message();
        auto at = static_cast<std::size_t>(log->length());
        EXPECT_EQ(at, closed ? wanted.size() / 2 : 0);
        auto end = closed ? wanted.size() : wanted.size() / 2;
        for (std::size_t size = 1; at < end; at += size, size = size % 10'000 + 777) {
            size = std::min(size, end - at);
            ASSERT_EQ(log->append(std::string_view(wanted).substr(at, size)), at);
        }
        ASSERT_TRUE(log->sync());
        EXPECT_EQ(log->synced_length(), end);
        EXPECT_EQ(log->slice(end / 2, 1000)->text(), wanted.substr(end / 2, 1000));
        if (closed) {
            ASSERT_TRUE(log->close());
        }
    }
    EXPECT_EQ(difference(content(make("log")), wanted), "");
    EXPECT_EQ(names(), std::vector<std::string>{"log"});
}

TEST_P(Filesystems, AMappedAppenderOnAFullDiskKeepsWhatItHas) {
    auto record = pattern(100'000);
    std::string wanted;
    {
        auto log = mapped_appender::open(path("log"), {.window_size = block});
        ASSERT_TRUE(log) << log.error().message();
        ASSERT_TRUE(log->append(record));
        wanted += record;
        ASSERT_TRUE(log->sync());
        ASSERT_TRUE(place_->fill_up_to(3 << 20));
        std::optional<error> full;
        for (int count = 0; count < 2000 && !full; ++count) {
            auto appended = log->append(record);
            if (appended) {
                ASSERT_EQ(*appended, wanted.size());
                wanted += record;
            } else {
                full = appended.error();
            }
        }
        ASSERT_TRUE(full) << "never full";
        ASSERT_TRUE(place_->free_up());
        auto synced = log->sync();
        if (GetParam() == filesystem_kind::btrfs && !synced) {
            // A store into space that was given took more of it, and was lost: that is told.
            EXPECT_TRUE(synced.error().is(EIO)) << synced.error().message();
            EXPECT_EQ(log->synced_length(), record.size());
            EXPECT_EQ(difference(std::string(log->slice(0, record.size())->text()), record), "");
            return;
        }
        ASSERT_TRUE(synced) << synced.error().message();
        EXPECT_TRUE(full->is(ENOSPC)) << full->message();
        ASSERT_EQ(log->length(), wanted.size());
        EXPECT_EQ(difference(std::string(log->slice(0, wanted.size())->text()), wanted), "");
        ASSERT_EQ(log->append(record), wanted.size()) << "there is room again";
        wanted += record;
    }
    auto log = mapped_appender::open(path("log"));
    ASSERT_TRUE(log) << log.error().message();
    EXPECT_EQ(log->found(), mapped_appender::ending::process_ended);
    ASSERT_TRUE(log->close());
    EXPECT_EQ(difference(content(make("log")), wanted), "");
}

class Quota : public OnDisk {
  protected:
    void SetUp() override {
        auto made = scratch_filesystem::make_with_quota();
        if (!made) GTEST_SKIP() << made.error().message();
        place_.emplace(*std::move(made));
    }
};

TEST_F(Quota, AFullQuotaIsAnErrorAndWhatWasThereIsWhole) {
    auto kept = make("kept");
    auto wanted = pattern(300'000, 7);
    ASSERT_TRUE(kept.write_at(0, as_bytes(wanted)));
    ASSERT_TRUE(kept.sync());
    auto target = make("new");
    write_until_full(target, EDQUOT);
    EXPECT_EQ(difference(content(kept), wanted), "");
    EXPECT_EQ(difference(content(*file::open(path("kept"))), wanted), "");
}

TEST_F(Quota, AStreamLosesNothing) {
    receive_until_full(make("target"), EDQUOT);
}

TEST_F(Quota, AnAppenderKeepsWhatDidNotFit) {
    auto out = *buffered_appender::open(make("log"));
    auto chunk = pattern(1000);
    std::uint64_t taken = 0;
    for (int count = 0; count < 20'000; ++count) {
        auto done = out.append(as_bytes(chunk));
        taken += done ? chunk.size() : done.error().bytes_done();
        if (done) continue;
        EXPECT_TRUE(done.error().is(EDQUOT)) << done.error().message();
        break;
    }
    EXPECT_EQ(out.position(), taken);
    ASSERT_GT(out.buffered(), 0u);
    auto closed = out.close();
    ASSERT_FALSE(closed);
    EXPECT_TRUE(closed.error().is(EDQUOT)) << closed.error().message();
    EXPECT_EQ(out.position(), taken);
}

}  // namespace
}  // namespace sluice
