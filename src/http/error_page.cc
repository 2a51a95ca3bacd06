#include "http/error_page.h"

#include <algorithm>
#include <array>

#include "http/html_text.h"

namespace sluice::http {

namespace {

struct status_text {
    int status;
    std::string_view phrase;
    std::string_view explanation = {};
};

constexpr auto statuses = std::to_array<status_text>({
    {100, "Continue"},
    {101, "Switching Protocols"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently", "The page has moved."},
    {302, "Found", "The page has moved for now."},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect", "The page has moved for now."},
    {308, "Permanent Redirect", "The page has moved."},
    {400, "Bad Request", "The server could not make sense of this request."},
    {401, "Unauthorized", "This page needs a login."},
    {403, "Forbidden", "This page may not be read."},
    {404, "Not Found", "There is nothing at this address."},
    {405, "Method Not Allowed", "This server only reads: GET, HEAD and OPTIONS."},
    {406, "Not Acceptable"},
    {408, "Request Timeout", "The request took too long to arrive."},
    {409, "Conflict"},
    {410, "Gone", "What was here has been removed."},
    {411, "Length Required"},
    {412, "Precondition Failed", "The file is not the one that the request was meant for."},
    {413, "Content Too Large", "The request carried more data than this server takes."},
    {414, "URI Too Long", "The address is longer than this server reads."},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable", "The file does not have the part that was asked for."},
    {417, "Expectation Failed", "The request expects something that this server does not do."},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests", "Please wait a little before the next request."},
    {431, "Request Header Fields Too Large",
     "The request's header is larger than this server reads."},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error", "The server could not read this page. Its log says why."},
    {501, "Not Implemented", "This server does not know the request's method."},
    {502, "Bad Gateway"},
    {503, "Service Unavailable", "The server is too busy right now. Please try again shortly."},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported", "This server speaks HTTP/1.0 and HTTP/1.1."},
    {507, "Insufficient Storage"},
    {511, "Network Authentication Required"},
});

constexpr status_text unknown_status{0, "Unknown"};

const status_text& find_status(int status) noexcept {
    auto found = std::lower_bound(
        statuses.begin(), statuses.end(), status,
        [](const status_text& candidate, int wanted) { return candidate.status < wanted; });
    return found != statuses.end() && found->status == status ? *found : unknown_status;
}

constexpr std::string_view error_style =
    "body{min-height:100vh;display:grid;place-items:center;padding:1.5rem}"
    "main{max-width:32rem;width:100%;padding:2.5rem;background:var(--card);border:1px solid "
    "var(--line);"
    "border-radius:16px;box-shadow:0 12px 40px #0000000f}"
    ".code{margin:0;font-size:clamp(3.5rem,18vw,6rem);font-weight:700;line-height:1;letter-spacing:"
    "-.04em;"
    "color:var(--link);font-variant-numeric:tabular-nums}"
    "h1{margin:.75rem 0 .5rem;font-size:1.375rem;line-height:1.3}"
    "p{margin:.25rem 0;color:var(--dim);overflow-wrap:anywhere}";

}  // namespace

std::string_view reason_phrase(int status) noexcept {
    return find_status(status).phrase;
}

std::string error_html(int status) {
    const auto& text = find_status(status);
    auto number = std::to_string(status);
    std::string page;
    page.reserve(2560);
    append_page_head(page, number + " " + std::string(text.phrase), error_style);
    page += "<main>\n<p class=\"code\" aria-hidden=\"true\">" + number + "</p>\n<h1>";
    append_html_text(page, text.phrase);
    page += "</h1>\n";
    if (!text.explanation.empty()) {
        page += "<p>";
        append_html_text(page, text.explanation);
        page += "</p>\n";
    }
    page += "</main>\n</body>\n</html>\n";
    return page;
}

}  // namespace sluice::http
