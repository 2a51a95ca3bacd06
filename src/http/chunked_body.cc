#include "http/chunked_body.h"

#include <algorithm>
#include <string_view>

#include "http/field_text.h"

namespace sluice::http {

namespace {

constexpr int bad_request = 400;
constexpr int content_too_large = 413;
constexpr int fields_too_large = 431;
constexpr unsigned size_digits_max = 16;
constexpr std::size_t extras_max = 16 * 1024;

int hex_value(char letter) noexcept {
    if (is_digit(letter)) return letter - '0';
    char lower = ascii_lower(letter);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool is_blank(char letter) noexcept {
    return letter == ' ' || letter == '\t';
}

bool is_control(char letter) noexcept {
    auto byte = static_cast<unsigned char>(letter);
    return (byte < 0x20 && letter != '\t') || byte == 0x7f;
}

bool is_token_letter(char letter) noexcept {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    char lower = ascii_lower(letter);
    return is_digit(letter) || (lower >= 'a' && lower <= 'z') ||
           marks.find(letter) != std::string_view::npos;
}

}  // namespace

chunked_body::outcome chunked_body::feed(bytes_view bytes, std::uint64_t size_max) noexcept {
    outcome fed;
    auto text = as_text(bytes);
    while (fed.consumed < text.size() && !fed.complete) {
        if (at_ == place::content) {
            auto count = std::min<std::uint64_t>(left_, text.size() - fed.consumed);
            fed.consumed += static_cast<std::size_t>(count);
            left_ -= count;
            if (left_ == 0) at_ = place::content_cr;
            continue;
        }
        int status = take(text[fed.consumed++], size_max);
        if (status != 0) return {fed.consumed, false, true, status};
        fed.complete = at_ == place::end;
    }
    return fed;
}

// Takes one byte that is not content. 0, or the status to refuse the body with.
int chunked_body::take(char letter, std::uint64_t size_max) noexcept {
    switch (at_) {
        case place::size_begin:
        case place::size:
            return take_size(letter, size_max);
        case place::blank:
            if (letter == ';') return expect(place::extension);
            return is_blank(letter) ? take_extra(letter, place::blank) : bad_request;
        case place::extension:
            return letter == '\r' ? expect(place::size_lf) : take_extra(letter, place::extension);
        case place::size_lf:
            if (letter != '\n') return bad_request;
            return expect(left_ == 0 ? place::trailer_begin : place::content);
        case place::content_cr:
            return letter == '\r' ? expect(place::content_lf) : bad_request;
        case place::content_lf:
            return letter == '\n' ? expect(place::size_begin) : bad_request;
        case place::trailer_begin:
            if (letter == '\r') return expect(place::end_lf);
            return is_token_letter(letter) ? take_extra(letter, place::trailer_name) : bad_request;
        case place::trailer_name:
            if (letter == ':') return take_extra(letter, place::trailer_value);
            return is_token_letter(letter) ? take_extra(letter, place::trailer_name) : bad_request;
        case place::trailer_value:
            return letter == '\r' ? expect(place::trailer_lf)
                                  : take_extra(letter, place::trailer_value);
        case place::trailer_lf:
            return letter == '\n' ? expect(place::trailer_begin) : bad_request;
        case place::end_lf:
            return letter == '\n' ? expect(place::end) : bad_request;
        case place::content:
        case place::end:
            break;
    }
    return bad_request;
}

int chunked_body::take_size(char letter, std::uint64_t size_max) noexcept {
    if (int digit = hex_value(letter); digit >= 0) {
        if (++digits_ > size_digits_max) return bad_request;
        left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
        return expect(place::size);
    }
    if (at_ == place::size_begin) return bad_request;
    digits_ = 0;
    if (left_ > size_max - std::min(content_, size_max)) return content_too_large;
    content_ += left_;
    if (letter == '\r') return expect(place::size_lf);
    if (letter == ';') return expect(place::extension);
    return is_blank(letter) ? take_extra(letter, place::blank) : bad_request;
}

// A byte of an extension or a trailer, which nobody reads: it must only be clean, and not come for
// ever.
int chunked_body::take_extra(char letter, place next) noexcept {
    if (is_control(letter)) return bad_request;
    if (++extras_ > extras_max) return fields_too_large;
    return expect(next);
}

}  // namespace sluice::http
