#include "http/target.h"

#include <algorithm>
#include <optional>

#include "http/field_text.h"
#include "http/host.h"
#include "http/utf8.h"

namespace sluice::http {

namespace {

constexpr int bad_request = 400;
constexpr std::string_view hex_digits = "0123456789ABCDEF";

std::optional<unsigned> hex_value(char digit) noexcept {
    if (is_digit(digit)) return static_cast<unsigned>(digit - '0');
    char letter = ascii_lower(digit);
    if (letter >= 'a' && letter <= 'f') return static_cast<unsigned>(letter - 'a' + 10);
    return std::nullopt;
}

// Appends the segment with every %XX replaced; false when one is broken or stands for a slash,
// which would make two segments of one.
bool append_decoded(std::string& out, std::string_view segment) {
    for (std::size_t i = 0; i < segment.size(); ++i) {
        if (segment[i] != '%') {
            out += segment[i];
            continue;
        }
        if (segment.size() - i < 3) return false;
        auto high = hex_value(segment[i + 1]);
        auto low = hex_value(segment[i + 2]);
        if (!high || !low) return false;
        out += static_cast<char>(*high * 16 + *low);
        if (out.back() == '/') return false;
        i += 2;
    }
    return true;
}

void append_encoded_byte(std::string& out, char letter) {
    auto byte = static_cast<unsigned char>(letter);
    out += '%';
    out += hex_digits[byte >> 4];
    out += hex_digits[byte & 15];
}

// Grows a path by one raw segment after the other.
class path_builder {
  public:
    // False when the segment makes the path invalid.
    bool add(std::string_view raw_segment) {
        auto end_before = path_.size();
        ends_in_slash_ = true;
        if (!append_decoded(path_, raw_segment)) return false;
        auto segment = std::string_view(path_).substr(end_before);
        if (!is_clean(segment)) return false;
        if (segment.empty()) return true;
        if (segment == ".") {
            path_.resize(end_before);
            return true;
        }
        if (segment == "..") return remove_last_two();
        path_ += '/';
        ends_in_slash_ = false;
        return true;
    }

    [[nodiscard]] std::string finish() && {
        if (!ends_in_slash_) path_.pop_back();
        return std::move(path_);
    }

  private:
    static bool is_clean(std::string_view segment) noexcept {
        return std::none_of(segment.begin(), segment.end(), is_control) &&
               segment.find('\\') == std::string_view::npos && is_utf8(segment);
    }

    // The `..` and the segment before it; false when there is none, as the path would leave the
    // root.
    bool remove_last_two() {
        path_.resize(path_.size() - 2);
        if (path_.size() == 1) return false;
        path_.resize(path_.rfind('/', path_.size() - 2) + 1);
        return true;
    }

    std::string path_ = "/";  // always ends with a slash between two calls
    bool ends_in_slash_ = true;
};

std::expected<std::string, int> decode_path(std::string_view raw) {
    path_builder path;
    raw.remove_prefix(1);
    for (bool more = true; more;) {
        auto end = raw.find('/');
        more = end != std::string_view::npos;
        if (!path.add(raw.substr(0, end))) return std::unexpected(bad_request);
        if (more) raw.remove_prefix(end + 1);
    }
    return std::move(path).finish();
}

std::string encode_query(std::string_view raw) {
    std::string out;
    out.reserve(raw.size());
    for (char letter : raw) {
        if (static_cast<unsigned char>(letter) > 0x7F) {
            append_encoded_byte(out, letter);
        } else {
            out += letter;
        }
    }
    return out;
}

// Cuts "http://authority" off the front of an absolute form and returns the authority; nothing when
// it is none or not valid.
std::optional<std::string_view> take_authority(std::string_view& raw) {
    auto colon = raw.find("://");
    if (colon == std::string_view::npos) return std::nullopt;
    auto scheme = raw.substr(0, colon);
    if (!equal_ignoring_case(scheme, "http") && !equal_ignoring_case(scheme, "https"))
        return std::nullopt;
    raw.remove_prefix(colon + 3);
    auto authority = raw.substr(0, raw.find_first_of("/?"));
    if (!parse_host(authority)) return std::nullopt;
    raw.remove_prefix(authority.size());
    return authority;
}

// A fragment has no place in a request, nor has anything that could end or fold a line.
bool may_be_in_target(char letter) noexcept {
    return !is_control(letter) && letter != ' ' && letter != '#';
}

}  // namespace

std::expected<request_target, int> parse_target(std::string_view raw) {
    if (!std::all_of(raw.begin(), raw.end(), may_be_in_target)) return std::unexpected(bad_request);
    if (raw == "*") return request_target{.path = "*"};
    request_target target;
    if (!raw.starts_with('/')) {
        auto authority = take_authority(raw);
        if (!authority) return std::unexpected(bad_request);
        target.authority = *authority;
    }
    auto mark = std::min(raw.find('?'), raw.size());
    target.query = encode_query(raw.substr(std::min(mark + 1, raw.size())));
    auto path = decode_path(mark == 0 ? "/" : raw.substr(0, mark));
    if (!path) return std::unexpected(path.error());
    target.path = std::move(*path);
    return target;
}

bool has_dot_segment_name(std::string_view path) noexcept {
    constexpr std::string_view well_known = "/.well-known";
    if (path == well_known || path.starts_with("/.well-known/"))
        path.remove_prefix(well_known.size());
    return path.starts_with('.') || path.find("/.") != std::string_view::npos;
}

std::string encode_path(std::string_view path) {
    constexpr std::string_view plain_marks = "/-._~!$()*+,;=@";
    std::string out;
    out.reserve(path.size());
    for (char letter : path) {
        char lower = ascii_lower(letter);
        bool plain = is_digit(letter) || (lower >= 'a' && lower <= 'z') ||
                     plain_marks.find(letter) != std::string_view::npos;
        if (plain) {
            out += letter;
        } else {
            append_encoded_byte(out, letter);
        }
    }
    return out;
}

bool is_servable_name(std::string_view name) noexcept {
    return !name.empty() && name != "." && name != ".." &&
           name.find_first_of("/\\") == std::string_view::npos &&
           std::none_of(name.begin(), name.end(), is_control) && is_utf8(name);
}

}  // namespace sluice::http
