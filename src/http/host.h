// host.h: the Host field, and the patterns that say which site answers to a name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::http {

struct host_and_port {
    std::string name;  // lower case; an IPv6 address with its brackets
    std::optional<std::uint16_t> port = {};
};

// Reads the value of a Host field or an authority without user information (RFC 9110 section 7.2,
// RFC 3986 section 3.2.2): a registered name, an IPv4 address or an IPv6 address in brackets, and
// perhaps a port, which may be empty. Nothing when it is not valid; an empty host is not, since no
// http URI may have one.
[[nodiscard]] std::optional<host_and_port> parse_host(std::string_view value);

// `example.org`, or `*.example.org` for every name below it at any depth (but not for itself).
class host_pattern {
  public:
    // Nothing when the text is no such pattern. A port is not one.
    [[nodiscard]] static std::optional<host_pattern> parse(std::string_view text);

    [[nodiscard]] bool is_exact() const noexcept { return !any_below_; }
    // Whether a name, as in host_and_port, is meant. A dot at the end of it makes no difference.
    [[nodiscard]] bool matches(std::string_view name) const noexcept;

  private:
    host_pattern(std::string name, bool any_below)
        : name_(std::move(name)), any_below_(any_below) {}

    std::string name_;  // without the star; with its dot in front if any_below_
    bool any_below_;
};

}  // namespace sluice::http
