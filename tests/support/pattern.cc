#include "support/pattern.h"

#include <algorithm>

namespace sluice::support {

std::string pattern(std::size_t size, std::uint64_t seed) {
    std::string bytes(size, '\0');
    auto state = seed * 0x9e3779b97f4a7c15ULL + 1;
    for (auto& byte : bytes) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        byte = static_cast<char>(state >> 56);
    }
    return bytes;
}

std::string difference(const std::string& got, const std::string& wanted) {
    if (got == wanted) return {};
    auto same = std::ranges::mismatch(got, wanted).in1 - got.begin();
    return "sizes " + std::to_string(got.size()) + " and " + std::to_string(wanted.size()) +
           ", first difference at byte " + std::to_string(same);
}

}  // namespace sluice::support
