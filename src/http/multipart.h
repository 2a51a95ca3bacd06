// multipart.h: the frame around several ranges of one file (RFC 9110 sections 14.6 and 15.3.7.2).
//
//     \r\n--B\r\nContent-Type: T\r\nContent-Range: bytes 0-4/100\r\n\r\n   part_head(first)
//     the five bytes
//     \r\n--B\r\nContent-Type: T\r\nContent-Range: bytes 9-9/100\r\n\r\n   part_head(second)
//     the one byte
//     \r\n--B--\r\n                                                        closing()
//
// The line break in front of the first delimiter is the empty preamble that RFC 2046 allows; with
// it all heads are alike.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "http/byte_range.h"

namespace sluice::http {

// Stateless but for what it is made of; the texts it returns are the caller's.
class multipart_frame {
  public:
    // The boundary is 1 to 70 letters and digits that do not occur in the file: random ones, since
    // nobody reads the file to make sure. An empty content type leaves the field out.
    multipart_frame(std::string boundary, std::string content_type, std::uint64_t file_size);

    // The Content-Type of the whole response.
    [[nodiscard]] std::string content_type() const;
    [[nodiscard]] std::string part_head(const byte_range& range) const;
    [[nodiscard]] std::string closing() const;
    // The Content-Length of the whole response. Needs no more than the sum of the ranges and the
    // frame to fit 64 bits, which disjoint ranges of a real file do.
    [[nodiscard]] std::uint64_t content_length(std::span<const byte_range> ranges) const;

  private:
    std::string boundary_;
    std::string part_type_;
    std::uint64_t file_size_;
};

}  // namespace sluice::http
