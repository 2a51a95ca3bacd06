// Each allocation that a filter makes fails once: an error then, and never wrong output.
#include <new>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <sluice/filter.h>

#include "filter/filter_testing.h"
#include "support/failing_allocation.h"
#include "support/pattern.h"
#include "support/temporary_file.h"

namespace sluice {

namespace {

using support::failing_allocation;
using testing::compressed;
using testing::decompressed;
using testing::every_codec;
using testing::prose;
using testing::text_of;

// What a filter made of its input in the end: pieces, or the error that ended it.
class outcome {
  public:
    [[nodiscard]] bool whole() const noexcept { return !failed_; }
    [[nodiscard]] const std::optional<error>& failed() const noexcept { return failed_; }
    [[nodiscard]] std::string text() const { return text_of(pieces_); }

    // Appends and pulls it all. A pull that fails may be tried again: the error is the filter's own
    // if it fails once more.
    void run(result<filter> made, buffer_slice memory, file_region region) {
        if (!made) return fail(std::move(made).error());
        try {
            made->append(std::move(memory));
            made->append(std::move(region));
            made->finish();
            for (int pulls = 0; !made->done() && pulls < 10'000; ++pulls)
                pull(*made);
            if (!made->done()) ADD_FAILURE() << "does not come to an end";
            // A filter that is done because of an error says so again.
            if (auto last = made->pull(); !last) fail(std::move(last).error());
        } catch (const std::bad_alloc&) {  // of appending, here or to the filter
            fail(error(std::error_code(ENOMEM, std::system_category()), "append"));
        }
    }

  private:
    void pull(filter& from) {
        auto part = from.pull(20'000);
        if (part) pieces_.append(std::move(*part));
    }
    void fail(error why) { failed_ = std::move(why); }

    chain pieces_;
    std::optional<error> failed_;
};

// Runs a filter until no allocation fails any more; returns how many did.
template <typename Make>
std::size_t fail_each(const std::string& input, const std::string& output, Make make) {
    support::temporary_file written(input);
    auto source = written.open();
    auto memory = buffer_slice::copy_of(as_bytes(input)).slice(0, input.size() / 2);
    for (std::size_t at = 0;; ++at) {
        SCOPED_TRACE(at);
        outcome came;
        bool failed = false;
        {
            auto first = memory;
            auto rest = source.region(memory.size(), input.size() - memory.size());
            failing_allocation armed(at);
            came.run(make(), std::move(first), std::move(rest));
            failed = armed.has_failed();
        }
        if (came.whole()) {
            EXPECT_EQ(support::difference(came.text(), output), "");
        } else {
            EXPECT_TRUE(failed);
            EXPECT_TRUE(came.failed()->is(ENOMEM)) << came.failed()->message();
        }
        if (!failed) return at;
    }
}

TEST(FilterAllocation, OfACompressorIsAnErrorOrHarmless) {
    auto plain = prose(60'000);
    for (auto which : every_codec) {
        SCOPED_TRACE(name_of(which));
        for (unsigned threads : {1U, 2U}) {
            filter_options options{.threads = threads, .block_bytes = 16'384};
            auto small = compressed(which, plain, options);
            auto failed =
                fail_each(plain, small, [&] { return filter::compressor(which, options); });
            EXPECT_GE(failed, 10U);
        }
    }
}

TEST(FilterAllocation, OfADecompressorIsAnErrorOrHarmless) {
    auto plain = prose(300'000);
    for (auto which : every_codec) {
        SCOPED_TRACE(name_of(which));
        auto failed =
            fail_each(compressed(which, plain), plain, [&] { return filter::decompressor(which); });
        EXPECT_GE(failed, 5U);
    }
}

TEST(FilterAllocation, OfAPullLosesNoOutput) {
    auto plain = prose(200'000);
    auto made = filter::compressor(codec::gzip, {.block_bytes = 65'536});
    ASSERT_TRUE(made);
    made->append(buffer_slice::copy_of(as_bytes(plain)));
    made->finish();
    while (made->ready_bytes() < 20'000)
        ASSERT_TRUE(made->step());
    auto ready = made->ready_bytes();
    {
        failing_allocation armed(0);
        auto part = made->pull(ready - 1);
        ASSERT_TRUE(armed.has_failed());
        ASSERT_FALSE(part);
        EXPECT_TRUE(part.error().is(ENOMEM)) << part.error().message();
    }
    EXPECT_FALSE(made->done());
    EXPECT_EQ(made->ready_bytes(), ready);
    auto small = testing::drain(*made);
    ASSERT_TRUE(small) << small.error().message();
    EXPECT_EQ(support::difference(decompressed(codec::gzip, *small), plain), "");
}

TEST(FilterAllocation, OfAGuessIsAnError) {
    auto plain = prose(100'000);
    support::temporary_file written(plain);
    auto region = written.open().region(0, plain.size());
    auto failed = support::fail_each_allocation([&] {
        for (const auto& guess : {worth_compressing(as_bytes(plain)), worth_compressing(region)})
            EXPECT_TRUE(guess || guess.error().is(ENOMEM)) << guess.error().message();
    });
    EXPECT_GE(failed, 2U);
}

}  // namespace
}  // namespace sluice
