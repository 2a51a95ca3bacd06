// range_fuzz.cc: whatever Range comes in, what goes out are disjoint parts of the file, and not too
// many.
//
// The first eight bytes of the input are the size of the file (little endian), the ninth is the
// limit of ranges, the rest is the field. A shorter input is a field for a file of 1000 bytes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "http/byte_range.h"

namespace {

using sluice::http::byte_range;
using sluice::http::range_selection;

// A broken invariant ends the process, which is how a fuzzer learns of it.
void require(bool holds) {
    if (!holds) std::abort();
}

void check_ranges(std::vector<byte_range> ranges, std::uint64_t file_size, std::size_t ranges_max) {
    require(!ranges.empty() && ranges.size() <= ranges_max);
    std::sort(ranges.begin(), ranges.end(), [](const byte_range& left, const byte_range& right) {
        return left.first < right.first;
    });
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        const auto& range = ranges[i];
        require(range.size > 0 && range.first < file_size && range.size <= file_size - range.first);
        // Ranges that touch are joined, so there is a byte between any two.
        if (i > 0) require(range.first > ranges[i - 1].first + ranges[i - 1].size);
        require(range.size <= file_size - total);
        total += range.size;
    }
}

void check(std::string_view field, std::uint64_t file_size, std::size_t ranges_max) {
    auto selection = sluice::http::select_ranges(field, file_size, ranges_max);
    if (selection.outcome == range_selection::kind::partial) {
        check_ranges(selection.ranges, file_size, ranges_max);
    } else {
        require(selection.ranges.empty());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view input(reinterpret_cast<const char*>(data), size);
    check(input, 1000, 16);
    constexpr std::size_t settings_size = 9;
    if (size < settings_size) return 0;
    std::uint64_t file_size = 0;
    for (std::size_t i = 0; i < 8; ++i)
        file_size |= static_cast<std::uint64_t>(data[i]) << (8 * i);
    check(input.substr(settings_size), file_size, data[8]);
    return 0;
}
