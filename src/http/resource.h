// resource.h: a file that is ready to be sent, and how paths become files.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sluice/buffer_slice.h>
#include <sluice/file.h>

#include "http/accept_encoding.h"
#include "http/site.h"
#include "http/tree.h"

namespace sluice::http {

// One look at a path below the root: what was there, or that nothing was.
struct probe {
    std::string path;
    std::optional<file_identity> found;
};

// A file in one coding, with its header fields written out.
//
//     block:  Content-Type, Content-Length │ ETag, Last-Modified, … │ empty line │ the body, if it
//     is small
//             0                            common_begin             │            body_begin
struct representation {
    buffer_slice block;
    std::size_t common_begin = 0;
    std::size_t body_begin = 0;
    std::uint64_t size = 0;
    std::string etag;
    std::optional<file> content;  // empty when the block holds the body
    // When the whole body was last found in the page cache; a note of the loop that has the
    // resource in its cache.
    mutable std::int64_t resident_ns = 0;

    [[nodiscard]] buffer_slice head_fields() const { return block.slice(0, body_begin); }
    // The fields that a 206 and a 304 carry too, with the empty line.
    [[nodiscard]] buffer_slice common_fields() const {
        return block.slice(common_begin, body_begin - common_begin);
    }
};

// A file below a root in all codings it exists in. Immutable.
struct resource {
    std::string name;  // below the root, for logs
    std::string content_type;
    std::int64_t last_modified = 0;
    std::array<std::optional<representation>, coding_count> codings;
    coding_set existing;
    std::vector<probe> probes;  // what must still be so for this to be current
    // False while a change within the resolution of the file system's clock could go unseen.
    bool settled = false;

    [[nodiscard]] std::size_t memory() const noexcept;
    [[nodiscard]] std::size_t descriptors() const noexcept;
    [[nodiscard]] const representation& in(coding which) const {
        return *codings[static_cast<std::size_t>(which)];
    }
};

struct load_outcome {
    enum class kind : std::uint8_t {
        file,         // `found`
        redirect,     // a directory was asked for without the slash
        listing,      // a directory without an index file, which may be listed
        refused,      // `status`, and `reason` for the log where it is not the client's doing
        would_block,  // with cached_only: ask again where waiting is allowed
    };
    kind is = kind::refused;
    std::shared_ptr<const resource> found = {};
    int status = 0;
    std::string reason = {};
};

// Looks up a decoded path (target.h) below the site's root and makes ready what is there.
[[nodiscard]] load_outcome load(const site_set& all, const site& from, const std::string& path,
                                lookup how);

// Whether everything that `which` was made from is as it was. Never waits: false when it cannot
// know.
[[nodiscard]] bool is_current(const resource& which, const site& from);

// The HTTP status for what went wrong with a path.
[[nodiscard]] int status_for(const error& failed) noexcept;

}  // namespace sluice::http
