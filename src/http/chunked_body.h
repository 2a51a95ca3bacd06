// chunked_body.h: finds the end of a chunked request body whose content nobody wants.
#pragma once

#include <cstddef>
#include <cstdint>

#include <sluice/bytes.h>

namespace sluice::http {

// Recognises the end of a chunked body whose content nobody wants (RFC 9112 section 7.1).
// Extensions and trailers are passed over, up to 16 KiB of them in a body.
class chunked_body {
  public:
    struct outcome {
        std::size_t consumed = 0;
        bool complete = false;
        bool refused = false;  // not chunked as the RFC has it, or longer than allowed: answer
                               // `status` and close
        int status = 0;
    };
    // Takes bytes from the front: all of them, or those up to the end of the body. `size_max`
    // bounds the content of the whole body. Not to be called again once it is complete or refused.
    [[nodiscard]] outcome feed(bytes_view bytes, std::uint64_t size_max) noexcept;

  private:
    enum class place : std::uint8_t {
        size_begin,
        size,
        blank,  // white space, which only an extension may follow
        extension,
        size_lf,
        content,
        content_cr,
        content_lf,
        trailer_begin,
        trailer_name,
        trailer_value,
        trailer_lf,
        end_lf,
        end,
    };
    [[nodiscard]] int take(char letter, std::uint64_t size_max) noexcept;
    [[nodiscard]] int take_size(char letter, std::uint64_t size_max) noexcept;
    [[nodiscard]] int take_extra(char letter, place next) noexcept;
    [[nodiscard]] int expect(place next) noexcept {
        at_ = next;
        return 0;
    }

    place at_ = place::size_begin;
    unsigned digits_ = 0;
    std::uint64_t left_ = 0;     // of the chunk
    std::uint64_t content_ = 0;  // of all chunks so far
    std::size_t extras_ = 0;
};

}  // namespace sluice::http
