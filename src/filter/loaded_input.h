// loaded_input.h: the pieces of a block as bytes that a codec can read.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <sluice/buffer_slice.h>
#include <sluice/bytes.h>
#include <sluice/chain.h>
#include <sluice/mapped_region.h>
#include <sluice/result.h>

namespace sluice::inline v0 {

class loaded_input {
  public:
    // Memory is taken as it is, files are mapped, and small pieces of files read. ENODATA for a
    // file that is shorter than its piece.
    [[nodiscard]] static result<loaded_input> of(const chain& pieces);

    // In order; none is empty. As long as this object is there.
    [[nodiscard]] std::span<const bytes_view> parts() const noexcept { return parts_; }
    // To be called when the parts have been read: the error when a file has lost bytes meanwhile,
    // which read as zeros then. Of memory that was mapped by others only what was touched is known.
    [[nodiscard]] result<void> check() const;
    // How much was copied out of files.
    [[nodiscard]] std::uint64_t bytes_read() const noexcept { return bytes_read_; }

  private:
    [[nodiscard]] result<void> add(const file_region& region);
    [[nodiscard]] result<void> add_mapped(const file_region& region);

    std::vector<bytes_view> parts_;
    std::vector<buffer_slice> held_;
    std::vector<mapped_region> mapped_;
    std::uint64_t bytes_read_ = 0;
};

}  // namespace sluice::inline v0
