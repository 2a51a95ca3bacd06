// response_head.h: the beginning of a response.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include <sluice/buffer_slice.h>

namespace sluice::http {

// Makes the status line and the fields that every response has (Server, Date, Connection), which
// are the same for all responses of a second and are therefore made once and shared. One loop's
// thread only.
class response_head {
  public:
    enum class connection : std::uint8_t {
        keep,           // HTTP/1.1 and the connection stays: no field
        keep_http_1_0,  // HTTP/1.0 asked for it: "keep-alive"
        close,
    };

    // "HTTP/1.1 200 OK\r\nServer: ...\r\nDate: ...\r\n" and perhaps Connection; more fields must
    // follow.
    [[nodiscard]] buffer_slice begin(int status, connection after);

  private:
    void refresh_date();
    [[nodiscard]] buffer_slice make(int status, connection after) const;

    static constexpr std::array kept_statuses{200, 206, 304, 404};
    std::int64_t second_ = -1;
    std::string date_;
    std::array<std::array<buffer_slice, 3>, kept_statuses.size()> kept_;
};

}  // namespace sluice::http
