#include "http/host.h"

#include <algorithm>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "http/field_text.h"

namespace sluice::http {

namespace {

bool is_hex_digit(char letter) noexcept {
    char lower = ascii_lower(letter);
    return is_digit(letter) || (lower >= 'a' && lower <= 'f');
}

bool is_name_character(char letter) noexcept {
    constexpr std::string_view marks = "-._~!$&'()*+,;=";  // unreserved and sub-delims
    char lower = ascii_lower(letter);
    return is_digit(letter) || (lower >= 'a' && lower <= 'z') ||
           marks.find(letter) != std::string_view::npos;
}

// reg-name; an IPv4 address is one too.
bool is_registered_name(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_name_character(text[i])) continue;
        bool encoded = text[i] == '%' && text.size() - i > 2 && is_hex_digit(text[i + 1]) &&
                       is_hex_digit(text[i + 2]);
        if (!encoded) return false;
        i += 2;
    }
    return !text.empty();
}

bool is_bracketed_address(std::string_view text) {
    if (text.size() < 2 || !text.starts_with('[') || !text.ends_with(']')) return false;
    std::string address(text.substr(1, text.size() - 2));
    in6_addr binary;
    // inet_pton stops at a NUL, so one inside would hide what follows.
    return address.find('\0') == std::string::npos &&
           inet_pton(AF_INET6, address.c_str(), &binary) == 1;
}

// The text after the host: nothing, ":" or ":" and a port. False when it is anything else.
bool read_port(std::string_view text, std::optional<std::uint16_t>& port) noexcept {
    if (text.empty()) return true;
    text.remove_prefix(1);
    if (text.empty()) return true;
    if (!std::all_of(text.begin(), text.end(), is_digit)) return false;
    unsigned number = 0;
    for (char digit : text) {
        number = number * 10 + static_cast<unsigned>(digit - '0');
        if (number > 65535) return false;
    }
    port = static_cast<std::uint16_t>(number);
    return true;
}

std::string in_lower_case(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(), ascii_lower);
    return lower;
}

std::string_view without_final_dot(std::string_view name) noexcept {
    return name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
}

}  // namespace

std::optional<host_and_port> parse_host(std::string_view value) {
    auto name = value.starts_with('[') ? value.substr(0, value.find(']') + 1)
                                       : value.substr(0, value.find(':'));
    auto after = value.substr(name.size());
    if (!is_registered_name(name) && !is_bracketed_address(name)) return std::nullopt;
    if (!after.empty() && !after.starts_with(':')) return std::nullopt;
    host_and_port host{.name = in_lower_case(name)};
    if (!read_port(after, host.port)) return std::nullopt;
    return host;
}

std::optional<host_pattern> host_pattern::parse(std::string_view text) {
    bool any_below = text.starts_with("*.");
    if (any_below) text.remove_prefix(2);
    auto host = parse_host(text);
    bool is_name = host && host->name.size() == text.size() &&
                   text.find('*') == std::string_view::npos && !text.starts_with('.') &&
                   !(any_below && text.starts_with('['));
    if (!is_name) return std::nullopt;
    std::string name(without_final_dot(host->name));
    if (any_below) name.insert(0, 1, '.');
    return host_pattern(std::move(name), any_below);
}

bool host_pattern::matches(std::string_view name) const noexcept {
    name = without_final_dot(name);
    if (!any_below_) return equal_ignoring_case(name, name_);
    return name.size() > name_.size() &&
           equal_ignoring_case(name.substr(name.size() - name_.size()), name_);
}

}  // namespace sluice::http
