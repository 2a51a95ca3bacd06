// handler.h: what answers requests.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <sluice/chain.h>

#include "http/request.h"
#include "http/resource.h"
#include "http/response_head.h"
#include "http/target.h"

namespace sluice::http {

// What a request gets.
struct response {
    int status = 200;
    std::uint64_t body_bytes = 0;
    bool close = false;
    bool known_resident = false;         // the body was found in the page cache a moment ago
    std::uint64_t bytes_per_second = 0;  // 0: no limit
    std::string trouble = {};            // for the error log: what only the operator can mend
};

// How far looking for the file of a request has come, for requests that have to wait for the disk
// in
// between.
struct file_search {
    std::shared_ptr<const site_set> sites;
    const site* from = nullptr;
    std::string path;  // decoded; what is looked for now
    std::string query;
    int status = 200;  // what the file is to be sent with
    bool on_fallback = false;
    bool on_error_page = false;
    std::optional<load_outcome> loaded;  // what was found off the loop
    std::optional<std::string> listing;  // made off the loop
};

// One request and what becomes of it. Lives from the head of the request to the end of the
// response.
struct exchange {
    using search = file_search;

    request asked;
    response answer;
    std::int64_t now_ns = 0;  // monotonic: when the request had come
    std::optional<search> lookup = {};

    void reset() {
        answer = {};
        lookup.reset();
    }
};

// Work that may wait for the disk: run in another thread. It must not touch anything but its
// exchange.
using blocking_work = std::function<void()>;

// Answers the requests of one loop's connections. One loop's thread only.
class handler {
  public:
    virtual ~handler() = default;
    // Appends the whole response to `out` and fills `x.answer`. Or returns work to be done in a
    // thread that may wait, after which it wants to be called again for the same exchange.
    [[nodiscard]] virtual std::optional<blocking_work> answer(exchange& x, chain& out) = 0;
    // Whether what it answers belongs into the access log and the count of requests.
    [[nodiscard]] virtual bool is_public() const noexcept { return true; }
};

// Appends a complete response of `status` with this body; `fields` are whole lines.
void append_response(chain& out, response_head& heads, exchange& x, int status,
                     std::string_view content_type, std::string_view fields, buffer_slice body);

// The built-in page for an error status. Sets close where the rest of the request cannot be
// trusted.
void append_error(chain& out, response_head& heads, exchange& x, int status,
                  std::string_view fields = {});

[[nodiscard]] inline response_head::connection after(const exchange& x) noexcept {
    if (x.answer.close || !x.asked.keep_alive) return response_head::connection::close;
    return x.asked.http_1_1 ? response_head::connection::keep
                            : response_head::connection::keep_http_1_0;
}

}  // namespace sluice::http
