// mapped_region_storage.h: one mapping, with the owners it has.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include <sluice/buffer_slice.h>
#include <sluice/file_region.h>
#include <sluice/mapped_region.h>
#include <sluice/result.h>

#include "file/mapping_faults.h"

namespace sluice::inline v0 {

[[nodiscard]] int madvise_of(mapping_advice advice) noexcept;

// Owned by handles and slices together, as every storage. The pages that it maps may become more
// while it lives, and never fewer; they do not move once they have been lent.
class mapping_storage final : public storage {
  public:
    // Maps the pages that hold `range` and applies the options to them; an empty range has none.
    // One owner. Nothing stays mapped when it fails or throws (std::bad_alloc).
    [[nodiscard]] static result<mapping_storage*> map(const file_region& range,
                                                      const mapping_options& options);

    [[nodiscard]] const file& source() const noexcept { return source_; }
    // The place in the file of the first page.
    [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
    [[nodiscard]] const mapping_options& options() const noexcept { return options_; }
    // There must be pages.
    [[nodiscard]] const mapping_watch& watch() const noexcept { return *watch_; }
    [[nodiscard]] std::byte* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t capacity() const noexcept override { return size_.load(); }

    // Something outside the one handle may point into the pages from now on.
    void lend() noexcept { lent_.store(true, std::memory_order_relaxed); }
    [[nodiscard]] bool lent() const noexcept { return lent_.load(std::memory_order_relaxed); }

    // At least `size` bytes of pages, the same ones in front. They move when `anywhere` allows it,
    // which must not be said of a mapping that is lent. False when they cannot become more: there
    // is no room behind, a part was lost, or calls for a part have made several mappings of them to
    // the kernel. On a failure they may have moved, and are as many as before.
    [[nodiscard]] result<bool> grow_to(std::size_t size, bool anywhere);
    // Maps the file again where bytes were lost.
    [[nodiscard]] result<void> refresh();

  private:
    mapping_storage(const file_region& range, const mapping_options& options) noexcept;
    void release() noexcept override;
    [[nodiscard]] writable_bytes pages() const noexcept { return {data_, size_.load()}; }
    [[nodiscard]] watched_range watched(writable_bytes pages) const noexcept;
    [[nodiscard]] result<void> own(writable_bytes pages);
    [[nodiscard]] result<bool> extend_to(std::size_t size);
    [[nodiscard]] result<bool> move_to(std::size_t size);
    [[nodiscard]] bytes_view behind(bytes_view longer) const noexcept;
    [[nodiscard]] result<void> apply_options(bytes_view pages) const;
    [[nodiscard]] result<void> map_again(lost_bytes& lost);
    [[nodiscard]] result<void> map_again(byte_range lost);

    file source_;
    std::uint64_t position_;
    mapping_options options_;
    std::byte* data_ = nullptr;
    std::atomic<std::size_t> size_{0};
    mapping_watch* watch_ = nullptr;
    std::mutex changing_;  // different handles may grow and refresh at one time
    std::atomic<bool> lent_{false};
};

}  // namespace sluice::inline v0
