// filter_testing.h: what tests of filters share.
#pragma once

#include <array>
#include <random>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <sluice/filter.h>

namespace sluice::testing {

inline constexpr std::array every_codec{codec::gzip, codec::deflate, codec::zstd, codec::lz4};

// Words that compress as prose does, and do not repeat as a whole.
[[nodiscard]] inline std::string prose(std::size_t size, unsigned seed = 1) {
    constexpr std::array words{"a ",       "chain ",    "of ",    "pieces ", "moves ",   "through ",
                               "the ",     "filter,\n", "and ",   "block ",  "by ",      "block; ",
                               "nothing ", "waits ",    "which ", "is ",     "copied. ", "twice "};
    std::mt19937 random(seed);
    std::string text;
    text.reserve(size + 16);
    while (text.size() < size) {
        text += words[random() % words.size()];
        if (random() % 16 == 0) text += std::to_string(random());
    }
    text.resize(size);
    return text;
}

[[nodiscard]] inline std::string text_of(const chain& pieces) {
    auto flat = pieces.flatten();
    EXPECT_TRUE(flat) << flat.error().message();
    return flat ? std::string(flat->text()) : std::string();
}

// All that comes out until the filter wants input or is done.
[[nodiscard]] inline result<std::string> drain(filter& from) {
    std::string out;
    while (true) {
        auto part = from.pull();
        if (!part) return failure(std::move(part));
        if (part->empty()) return out;
        out += text_of(*part);
    }
}

[[nodiscard]] inline result<std::string> through(filter& whole, const std::string& input) {
    whole.append(buffer_slice::copy_of(as_bytes(input)));
    whole.finish();
    return drain(whole);
}

[[nodiscard]] inline std::string compressed(codec which, const std::string& plain,
                                            filter_options options = {}) {
    auto made = filter::compressor(which, std::move(options));
    if (!made) ADD_FAILURE() << made.error().message();
    auto out = through(*made, plain);
    if (!out) ADD_FAILURE() << out.error().message();
    return std::move(out).value_or("");
}

[[nodiscard]] inline std::string decompressed(codec which, const std::string& small,
                                              filter_options options = {}) {
    auto made = filter::decompressor(which, std::move(options));
    if (!made) ADD_FAILURE() << made.error().message();
    auto out = through(*made, small);
    if (!out) ADD_FAILURE() << out.error().message();
    return std::move(out).value_or("");
}

}  // namespace sluice::testing
