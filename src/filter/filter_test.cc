// Compressing: what comes out is what went in, for every codec, size, split and number of threads.
#include <atomic>
#include <cstdint>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/filter.h>
#include <sluice/mapped_region.h>

#include "filter/filter_testing.h"
#include "support/comes_true.h"
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
using testing::text_of;

constexpr std::size_t block = 16 << 10;

class EveryCodec : public ::testing::TestWithParam<std::tuple<codec, unsigned>> {
  protected:
    [[nodiscard]] static codec which() { return std::get<0>(GetParam()); }
    [[nodiscard]] static unsigned threads() { return std::get<1>(GetParam()); }
    [[nodiscard]] static filter_options options() {
        return {.threads = threads(), .block_bytes = block};
    }
};

INSTANTIATE_TEST_SUITE_P(Filter, EveryCodec,
                         ::testing::Combine(::testing::ValuesIn(every_codec),
                                            ::testing::Values(1U, 4U)),
                         [](const auto& each) {
                             return std::string(name_of(std::get<0>(each.param))) + "_" +
                                    std::to_string(std::get<1>(each.param));
                         });

TEST_P(EveryCodec, GivesBackEverySize) {
    for (auto size : {std::size_t{0}, std::size_t{1}, block - 1, block, block + 1, 9 * block + 7}) {
        for (const auto& plain : {prose(size), pattern(size)}) {
            auto small = compressed(which(), plain, options());
            EXPECT_EQ(difference(decompressed(which(), small), plain), "") << size;
        }
    }
}

TEST_P(EveryCodec, GivesTheSameForAnyNumberOfThreads) {
    auto plain = prose(20 * block);
    auto alone = options();
    alone.threads = 1;
    EXPECT_EQ(difference(compressed(which(), plain, options()), compressed(which(), plain, alone)),
              "");
}

TEST_P(EveryCodec, MakesProseSmaller) {
    auto plain = prose(20 * block);
    EXPECT_LT(compressed(which(), plain, options()).size(), plain.size() * 8 / 10);
}

TEST_P(EveryCodec, TakesChainsOfMemoryAndFiles) {
    std::mt19937 random(7);
    auto plain = prose(30 * block);
    temporary_file source(plain);
    auto opened = source.open();
    auto input = compressed(which(), plain, options());
    auto whole = filter::compressor(which(), options());
    ASSERT_TRUE(whole);
    std::uniform_int_distribution<std::size_t> lengths(1, 2 * block);
    for (std::size_t at = 0; at < plain.size();) {
        // Now and then a few bytes, to have pieces far below a block as well.
        auto most = random() % 2 == 0 ? std::size_t{9} : lengths(random);
        auto count = std::min(most, plain.size() - at);
        if (random() % 2 == 0)
            whole->append(buffer_slice::copy_of(as_bytes(plain).subspan(at, count)));
        else
            whole->append(opened.region(at, count));
        at += count;
    }
    whole->finish();
    auto drained = drain(*whole);
    ASSERT_TRUE(drained) << drained.error().message();
    EXPECT_EQ(difference(decompressed(which(), *drained), plain), "");
    EXPECT_TRUE(whole->done());
    EXPECT_GT(whole->statistics().bytes_read, 0U);
}

TEST_P(EveryCodec, GivesOutputBeforeTheInputEnds) {
    auto made = filter::compressor(which(), options());
    ASSERT_TRUE(made);
    auto plain = prose(5 * block);
    made->append(buffer_slice::copy_of(as_bytes(plain)));
    std::string out;
    while (true) {
        auto part = made->pull(1000);
        ASSERT_TRUE(part);
        if (part->empty()) break;
        EXPECT_LE(part->size(), 1000U);
        out += text_of(*part);
    }
    EXPECT_FALSE(made->done());
    EXPECT_EQ(made->statistics().blocks, 4U);  // the fifth may be the last one
    made->finish();
    auto rest = drain(*made);
    ASSERT_TRUE(rest);
    EXPECT_EQ(difference(decompressed(which(), out + *rest), plain), "");
}

TEST_P(EveryCodec, FlushLetsAReaderHaveWhatThereIs) {
    auto made = filter::compressor(which(), options());
    ASSERT_TRUE(made);
    auto reader = filter::decompressor(which());
    ASSERT_TRUE(reader);
    for (const auto& line :
         {std::string("first line\n"), prose(block), std::string("last line\n")}) {
        made->append(buffer_slice::copy_of(as_bytes(line)));
        made->flush();
        auto out = drain(*made);
        ASSERT_TRUE(out);
        reader->append(buffer_slice::copy_of(as_bytes(*out)));
        auto seen = drain(*reader);
        ASSERT_TRUE(seen) << seen.error().message();
        EXPECT_EQ(difference(*seen, line), "");
    }
    made->finish();
    auto out = drain(*made);
    ASSERT_TRUE(out);
    reader->append(buffer_slice::copy_of(as_bytes(*out)));
    reader->finish();
    auto seen = drain(*reader);
    ASSERT_TRUE(seen) << seen.error().message();
    EXPECT_EQ(*seen, "");
    EXPECT_TRUE(reader->done());
}

TEST_P(EveryCodec, HoldsNoMoreThanItsBound) {
    auto small = options();
    small.memory_bytes_max = 400 << 10;
    auto made = filter::compressor(which(), small);
    ASSERT_TRUE(made) << made.error().message();
    auto plain = pattern(100 * block);
    made->append(buffer_slice::copy_of(as_bytes(plain)));
    made->finish();
    // Nobody pulls: the filter has to stop by itself.
    while (true) {
        auto came = made->step();
        ASSERT_TRUE(came);
        if (*came == filter_state::full) break;
        ASSERT_NE(*came, filter_state::done);
    }
    EXPECT_LT(made->statistics().bytes_out, 400U << 10);
    auto out = drain(*made);
    ASSERT_TRUE(out);
    EXPECT_LE(made->statistics().memory_bytes_peak, 400U << 10);
    EXPECT_EQ(made->statistics().memory_bytes, 0U);
    EXPECT_EQ(difference(decompressed(which(), *out), plain), "");
}

TEST_P(EveryCodec, AFileThatHasShrunkIsAnError) {
    temporary_file source(prose(8 * block));
    auto made = filter::compressor(which(), options());
    ASSERT_TRUE(made);
    made->append(source.open().region(0, 8 * block));
    made->finish();
    source.resize(3 * block + 5);
    auto out = drain(*made);
    ASSERT_FALSE(out);
    EXPECT_TRUE(out.error().is(ENODATA)) << out.error().message();
    EXPECT_NE(out.error().message().find(source.path()), std::string::npos)
        << out.error().message();
    EXPECT_TRUE(made->done());
    EXPECT_FALSE(made->step());
}

TEST_P(EveryCodec, MayBeDroppedAtWork) {
    auto made = filter::compressor(which(), options());
    ASSERT_TRUE(made);
    made->append(buffer_slice::copy_of(as_bytes(prose(50 * block))));
    made->finish();
    EXPECT_TRUE(made->step());
}

TEST_P(EveryCodec, RefusesOptionsThatDoNotFit) {
    auto refused = [](filter_options chosen, const char* option) {
        auto made = filter::compressor(which(), std::move(chosen));
        ASSERT_FALSE(made);
        EXPECT_TRUE(made.error().is(EINVAL));
        EXPECT_EQ(made.error().object(), option);
    };
    refused({.level = 99}, "level");
    refused({.threads = 0}, "threads");
    refused({.block_bytes = 100}, "block_bytes");
    refused({.block_bytes = std::size_t{1} << 40}, "block_bytes");
    refused({.memory_bytes_max = 1000}, "memory_bytes_max");
}

TEST_P(EveryCodec, ReadsFilesFromMappings) {
    auto plain = prose(20 * block);
    temporary_file source(plain);
    auto made = filter::compressor(which(), options());
    ASSERT_TRUE(made);
    made->append(source.open().region(0, plain.size()));
    made->finish();
    auto copied = bytes_copied_by_thread();
    std::string out;
    while (!made->done()) {
        auto part = made->pull();
        ASSERT_TRUE(part);
        EXPECT_EQ(bytes_copied_by_thread(), copied);
        out += text_of(*part);
        copied = bytes_copied_by_thread();
    }
    EXPECT_EQ(made->statistics().bytes_read, 0U);
    EXPECT_EQ(made->statistics().bytes_in, plain.size());
    EXPECT_EQ(difference(decompressed(which(), out), plain), "");
}

TEST_P(EveryCodec, ABudgetThatIsUsedUpIsAnError) {
    memory_budget budget("filters", 1 << 20);
    auto chosen = options();
    chosen.pool = buffer_pool({.budget = &budget});
    auto made = filter::compressor(which(), chosen);
    ASSERT_TRUE(made);
    made->append(buffer_slice::copy_of(as_bytes(pattern(8 << 20))));
    made->finish();
    std::vector<chain> kept;  // so that no block comes back
    while (true) {
        auto part = made->pull();
        if (!part) {
            EXPECT_TRUE(part.error().is(ENOMEM)) << part.error().message();
            EXPECT_NE(part.error().message().find("filters"), std::string::npos)
                << part.error().message();
            break;
        }
        ASSERT_FALSE(part->empty());
        kept.push_back(std::move(*part));
    }
    EXPECT_LE(budget.used(), 1U << 20);
}

TEST_P(EveryCodec, TakesMemoryThatIsBoundToAThread) {
    buffer_pool bound({.thread_bound = true});
    auto plain = prose(8 * block);
    auto chosen = options();
    chosen.pool = bound;
    auto made = filter::compressor(which(), chosen);
    ASSERT_TRUE(made);
    for (std::size_t at = 0; at < plain.size(); at += block / 2) {
        auto part = bound.allocate(block / 2);
        ASSERT_TRUE(part);
        part->append(as_bytes(plain).subspan(at, block / 2));
        made->append(std::move(*part).freeze());
    }
    made->finish();
    auto out = drain(*made);
    ASSERT_TRUE(out);
    EXPECT_EQ(difference(decompressed(which(), *out), plain), "");
}

TEST(Filter, SaysWhenABlockIsFinished) {
    std::atomic<int> finished = 0;
    auto made = filter::compressor(
        codec::gzip, {.threads = 3, .block_bytes = block, .block_finished = [&] { ++finished; }});
    ASSERT_TRUE(made);
    made->append(buffer_slice::copy_of(as_bytes(prose(7 * block))));
    made->finish();
    ASSERT_TRUE(drain(*made));
    made = filter::compressor(codec::gzip);  // waits for its threads
    EXPECT_EQ(finished, 7);
}

TEST(Filter, KeepsItsCrewAtWorkForASlowReader) {
    constexpr std::size_t a_job = block + (64 << 10);
    std::atomic<int> finished = 0;
    auto made = filter::compressor(codec::gzip, {.threads = 2,
                                                 .block_bytes = block,
                                                 .memory_bytes_max = 8 * a_job,
                                                 .block_finished = [&] { ++finished; }});
    ASSERT_TRUE(made);
    made->append(buffer_slice::copy_of(as_bytes(prose(20 * block))));
    ASSERT_TRUE(made->pull(1));
    ASSERT_TRUE(support::comes_true([&] { return finished >= 8; }));
    // What is finished takes less than what was kept for it, so there is room for another one.
    ASSERT_TRUE(made->pull(1));
    EXPECT_TRUE(support::comes_true([&] { return finished >= 9; }));
}

TEST(Filter, KnowsTheChecksumOfWhatWentIn) {
    auto plain = prose(7 * block + 100);
    auto made = filter::compressor(codec::deflate, {.threads = 2, .block_bytes = block});
    ASSERT_TRUE(made);
    made->append(buffer_slice::copy_of(as_bytes(plain)));
    made->finish();
    ASSERT_TRUE(drain(*made));
    EXPECT_EQ(made->plain_crc32(), crc32_of(as_bytes(plain)));
}

TEST(Filter, ASliceOfAMappingThatHasShrunkIsAnError) {
    auto content = pattern(8 * block);
    for (auto which : every_codec) {
        for (unsigned threads : {1U, 2U}) {
            temporary_file source(content);
            auto mapped = mapped_region::map(source.open().region(0, content.size()));
            ASSERT_TRUE(mapped) << mapped.error().message();
            auto made = filter::compressor(which, {.threads = threads, .block_bytes = block});
            ASSERT_TRUE(made);
            made->append(mapped->whole());
            made->finish();
            source.resize(4096);
            auto came = drain(*made);
            ASSERT_FALSE(came) << name_of(which);
            EXPECT_TRUE(came.error().is(ENODATA)) << came.error().message();
        }
    }
}

TEST(Filter, EveryLevelGivesBackWhatWentIn) {
    auto plain = prose(5 * block + 3);
    for (auto which : every_codec) {
        for (auto level : {filter_level::usual, filter_level::fastest, 1, 2, 9}) {
            auto small = compressed(which, plain, {.level = level, .block_bytes = block});
            EXPECT_EQ(difference(decompressed(which, small), plain), "")
                << name_of(which) << " " << level;
        }
    }
}

}  // namespace
}  // namespace sluice
