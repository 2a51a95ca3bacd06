// request.h: a request whose head has been read and found well-formed.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/preconditions.h"

namespace sluice::http {

enum class request_method : std::uint8_t {
    get,
    head,
    options,
    post,
    put,
    del,
    patch,
    connect,
    trace,
    other
};
inline constexpr std::size_t request_method_count = 10;
[[nodiscard]] std::string_view name_of(request_method method) noexcept;

// All views are into the connection's input and hold until the next request is read.
struct request {
    request_method method = request_method::other;
    std::string_view method_name;
    std::string_view target;
    bool http_1_1 = true;
    bool keep_alive = true;

    // How the body, if any, is framed. It is read and thrown away.
    bool chunked = false;
    std::uint64_t content_length = 0;
    bool expects_continue = false;

    std::string_view host;
    conditional_fields conditions;
    std::optional<std::string_view> range;
    std::optional<std::string_view> accept, accept_encoding;
    std::optional<std::string_view> origin, access_control_request_method,
        access_control_request_headers;
    std::string_view referer, user_agent;

    [[nodiscard]] bool has_body() const noexcept { return chunked || content_length > 0; }
    [[nodiscard]] bool is_get_or_head() const noexcept {
        return method == request_method::get || method == request_method::head;
    }
};

}  // namespace sluice::http
