#include <sluice/buffer_slice.h>

#include "memory/heap_storage.h"

namespace sluice::inline v0 {

buffer_slice buffer_slice::copy_of(bytes_view bytes) {
    auto* owned = heap_storage::make(bytes.size());
    copy_bytes(owned->bytes(), bytes);
    return {owned->bytes(), owned};
}

}  // namespace sluice::inline v0
