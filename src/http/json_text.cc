#include "http/json_text.h"

#include "http/utf8.h"

namespace sluice::http {

namespace {

bool is_plain(char letter) noexcept {
    return !is_control(letter) && letter != '"' && letter != '\\' &&
           static_cast<unsigned char>(letter) < 0x80;
}

void append_escaped(std::string& out, char letter) {
    constexpr std::string_view hex_digits = "0123456789abcdef";
    constexpr std::string_view named = "\"\\\b\f\n\r\t";
    constexpr std::string_view names = "\"\\bfnrt";
    if (auto place = named.find(letter); place != std::string_view::npos) {
        out += '\\';
        out += names[place];
        return;
    }
    auto byte = static_cast<unsigned char>(letter);
    out += "\\u00";
    out += hex_digits[byte >> 4];
    out += hex_digits[byte & 15];
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    for (std::size_t position = 0; position < text.size();) {
        auto end = position;
        while (end < text.size() && is_plain(text[end]))
            ++end;
        out += text.substr(position, end - position);
        position = end;
        if (position == text.size()) break;
        auto size = code_point_size(text, position);
        if (size == 1) {
            append_escaped(out, text[position]);
        } else {
            out += size == 0 ? replacement_character : text.substr(position, size);
        }
        position += size == 0 ? 1 : size;
    }
    out += '"';
}

}  // namespace sluice::http
