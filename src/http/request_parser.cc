#include "http/request_parser.h"

#include <algorithm>
#include <array>
#include <optional>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/field.hpp>

#include "http/field_text.h"
#include "http/host.h"

namespace sluice::http {

namespace {

namespace beast = boost::beast::http;
using beast_error = boost::beast::error_code;
using beast_text = boost::beast::string_view;

constexpr int bad_request = 400;
constexpr int uri_too_long = 414;
constexpr int expectation_failed = 417;
constexpr int fields_too_large = 431;
constexpr int not_implemented = 501;
constexpr int version_not_supported = 505;

std::string_view view(beast_text text) noexcept {
    return {text.data(), text.size()};
}

struct head_search {
    parsed_head::outcome is;
    std::size_t begin =
        0;  // behind the empty lines that may stand before a request (RFC 9112 section 2.2)
    std::size_t end = 0;
};

// Whether whole lines, whose ends have been looked at, hold no control bytes but tabs.
bool are_clean(std::string_view lines) noexcept {
    return std::ranges::none_of(lines, [](unsigned char letter) {
        bool allowed = letter == '\t' || letter == '\r' || letter == '\n';
        return (letter < 0x20 && !allowed) || letter == 0x7f;
    });
}

// Walks over whole lines until the empty one that ends the head. Line ends and folds are judged
// here, since Beast would unfold, and would wait for the end of a head whose lines end otherwise.
// Control bytes are Beast's work as well, but it sees whole heads only: what comes piece by piece
// is looked at here, so that nobody waits for the rest of a request that will be refused.
head_search find_head(std::string_view text, std::size_t& searched) noexcept {
    std::size_t begin = 0;
    while (text.substr(begin).starts_with("\r\n"))
        begin += 2;
    auto line_begin = std::max(begin, searched);
    auto first_line = line_begin;
    while (true) {
        auto feed = text.find('\n', line_begin);
        if (feed == std::string_view::npos) {
            if (!are_clean(text.substr(first_line, line_begin - first_line)))
                return {parsed_head::outcome::refused};
            searched = line_begin;
            return {parsed_head::outcome::incomplete, begin};
        }
        bool bare = feed == line_begin || text[feed - 1] != '\r';
        if (bare) return {parsed_head::outcome::refused};
        auto line = text.substr(line_begin, feed - 1 - line_begin);
        if (line.empty()) return {parsed_head::outcome::complete, begin, feed + 1};
        bool folded = line_begin > begin && (line.front() == ' ' || line.front() == '\t');
        if (folded) return {parsed_head::outcome::refused};
        line_begin = feed + 1;
    }
}

// An empty Host is what a client sends for a target without an authority (RFC 9112 section 3.2).
bool is_valid_host(std::string_view value) {
    // One request after the other names the same host, so the last valid one is remembered.
    thread_local std::string last_valid;
    if (value.empty() || value == last_valid) return true;
    if (!parse_host(value)) return false;
    last_valid = value;
    return true;
}

struct method_entry {
    std::string_view name;
    request_method method;
};
constexpr std::array<method_entry, request_method_count - 1> methods{{
    {"GET", request_method::get},
    {"HEAD", request_method::head},
    {"OPTIONS", request_method::options},
    {"POST", request_method::post},
    {"PUT", request_method::put},
    {"DELETE", request_method::del},
    {"PATCH", request_method::patch},
    {"CONNECT", request_method::connect},
    {"TRACE", request_method::trace},
}};

request_method method_named(std::string_view name) noexcept {
    for (const auto& each : methods) {
        if (each.name == name) return each.method;
    }
    return request_method::other;
}

bool has_token(std::string_view list, std::string_view token) noexcept {
    while (!list.empty()) {
        if (equal_ignoring_case(take_element(list, ','), token)) return true;
    }
    return false;
}

std::optional<std::uint64_t> decimal(std::string_view text) noexcept {
    if (text.empty() || text.size() > 19) return std::nullopt;
    std::uint64_t number = 0;
    for (char letter : text) {
        if (!is_digit(letter)) return std::nullopt;
        number = number * 10 + static_cast<std::uint64_t>(letter - '0');
    }
    return number;
}

// Beast's grammar, with decisions of our own about framing: this parser only ever sees a head.
class head_parser final : public beast::basic_parser<true> {
  public:
    head_parser(request& into, std::size_t fields_max) : into_(into), fields_max_(fields_max) {
        header_limit(UINT32_MAX);  // the caller has bounded it
        body_limit(boost::none);
    }
    // What to answer if the head is refused.
    [[nodiscard]] int status() const noexcept { return status_; }
    // What only shows when all fields are known.
    [[nodiscard]] bool is_sound() noexcept {
        bool host_missing = into_.http_1_1 && hosts_ == 0;
        if (hosts_ > 1 || host_missing) return false;
        if (lengths_ > 1 || (lengths_ > 0 && into_.chunked)) return false;
        if (into_.chunked && !into_.http_1_1) return false;
        into_.keep_alive = into_.http_1_1 ? !close_ : keep_alive_ && !close_;
        return true;
    }

  private:
    void on_request_impl(beast::verb, beast_text method, beast_text target, int version,
                         beast_error&) override {
        into_.method_name = view(method);
        into_.method = method_named(into_.method_name);
        into_.target = view(target);
        into_.http_1_1 = version == 11;
    }

    void on_field_impl(beast::field name, beast_text, beast_text raw,
                       beast_error& failed) override {
        if (++fields_ > fields_max_) return refuse(fields_too_large, failed);
        if (int refused = take(name, view(raw)); refused != 0) refuse(refused, failed);
    }

    // 0, or the status to refuse the request with.
    int take(beast::field name, std::string_view value) {
        switch (name) {
            case beast::field::host:
                return take_host(value);
            case beast::field::content_length:
                return take_length(value);
            case beast::field::transfer_encoding:
                return take_coding(value);
            case beast::field::connection:
                take_connection(value);
                break;
            case beast::field::expect:
                return take_expectation(value);
            case beast::field::range:
                into_.range = value;
                break;
            case beast::field::if_match:
                into_.conditions.if_match = value;
                break;
            case beast::field::if_none_match:
                into_.conditions.if_none_match = value;
                break;
            case beast::field::if_modified_since:
                into_.conditions.if_modified_since = value;
                break;
            case beast::field::if_unmodified_since:
                into_.conditions.if_unmodified_since = value;
                break;
            case beast::field::if_range:
                into_.conditions.if_range = value;
                break;
            case beast::field::accept:
                into_.accept = value;
                break;
            case beast::field::accept_encoding:
                into_.accept_encoding = value;
                break;
            case beast::field::origin:
                into_.origin = value;
                break;
            case beast::field::access_control_request_method:
                into_.access_control_request_method = value;
                break;
            case beast::field::access_control_request_headers:
                into_.access_control_request_headers = value;
                break;
            case beast::field::referer:
                into_.referer = value;
                break;
            case beast::field::user_agent:
                into_.user_agent = value;
                break;
            default:
                break;
        }
        return 0;
    }

    int take_host(std::string_view value) {
        ++hosts_;
        into_.host = value;
        return is_valid_host(value) ? 0 : bad_request;
    }

    int take_length(std::string_view value) {
        ++lengths_;
        auto length = decimal(value);
        into_.content_length = length.value_or(0);
        return length ? 0 : bad_request;
    }

    int take_coding(std::string_view value) {
        bool again = into_.chunked;
        into_.chunked = true;
        if (again) return bad_request;
        if (equal_ignoring_case(value, "chunked")) return 0;
        // Another coding below a final chunked is framed well, only unknown here.
        auto comma = value.rfind(',');
        bool chunked_last =
            comma != std::string_view::npos &&
            equal_ignoring_case(trim_white_space(value.substr(comma + 1)), "chunked");
        return chunked_last ? not_implemented : bad_request;
    }

    void take_connection(std::string_view value) {
        close_ |= has_token(value, "close");
        keep_alive_ |= has_token(value, "keep-alive");
    }

    int take_expectation(std::string_view value) {
        if (!equal_ignoring_case(value, "100-continue")) return expectation_failed;
        into_.expects_continue = into_.http_1_1;
        return 0;
    }

    void refuse(int status, beast_error& failed) {
        status_ = status;
        failed = beast::error::bad_field;
    }

    void on_response_impl(int, beast_text, int, beast_error&) override {}
    void on_header_impl(beast_error&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, beast_error&) override {}
    std::size_t on_body_impl(beast_text text, beast_error&) override { return text.size(); }
    void on_chunk_header_impl(std::uint64_t, beast_text, beast_error&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, beast_text text, beast_error&) override {
        return text.size();
    }
    void on_finish_impl(beast_error&) override {}

    request& into_;
    std::size_t fields_max_;
    std::size_t fields_ = 0;
    int hosts_ = 0;
    int lengths_ = 0;
    bool close_ = false;
    bool keep_alive_ = false;
    int status_ = bad_request;
};

// HTTP/2.0 or the like: well-formed, but not spoken here.
bool names_other_version(std::string_view head) noexcept {
    auto line = head.substr(0, head.find('\r'));
    auto space = line.rfind(' ');
    if (space == std::string_view::npos) return false;
    auto version = line.substr(space + 1);
    return version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) &&
           version[6] == '.' && is_digit(version[7]) && version != "HTTP/1.1" &&
           version != "HTTP/1.0";
}

parsed_head refused(int status) {
    return {parsed_head::outcome::refused, 0, status};
}

int too_large_status(std::string_view text) {
    bool request_line_ended = text.find('\n') != std::string_view::npos;
    return request_line_ended ? fields_too_large : uri_too_long;
}

}  // namespace

std::string_view name_of(request_method method) noexcept {
    auto index = static_cast<std::size_t>(method);
    return index < methods.size() ? methods[index].name : "other";
}

parsed_head parse_head(bytes_view bytes, std::size_t& searched, const head_limits& limits,
                       request& into) {
    auto text = as_text(bytes);
    auto head = find_head(text, searched);
    into = {};
    if (head.is == parsed_head::outcome::refused) return refused(bad_request);
    bool complete = head.is == parsed_head::outcome::complete;
    // The empty lines before count as well: a caller has no room for more than that.
    auto size = complete ? head.end : text.size();
    if (size > limits.head_bytes) {
        auto seen = text.substr(0, limits.head_bytes);
        return refused(too_large_status(seen.substr(std::min(head.begin, seen.size()))));
    }
    if (!complete) return {};

    head_parser parser(into, limits.header_fields);
    beast_error failed;
    auto line_and_fields = text.substr(head.begin, size - head.begin);
    parser.put(boost::asio::buffer(line_and_fields.data(), line_and_fields.size()), failed);
    if (failed == beast::error::bad_version && names_other_version(line_and_fields))
        return refused(version_not_supported);
    if (failed && failed != beast::error::need_more) return refused(parser.status());
    if (!parser.is_header_done() || !parser.is_sound()) return refused(bad_request);
    return {parsed_head::outcome::complete, head.end, 0};
}

}  // namespace sluice::http
