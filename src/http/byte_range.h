// byte_range.h: which bytes of a file a Range field asks for (RFC 9110 section 14).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {

// `size` bytes from the byte `first`, counted from 0. Never empty, always inside the file.
struct byte_range {
    std::uint64_t first = 0;
    std::uint64_t size = 0;

    friend bool operator==(const byte_range&, const byte_range&) = default;
};

struct range_selection {
    // whole: answer as if there were no Range (200). partial: send `ranges` (206). unsatisfiable:
    // 416.
    enum class kind { whole, partial, unsatisfiable };

    kind outcome = kind::whole;
    std::vector<byte_range> ranges;  // empty unless partial
};

// Reads the value of a Range field for a file of `file_size` bytes.
//
//  - Bad syntax anywhere, or a unit other than bytes: whole.
//  - Ranges that begin behind the end are dropped, and so is `-0`; if none is left: unsatisfiable.
//  - If no ranges overlap or touch they stay in the order of the request. If any do, they are
//  joined and
//    all come in ascending order.
//  - More than `ranges_max` after joining: unsatisfiable.
//  - An empty file: `-N` asks for all of it, which no Content-Range can express, so it is whole;
//    anything else is unsatisfiable.
//
// Numbers may have any number of digits. One pass; time grows as n log n at worst, and memory is
// bounded by ranges_max and not by the field: a field whose ranges, where joined, still number far
// above ranges_max when the working space is full is unsatisfiable, though later ranges might have
// joined them.
[[nodiscard]] range_selection select_ranges(std::string_view range_field, std::uint64_t file_size,
                                            std::size_t ranges_max);

// The value of Content-Range, "bytes 0-499/1234"; and that for a 416, "bytes */1234".
[[nodiscard]] std::string content_range(const byte_range& range, std::uint64_t file_size);
[[nodiscard]] std::string unsatisfied_content_range(std::uint64_t file_size);

}  // namespace sluice::http
