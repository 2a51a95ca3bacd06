#include "http/handler.h"

#include "http/error_page.h"

namespace sluice::http {

void append_response(chain& out, response_head& heads, exchange& x, int status,
                     std::string_view content_type, std::string_view fields, buffer_slice body) {
    x.answer.status = status;
    std::string text;
    if (!content_type.empty()) text.append("Content-Type: ").append(content_type).append("\r\n");
    bool may_have_body = status != 204 && status != 304;
    if (may_have_body)
        text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
    text.append(fields).append("\r\n");
    out.append(heads.begin(status, after(x)));
    out.append(buffer_slice::copy_of(as_bytes(text)));
    if (!may_have_body || x.asked.method == request_method::head) return;
    x.answer.body_bytes = body.size();
    out.append(std::move(body));
}

void append_error(chain& out, response_head& heads, exchange& x, int status,
                  std::string_view fields) {
    auto page = error_html(status);
    append_response(out, heads, x, status, "text/html; charset=utf-8", fields,
                    buffer_slice::copy_of(as_bytes(page)));
}

}  // namespace sluice::http
