// Decompressing what is whole, what is broken, and what is too much; and the usual tools as judges.
#include <cstdlib>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include <sluice/filter.h>
#include <sluice/mapped_region.h>

#include "filter/filter_testing.h"
#include "support/pattern.h"
#include "support/temporary_file.h"

namespace sluice {

namespace {

using support::difference;
using support::pattern;
using support::temporary_file;
using testing::compressed;
using testing::decompressed;
using testing::drain;
using testing::every_codec;
using testing::prose;
using testing::through;

class Decompressor : public ::testing::TestWithParam<codec> {
  protected:
    [[nodiscard]] static bool unchecked(std::size_t at);
    // What comes out of some bytes, or why nothing does.
    [[nodiscard]] static result<std::string> outcome(const std::string& small,
                                                     filter_options options = {}) {
        auto made = filter::decompressor(GetParam(), std::move(options));
        if (!made) return failure(std::move(made));
        return through(*made, small);
    }
};

INSTANTIATE_TEST_SUITE_P(Filter, Decompressor, ::testing::ValuesIn(every_codec),
                         [](const auto& each) { return std::string(name_of(each.param)); });

// True for bytes that no checksum covers.
bool Decompressor::unchecked(std::size_t at) {
    // An LZ4 block says in the top bit of its size, behind the frame's seven bytes of head, whether
    // it is compressed at all, and has a checksum only of what follows.
    return GetParam() == codec::deflate || (GetParam() == codec::lz4 && at == 10);
}

TEST_P(Decompressor, TakesItsInputInAnyPieces) {
    auto plain = prose(300'000);
    auto small = compressed(GetParam(), plain);
    temporary_file source(small);
    auto opened = source.open();
    std::mt19937 random(3);
    for (std::size_t most : {1UL, 7UL, 5000UL}) {
        auto made = filter::decompressor(GetParam());
        ASSERT_TRUE(made);
        std::string out;
        for (std::size_t at = 0; at < small.size();) {
            auto count = std::min<std::size_t>(1 + random() % most, small.size() - at);
            if (random() % 8 == 0)
                made->append(opened.region(at, count));
            else
                made->append(buffer_slice::copy_of(as_bytes(small).subspan(at, count)));
            at += count;
            auto part = drain(*made);
            ASSERT_TRUE(part) << part.error().message();
            out += *part;
        }
        made->finish();
        auto rest = drain(*made);
        ASSERT_TRUE(rest) << rest.error().message();
        EXPECT_EQ(difference(out + *rest, plain), "");
        EXPECT_TRUE(made->done());
    }
}

TEST_P(Decompressor, TakesStreamsInARowAsOne) {
    auto first = prose(5000, 1);
    auto second = prose(7000, 2);
    auto both = outcome(compressed(GetParam(), first) + compressed(GetParam(), second));
    if (GetParam() == codec::deflate) {
        ASSERT_FALSE(both);  // which has no end that anything could follow
        EXPECT_TRUE(both.error().is(EBADMSG));
    } else {
        ASSERT_TRUE(both) << both.error().message();
        EXPECT_EQ(difference(*both, first + second), "");
    }
}

TEST_P(Decompressor, AnInputThatEndsEarlyIsAnError) {
    auto small = compressed(GetParam(), prose(600));
    for (std::size_t size = 0; size < small.size(); ++size) {
        auto came = outcome(small.substr(0, size));
        ASSERT_FALSE(came) << size;
        EXPECT_TRUE(came.error().is(ENODATA)) << size << ": " << came.error().message();
    }
}

TEST_P(Decompressor, ABrokenByteIsAnErrorOrHarmless) {
    auto plain = prose(700);
    auto small = compressed(GetParam(), plain);
    std::size_t errors = 0;
    for (std::size_t at = 0; at < small.size(); ++at) {
        for (auto broken_bits : {0x01, 0x80, 0xff}) {
            auto broken = small;
            broken[at] = static_cast<char>(broken[at] ^ broken_bits);
            auto came = outcome(broken, {.output_bytes_max = 1 << 20});
            if (!came) {
                ++errors;
                EXPECT_NE(came.error().message().find(name_of(GetParam())), std::string::npos);
                EXPECT_NE(came.error().message().find("input byte"), std::string::npos);
            } else if (!unchecked(at)) {
                EXPECT_EQ(*came, plain) << at;
            }
        }
    }
    EXPECT_GT(errors, small.size());
}

TEST_P(Decompressor, RefusesMoreOutputThanAllowed) {
    std::string zeros(3'000'000, '\0');
    auto small = compressed(GetParam(), zeros);
    EXPECT_LT(small.size(), zeros.size() / 50);
    auto enough = outcome(small, {.output_bytes_max = zeros.size()});
    ASSERT_TRUE(enough) << enough.error().message();
    EXPECT_EQ(enough->size(), zeros.size());
    auto much = outcome(small, {.output_bytes_max = zeros.size() - 1});
    ASSERT_FALSE(much);
    EXPECT_TRUE(much.error().is(EFBIG)) << much.error().message();
}

TEST_P(Decompressor, HoldsNoMoreThanItsBound) {
    constexpr std::size_t bound = 700 << 10;
    std::string zeros(3'000'000, '\0');
    auto made = filter::decompressor(GetParam(), {.memory_bytes_max = bound});
    ASSERT_TRUE(made);
    made->append(buffer_slice::copy_of(as_bytes(compressed(GetParam(), zeros))));
    made->finish();
    auto came = made->step();
    while (came && *came == filter_state::more)
        came = made->step();
    ASSERT_TRUE(came) << came.error().message();
    EXPECT_EQ(*came, filter_state::full);
    EXPECT_LE(made->ready_bytes(), bound);
    auto out = drain(*made);
    ASSERT_TRUE(out);
    EXPECT_EQ(out->size(), zeros.size());
    EXPECT_LE(made->statistics().memory_bytes_peak, bound);
}

TEST_P(Decompressor, AFileThatHasShrunkIsAnError) {
    auto small = compressed(GetParam(), pattern(600'000));
    temporary_file source(small);
    auto made = filter::decompressor(GetParam());
    ASSERT_TRUE(made);
    made->append(source.open().region(0, small.size()));
    made->finish();
    source.resize(300'000);
    auto came = drain(*made);
    ASSERT_FALSE(came);
    EXPECT_TRUE(came.error().is(ENODATA)) << came.error().message();
}

// A slice of a mapping comes without the handle that could be asked.
TEST_P(Decompressor, ASliceOfAMappingThatHasShrunkIsAnError) {
    auto small = compressed(GetParam(), pattern(600'000));
    temporary_file source(small);
    auto mapped = mapped_region::map(source.open().region(0, small.size()));
    ASSERT_TRUE(mapped) << mapped.error().message();
    auto made = filter::decompressor(GetParam());
    ASSERT_TRUE(made);
    made->append(mapped->whole());
    made->finish();
    source.resize(300'000);
    auto came = drain(*made);
    ASSERT_FALSE(came);
    EXPECT_TRUE(came.error().is(ENODATA)) << came.error().message();
}

TEST(Decompressor, PassesOverTheZerosBehindGzipAsGzipDoes) {
    auto plain = prose(70'000);
    auto small = compressed(codec::gzip, plain);
    for (std::size_t zeros : {1UL, 512UL, 300'000UL})
        EXPECT_EQ(difference(decompressed(codec::gzip, small + std::string(zeros, '\0')), plain),
                  "");
    auto made = filter::decompressor(codec::gzip);
    ASSERT_TRUE(made);
    auto more = through(*made, small + std::string(512, '\0') + small);
    ASSERT_FALSE(more) << "what follows the padding is no part of the stream";
    EXPECT_TRUE(more.error().is(EBADMSG));
}

TEST(Decompressor, TakesALargerWindowThanThereIsForTheLargest) {
    // A frame of one raw block of no bytes that asks for a window of 2 GiB: 2^(10 + 21).
    const std::string huge("\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00", 9);
    for (std::size_t most : {std::size_t{1} << 31, std::size_t{1} << 32, std::size_t{1} << 40}) {
        auto made = filter::decompressor(codec::zstd, {.window_bytes_max = most});
        ASSERT_TRUE(made);
        auto came = through(*made, huge);
        EXPECT_TRUE(came || came.error().is(ENOMEM)) << came.error().message();
    }
    auto made = filter::decompressor(codec::zstd, {.window_bytes_max = 1 << 30});
    ASSERT_TRUE(made);
    auto came = through(*made, huge);
    ASSERT_FALSE(came);
    EXPECT_TRUE(came.error().is(EFBIG)) << came.error().message();
}

TEST(Decompressor, RefusesAWindowThatIsTooLarge) {
    // One block of 4 MiB of which nothing repeats has a window as large as itself.
    auto small = compressed(codec::zstd, pattern(4 << 20), {.level = 19, .block_bytes = 4 << 20});
    auto made = filter::decompressor(codec::zstd, {.window_bytes_max = 1 << 20});
    ASSERT_TRUE(made);
    auto came = through(*made, small);
    ASSERT_FALSE(came);
    EXPECT_TRUE(came.error().is(EFBIG)) << came.error().message();
    EXPECT_FALSE(filter::decompressor(codec::zstd, {.window_bytes_max = 1000}));
}

// The tool of each format, and the one of zlib's that reads raw deflate.
class Tools : public ::testing::TestWithParam<codec> {
  protected:
    void SetUp() override {
        auto found = "command -v " + tool() + " >/dev/null";
        if (std::system(found.c_str()) != 0) GTEST_SKIP() << tool() << " is not installed";
    }
    [[nodiscard]] static std::string tool() { return std::string(name_of(GetParam())); }
    [[nodiscard]] static int run(const std::string& command) {
        return std::system(command.c_str());
    }
};

INSTANTIATE_TEST_SUITE_P(Filter, Tools, ::testing::Values(codec::gzip, codec::zstd, codec::lz4),
                         [](const auto& each) { return std::string(name_of(each.param)); });

TEST_P(Tools, ReadWhatAFilterWrote) {
    for (std::size_t size : {0UL, 1UL, 70'000UL, 3'000'000UL}) {
        for (const auto& plain : {prose(size), pattern(size)}) {
            for (auto level : {filter_level::usual, filter_level::fastest}) {
                temporary_file small(compressed(GetParam(), plain, {.level = level, .threads = 4}));
                temporary_file whole;
                auto quiet = tool() + " -q -t <" + small.path();
                EXPECT_EQ(run(quiet), 0) << size;
                EXPECT_EQ(run(tool() + " -dc <" + small.path() + " >" + whole.path()), 0);
                EXPECT_EQ(difference(whole.content(), plain), "");
            }
        }
    }
}

TEST_P(Tools, WriteWhatAFilterReads) {
    for (std::size_t size : {0UL, 1UL, 3'000'000UL}) {
        auto plain = prose(size);
        temporary_file source(plain);
        temporary_file small;
        ASSERT_EQ(run(tool() + " -q -c <" + source.path() + " >" + small.path()), 0);
        EXPECT_EQ(difference(decompressed(GetParam(), small.content()), plain), "");
    }
}

}  // namespace
}  // namespace sluice
