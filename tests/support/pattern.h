// pattern.h: bytes to send in tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace sluice::support {

// `size` bytes that do not repeat within any size used here, so that bytes from a wrong position
// never look right. The same seed gives the same bytes, and a shorter pattern is the start of a
// longer one.
[[nodiscard]] std::string pattern(std::size_t size, std::uint64_t seed = 1);

// Where two texts begin to differ, for failure messages: comparing MiBs with EXPECT_EQ would print
// them. Empty when they are equal.
[[nodiscard]] std::string difference(const std::string& got, const std::string& wanted);

}  // namespace sluice::support
