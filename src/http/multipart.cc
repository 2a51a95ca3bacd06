#include "http/multipart.h"

#include <utility>

namespace sluice::http {

multipart_frame::multipart_frame(std::string boundary, std::string content_type,
                                 std::uint64_t file_size)
    : boundary_(std::move(boundary)), part_type_(std::move(content_type)), file_size_(file_size) {}

std::string multipart_frame::content_type() const {
    return "multipart/byteranges; boundary=" + boundary_;
}

std::string multipart_frame::part_head(const byte_range& range) const {
    std::string head = "\r\n--" + boundary_ + "\r\n";
    if (!part_type_.empty()) head += "Content-Type: " + part_type_ + "\r\n";
    return head + "Content-Range: " + content_range(range, file_size_) + "\r\n\r\n";
}

std::string multipart_frame::closing() const {
    return "\r\n--" + boundary_ + "--\r\n";
}

std::uint64_t multipart_frame::content_length(std::span<const byte_range> ranges) const {
    std::uint64_t length = closing().size();
    for (const auto& range : ranges)
        length += part_head(range).size() + range.size;
    return length;
}

}  // namespace sluice::http
