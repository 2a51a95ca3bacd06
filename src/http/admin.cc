#include "http/admin.h"

namespace sluice::http {

namespace {
constexpr std::string_view uncached = "Cache-Control: no-store\r\n";
constexpr std::string_view plain_text = "text/plain; charset=utf-8";
}  // namespace

std::optional<blocking_work> admin_service::answer(exchange& x, chain& out) {
    auto target = x.asked.target.substr(0, x.asked.target.find('?'));
    if (!x.asked.is_get_or_head()) {
        append_error(out, heads_, x, 405, "Allow: GET, HEAD\r\n");
    } else if (target == "/metrics") {
        append_response(out, heads_, x, 200, "text/plain; version=0.0.4; charset=utf-8", uncached,
                        buffer_slice::copy_of(as_bytes(metrics_())));
    } else if (target == "/healthz" && draining_) {
        append_response(out, heads_, x, 503, plain_text, uncached,
                        buffer_slice::of_static("draining\n"));
    } else if (target == "/healthz") {
        append_response(out, heads_, x, 200, plain_text, uncached, buffer_slice::of_static("ok\n"));
    } else {
        append_error(out, heads_, x, 404);
    }
    return std::nullopt;
}

}  // namespace sluice::http
