// decompress_fuzz.cc: whatever bytes come in, decompressing ends with output or an error, holds to
// its bounds, and how the bytes are cut into pieces makes no difference.
//
// The first byte of the input says which codec, the second one where the rest is cut in two.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

#include <sluice/filter.h>

namespace {

using sluice::buffer_slice;
using sluice::bytes_view;
using sluice::codec;
using sluice::filter;

constexpr std::array codecs{codec::gzip, codec::deflate, codec::zstd, codec::lz4};
constexpr std::uint64_t output_bytes_max = 1 << 20;
constexpr std::size_t output_block_bytes = 128 << 10;

// A broken invariant ends the process, which is how a fuzzer learns of it.
void require(bool holds) {
    if (!holds) std::abort();
}

struct outcome {
    bool whole = false;
    int reason = 0;  // else
    std::string output;
};

void pull_all(filter& from, outcome& into) {
    while (true) {
        auto part = from.pull();
        if (!part) {
            into.reason = part.error().code().value();
            require(into.reason != 0 && from.done());
            return;
        }
        if (part->empty()) break;
        for (const auto& each : part->pieces())
            into.output += each.memory()->text();
        require(into.output.size() <= output_bytes_max + output_block_bytes);
    }
    into.whole = from.done();
}

outcome decompress(codec which, bytes_view data, std::size_t cut) {
    auto made = filter::decompressor(
        which, {.output_bytes_max = output_bytes_max, .window_bytes_max = 1 << 20});
    require(made.has_value());
    outcome came;
    made->append(buffer_slice::copy_of(data.first(cut)));
    pull_all(*made, came);
    if (came.reason != 0) return came;
    made->append(buffer_slice::copy_of(data.subspan(cut)));
    made->finish();
    pull_all(*made, came);
    require(came.whole || came.reason != 0);
    require(!came.whole || made->statistics().bytes_in == data.size());
    return came;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    auto which = codecs[data[0] % codecs.size()];
    auto rest = std::as_bytes(std::span(data, size)).subspan(2);
    auto at_once = decompress(which, rest, rest.size());
    auto in_two = decompress(which, rest, data[1] % (rest.size() + 1));
    require(at_once.whole == in_two.whole);
    if (at_once.whole) require(at_once.output == in_two.output);
    return 0;
}
