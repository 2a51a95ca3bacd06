// listing.h: what a directory without an index file answers, as a page or as JSON.
//
// Nothing here reads a directory: the caller gathers the entries. A listing is built in memory as a
// whole, some 200 bytes an entry.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {

struct listing_entry {
    std::string name;  // as the file system has it: any bytes but slash and NUL
    bool directory = false;
    std::uint64_t size = 0;     // bytes; of a directory not shown
    std::int64_t modified = 0;  // Unix seconds
};

// By what entries are sorted. Directories stand before files in any case.
struct listing_order {
    enum class key { name, size, time };

    key sort = key::name;
    bool descending = false;
};

// Reads `sort=name|size|time` and `order=asc|desc` from the query of a request; anything else in it
// is passed over.
[[nodiscard]] listing_order parse_listing_order(std::string_view query) noexcept;

struct listing_page {
    std::string path;  // decoded, begins and ends with a slash
    std::vector<listing_entry> entries = {};
    bool truncated = false;  // there are more entries than these
    listing_order order = {};
};

// Brings the entries into the page's order; equal ones go by name. Names compare without regard to
// the case of ASCII letters first.
void sort_entries(listing_page& page);

// The entries in the order in which they are. HTML: no script, nothing to load, links relative to
// the page's path. A name that parse_target would refuse is shown, with U+FFFD for what cannot be,
// but has no link.
[[nodiscard]] std::string listing_html(const listing_page& page);

// {"path":"/a/","truncated":false,"entries":[{"name":"b","type":"file","size":5,
// "modified":"2026-11-20T10:00:00Z"}]}; the type is "file" or "directory", whose size is null.
[[nodiscard]] std::string listing_json(const listing_page& page);

// A size for people, in powers of 1024 and three digits at most: "0 B", "1.4 MiB", "230 GiB".
[[nodiscard]] std::string human_size(std::uint64_t bytes);

}  // namespace sluice::http
