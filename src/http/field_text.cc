#include "http/field_text.h"

#include <algorithm>

namespace sluice::http {

bool equal_ignoring_case(std::string_view left, std::string_view right) noexcept {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [](char a, char b) { return ascii_lower(a) == ascii_lower(b); });
}

std::string_view trim_white_space(std::string_view text) noexcept {
    auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string_view take_element(std::string_view& rest, char delimiter) noexcept {
    auto end = std::min(rest.find(delimiter), rest.size());
    auto element = trim_white_space(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return element;
}

}  // namespace sluice::http
