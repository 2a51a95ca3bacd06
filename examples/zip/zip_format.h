// zip_format.h: the records of a zip archive (APPNOTE.TXT 6.3.10, sections 4.3 and 4.5).
//
//     [local header, data] for each entry ... [central directory] [its end]
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

#include <sluice/buffer.h>

namespace zip {

enum class method : std::uint16_t { stored = 0, deflated = 8 };

struct entry {
    std::string name;  // UTF-8, with / between folders
    method how = method::stored;
    std::uint32_t crc32 = 0;
    std::uint64_t plain_size = 0;
    std::uint64_t packed_size = 0;  // in the archive
    std::uint64_t position = 0;     // of the local header
    std::uint32_t dos_time = 0;     // date above, time below
    std::uint32_t mode = 0;         // Unix permissions and type
};

// The local time in the format of MS-DOS: two-second steps, from 1980 on.
[[nodiscard]] std::uint32_t dos_time_of(std::time_t when);

// Bytes before the data. Depends on name and plain_size alone, so that room can be left for it.
[[nodiscard]] std::uint64_t local_header_size(const entry& of);
[[nodiscard]] sluice::buffer local_header(const entry& of);
// The central directory, which begins at `position`, and its end.
[[nodiscard]] sluice::buffer central_directory(const std::vector<entry>& entries,
                                               std::uint64_t position);

}  // namespace zip
