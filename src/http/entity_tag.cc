#include "http/entity_tag.h"

#include <algorithm>

#include "http/field_text.h"

namespace sluice::http {

namespace {

constexpr bool is_tag_character(char letter) noexcept {
    auto byte = static_cast<unsigned char>(letter);
    return byte > 0x20 && byte != '"' && byte != 0x7F;
}

// The size of the quoted tag at the front of the text; 0 when there is none.
std::size_t quoted_size(std::string_view text) noexcept {
    if (!text.starts_with('"')) return 0;
    std::size_t end = 1;
    while (end < text.size() && is_tag_character(text[end]))
        ++end;
    return end < text.size() && text[end] == '"' ? end + 1 : 0;
}

bool any_matches(std::string_view field, std::string_view etag, bool strongly) noexcept {
    if (trim_white_space(field) == "*") return true;
    entity_tag_list tags(field);
    while (auto tag = tags.next()) {
        if (tag->value == etag && !(strongly && tag->weak)) return true;
    }
    return false;
}

}  // namespace

std::optional<entity_tag> entity_tag_list::next() noexcept {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t,"), rest_.size()));
    bool weak = rest_.starts_with("W/");
    auto opaque = rest_.substr(weak ? 2 : 0);
    auto size = quoted_size(opaque);
    auto after = trim_white_space(opaque.substr(size));
    if (size == 0 || !(after.empty() || after.starts_with(','))) {
        rest_ = {};
        return std::nullopt;
    }
    rest_ = after;
    return entity_tag{opaque.substr(0, size), weak};
}

bool any_matches_strongly(std::string_view field, std::string_view etag) noexcept {
    return any_matches(field, etag, true);
}

bool any_matches_weakly(std::string_view field, std::string_view etag) noexcept {
    return any_matches(field, etag, false);
}

}  // namespace sluice::http
