// request_parser_fuzz.cc: whatever bytes come in, a head is taken whole, refused or waited for, and
// how the bytes are cut into pieces makes no difference.
//
// The first byte of the input says where it is cut in two. The rest is a connection's bytes: heads,
// and the bodies that they announce.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "http/request_parser.h"

#include "http/chunked_body.h"

namespace {

using namespace std::string_view_literals;
using sluice::as_bytes;
using sluice::http::chunked_body;
using sluice::http::head_limits;
using sluice::http::parsed_head;
using sluice::http::request;

constexpr head_limits limits{.head_bytes = 2048, .header_fields = 20};
constexpr std::uint64_t body_bytes_max = 4096;

// A broken invariant ends the process, which is how a fuzzer learns of it.
void require(bool holds) {
    if (!holds) std::abort();
}

void require_inside(std::string_view part, std::string_view whole) {
    if (part.empty()) return;
    require(part.data() >= whole.data());
    require(part.data() + part.size() <= whole.data() + whole.size());
}

void require_inside(const std::optional<std::string_view>& part, std::string_view whole) {
    if (part) require_inside(*part, whole);
}

void check_views(const request& asked, std::string_view head) {
    for (auto part : {asked.method_name, asked.target, asked.host, asked.referer, asked.user_agent})
        require_inside(part, head);
    const auto& conditions = asked.conditions;
    for (const auto& part :
         {conditions.if_match, conditions.if_none_match, conditions.if_range,
          conditions.if_modified_since, conditions.if_unmodified_since, asked.range, asked.accept,
          asked.accept_encoding, asked.origin, asked.access_control_request_method,
          asked.access_control_request_headers})
        require_inside(part, head);
}

void check_complete(const request& asked, std::string_view head) {
    require(head.ends_with("\r\n\r\n"));
    require(head.size() <= limits.head_bytes);
    require(!asked.method_name.empty() && !asked.target.empty());
    require(!(asked.chunked && asked.content_length > 0));
    require(asked.http_1_1 || !asked.chunked);
    // No line break is left in anything that could be written out again.
    for (auto part : {asked.method_name, asked.target, asked.host, asked.referer, asked.user_agent})
        require(part.find_first_of("\r\n\0"sv) == std::string_view::npos);
    check_views(asked, head);
}

parsed_head parse(std::string_view text, std::size_t& searched, request& asked) {
    auto head = sluice::http::parse_head(as_bytes(text), searched, limits, asked);
    require(searched <= text.size());
    switch (head.is) {
        case parsed_head::outcome::complete:
            require(head.size > 0 && head.size <= text.size());
            check_complete(asked, text.substr(0, head.size));
            break;
        case parsed_head::outcome::refused:
            require(head.status >= 400 && head.status <= 505);
            break;
        case parsed_head::outcome::incomplete:
            require(text.size() <= limits.head_bytes);  // else a caller would wait for ever
            break;
    }
    return head;
}

// The head when it comes in two parts.
void check_split_head(std::string_view text, std::size_t cut, const parsed_head& whole) {
    std::size_t searched = 0;
    request asked;
    auto first = parse(text.substr(0, cut), searched, asked);
    if (first.is == parsed_head::outcome::complete) {
        require(whole.is == first.is && whole.size == first.size);
        return;
    }
    if (first.is == parsed_head::outcome::refused) {
        require(whole.is == parsed_head::outcome::refused);
        return;
    }
    auto second = parse(text, searched, asked);
    require(second.is == whole.is && second.size == whole.size && second.status == whole.status);
}

chunked_body::outcome feed(chunked_body& body, std::string_view text) {
    auto fed = body.feed(as_bytes(text), body_bytes_max);
    require(fed.consumed <= text.size());
    require(!(fed.complete && fed.refused));
    if (fed.refused) require(fed.status >= 400 && fed.status <= 505);
    if (!fed.complete && !fed.refused) require(fed.consumed == text.size());
    return fed;
}

// How much of the text is a chunked body; nothing when it does not end or is refused.
std::optional<std::size_t> check_body(std::string_view text, std::size_t cut) {
    chunked_body at_once, in_parts;
    auto whole = feed(at_once, text);
    auto first = feed(in_parts, text.substr(0, cut));
    auto last = first;
    if (!first.complete && !first.refused) {
        last = feed(in_parts, text.substr(first.consumed));
        last.consumed += first.consumed;
    }
    require(last.complete == whole.complete && last.refused == whole.refused);
    require(last.status == whole.status && last.consumed == whole.consumed);
    return whole.complete ? std::optional(whole.consumed) : std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    // Copied, so that a read behind the end shows.
    std::string input(reinterpret_cast<const char*>(data) + 1, size - 1);
    std::string_view rest = input;
    while (!rest.empty()) {
        auto cut = data[0] % (rest.size() + 1);
        std::size_t searched = 0;
        request asked;
        auto head = parse(rest, searched, asked);
        check_split_head(rest, cut, head);
        if (head.is != parsed_head::outcome::complete) return 0;
        rest.remove_prefix(head.size);
        if (asked.chunked) {
            auto body = check_body(rest, data[0] % (rest.size() + 1));
            if (!body) return 0;
            rest.remove_prefix(*body);
        } else {
            if (asked.content_length > rest.size()) return 0;
            rest.remove_prefix(static_cast<std::size_t>(asked.content_length));
        }
    }
    return 0;
}
