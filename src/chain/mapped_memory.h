// mapped_memory.h: whether bytes that were used are what they seem.
//
// A mapped file that is cut shows zeros where bytes are gone (mapped_region.h). Whoever has made
// something of a slice of one asks here, before he hands it on.
#pragma once

#include <string>

#include <sluice/bytes.h>
#include <sluice/mapped_region.h>
#include <sluice/result.h>
#include <sluice/storage.h>

namespace sluice::inline v0 {

// The error when some of the bytes are of a mapping and lost. A load and a branch as long as no
// mapping has ever lost any.
[[nodiscard]] inline result<void> check_mapped(bytes_view used) {
    auto fault = mapping_fault_of(used);
    if (!fault) [[likely]]
        return {};
    return failure(fault->reason, "read mapped",
                   "byte " + std::to_string(fault->position) + " of a mapped file");
}
// The same for bytes of which it is known what keeps them.
[[nodiscard]] inline result<void> check_mapped(const storage* owner, bytes_view used) {
    bool is_mapped = owner != nullptr && owner->kind() == storage_kind::mapping;
    return is_mapped ? check_mapped(used) : result<void>();
}

}  // namespace sluice::inline v0
