#include <random>

#include <gtest/gtest.h>

#include "chain/chain_oracle_testing.h"
#include "support/pattern.h"
#include "support/temporary_file.h"

namespace sluice {
namespace {

// Thousands of operations against a plain text. The seeds are fixed, so a failure comes again.
class ChainOracle : public testing::TestWithParam<std::uint64_t> {};

TEST_P(ChainOracle, AgreesAfterEveryStep) {
    // Few different bytes, so that a search finds beginnings that come to nothing.
    auto content = support::pattern(4000, GetParam());
    if (GetParam() % 2 == 0) {
        for (auto& each : content)
            each = static_cast<char>('a' + static_cast<unsigned char>(each) % 2);
    }
    support::temporary_file source(content);
    testing_support::chain_oracle oracle(source.open(), content);
    std::mt19937_64 generator(GetParam());
    auto next = [&generator] { return generator(); };
    for (int steps = 0; steps < 2500; ++steps) {
        oracle.step(next);
        ASSERT_EQ(oracle.disagreement(next), "") << "after step " << steps;
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ChainOracle, testing::Range<std::uint64_t>(1, 9));

}  // namespace
}  // namespace sluice
