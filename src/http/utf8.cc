#include "http/utf8.h"

namespace sluice::http {

namespace {

struct lead_rule {
    std::size_t size;
    unsigned char second_first,
        second_last;  // bounds of the second byte: they keep out overlong forms
};

constexpr lead_rule rule_for(unsigned char lead) noexcept {
    if (lead < 0x80) return {1, 0, 0};
    if (lead < 0xC2) return {0, 0, 0};
    if (lead < 0xE0) return {2, 0x80, 0xBF};
    if (lead == 0xE0) return {3, 0xA0, 0xBF};
    if (lead == 0xED) return {3, 0x80, 0x9F};  // above are the surrogates
    if (lead < 0xF0) return {3, 0x80, 0xBF};
    if (lead == 0xF0) return {4, 0x90, 0xBF};
    if (lead < 0xF4) return {4, 0x80, 0xBF};
    if (lead == 0xF4) return {4, 0x80, 0x8F};  // above is more than U+10FFFF
    return {0, 0, 0};
}

}  // namespace

std::size_t code_point_size(std::string_view text, std::size_t position) noexcept {
    auto rest = text.substr(position);
    auto rule = rule_for(static_cast<unsigned char>(rest[0]));
    if (rule.size <= 1) return rule.size;
    if (rest.size() < rule.size) return 0;
    auto second = static_cast<unsigned char>(rest[1]);
    if (second < rule.second_first || second > rule.second_last) return 0;
    for (std::size_t i = 2; i < rule.size; ++i) {
        if ((static_cast<unsigned char>(rest[i]) & 0xC0) != 0x80) return 0;
    }
    return rule.size;
}

bool is_utf8(std::string_view text) noexcept {
    for (std::size_t position = 0; position < text.size();) {
        auto size = code_point_size(text, position);
        if (size == 0) return false;
        position += size;
    }
    return true;
}

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t position = 0; position < text.size();) {
        auto size = code_point_size(text, position);
        if (size == 0 || is_control(text[position])) {
            out += replacement_character;
            ++position;
        } else {
            out += text.substr(position, size);
            position += size;
        }
    }
    return out;
}

}  // namespace sluice::http
