// error_page.h: status codes, and the page that explains one when the site has none of its own.
#pragma once

#include <string>
#include <string_view>

namespace sluice::http {

// The reason phrase of a registered status code (RFC 9110 section 15 and IANA's registry), "Not
// Found" for 404; "Unknown" for any other number.
[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

// A small HTML page for the status.
[[nodiscard]] std::string error_html(int status);

}  // namespace sluice::http
