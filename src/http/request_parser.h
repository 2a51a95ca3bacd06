// request_parser.h: from bytes to a request, by the strict reading of RFC 9112.
//
// Where the RFC leaves two readings the request is refused, since whoever sits before this server
// may take the other one: a bare LF or CR, obs-fold, white space before a colon, control bytes,
// Content-Length twice or with Transfer-Encoding, a Host that is missing, doubled or invalid. No
// allocation, no copy: the request's fields are views into the bytes given.
#pragma once

#include <cstddef>
#include <cstdint>

#include <sluice/bytes.h>

#include "http/request.h"

namespace sluice::http {

struct head_limits {
    std::size_t head_bytes = 16 * 1024;
    std::size_t header_fields = 100;
};

struct parsed_head {
    enum class outcome : std::uint8_t {
        incomplete,  // more bytes are needed
        complete,    // `size` bytes were the head
        refused,     // answer `status` and close
    };
    outcome is = outcome::incomplete;
    std::size_t size = 0;
    int status = 0;
};

// Reads the head at the front of `bytes` into `into`. `searched` is how many bytes an earlier call
// with the same front has already looked through, and is brought up to date.
[[nodiscard]] parsed_head parse_head(bytes_view bytes, std::size_t& searched,
                                     const head_limits& limits, request& into);

}  // namespace sluice::http
