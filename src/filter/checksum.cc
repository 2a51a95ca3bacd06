#include <algorithm>
#include <limits>

#include <zlib.h>
#ifdef SLUICE_HAS_ISAL
#include <isa-l/crc.h>
#endif

#include <sluice/filter.h>

namespace sluice::inline v0 {

std::uint32_t crc32_of(bytes_view data, std::uint32_t before) noexcept {
    // zlib takes a null pointer for the wish to begin anew.
    if (data.empty()) return before;
    const auto* bytes = reinterpret_cast<const Bytef*>(data.data());
#ifdef SLUICE_HAS_ISAL
    return crc32_gzip_refl(before, bytes, data.size());
#else
    return static_cast<std::uint32_t>(crc32_z(before, bytes, data.size()));
#endif
}

std::uint32_t crc32_joined(std::uint32_t first, std::uint32_t second,
                           std::uint64_t second_bytes) noexcept {
    return static_cast<std::uint32_t>(
        crc32_combine(first, second, static_cast<z_off_t>(second_bytes)));
}

}  // namespace sluice::inline v0
