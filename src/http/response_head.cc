#include "http/response_head.h"

#include <algorithm>

#include "http/error_page.h"
#include "http/http_date.h"
#include "sys/clock.h"

namespace sluice::http {

buffer_slice response_head::begin(int status, connection after) {
    refresh_date();
    auto found = std::ranges::find(kept_statuses, status);
    if (found == kept_statuses.end()) return make(status, after);
    auto& kept = kept_[static_cast<std::size_t>(found - kept_statuses.begin())]
                      [static_cast<std::size_t>(after)];
    if (kept.empty()) kept = make(status, after);
    return kept;
}

void response_head::refresh_date() {
    auto now = sys::coarse_realtime_s();
    if (now == second_) return;
    second_ = now;
    date_ = format_http_date(now);
    kept_ = {};
}

buffer_slice response_head::make(int status, connection after) const {
    std::string text = "HTTP/1.1 " + std::to_string(status) + " ";
    text.append(reason_phrase(status))
        .append("\r\nServer: sluice\r\nDate: ")
        .append(date_)
        .append("\r\n");
    if (after == connection::keep_http_1_0) text.append("Connection: keep-alive\r\n");
    if (after == connection::close) text.append("Connection: close\r\n");
    return buffer_slice::copy_of(as_bytes(text));
}

}  // namespace sluice::http
